//! What a picture in an answer is: its type and its size, by its bytes alone.

use edgeplane_optimizer::{SourceType, probe};

use super::reply::Reply;

/// A picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Its type.
    pub(crate) kind: SourceType,
    /// Pixels across.
    pub(crate) width: u32,
    /// Pixels down.
    pub(crate) height: u32,
}

/// Looks at bytes; none where they are no picture.
pub(crate) fn look(bytes: &[u8]) -> Option<Picture> {
    let probe = probe(bytes).ok()?;
    let (width, height) = match probe.source_type {
        SourceType::Avif => extent(bytes)?,
        _ => (probe.width, probe.height),
    };
    Some(Picture { kind: probe.source_type, width, height })
}

/// Looks at the content of an answer that must be a picture.
#[track_caller]
pub(crate) fn of(reply: Reply) -> Picture {
    let reply = reply.expect(200).holding("content-type", "image/");
    look(&reply.body).unwrap_or_else(|| panic!("no picture: {}", reply.summary()))
}

/// The image spatial extents property of a HEIF file (ISO/IEC 23008-12 6.5.3): version and flags, width, height.
fn extent(bytes: &[u8]) -> Option<(u32, u32)> {
    let at = bytes.windows(4).position(|name| name == b"ispe")? + 8;
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    Some((number(at)?, number(at + 4)?))
}
