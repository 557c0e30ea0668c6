//! What an image is, by its first bytes only: a `Content-Type` is never believed.

use crate::Refusal;

/// What the header of an image says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The type by magic bytes.
    pub source_type: SourceType,
    /// Stored width in pixels, before EXIF orientation; 0 where the type has none we read (SVG).
    pub width: u32,
    /// Stored height in pixels.
    pub height: u32,
    /// More than one frame.
    pub animated: bool,
    /// Bytes of memory the job will hold at most, priced before anything is allocated.
    pub memory_bytes: usize,
}

/// A type known by its magic bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SourceType {
    Jpeg,
    Png,
    Webp,
    Avif,
    Gif,
    Svg,
    Ico,
    Bmp,
    Tiff,
    Jxl,
    Heic,
}

/// Reads the type and the size of `source` without decoding it.
///
/// # Errors
/// [`Refusal::NotAnImage`] or [`Refusal::Corrupt`].
pub fn probe(source: &[u8]) -> Result<Probe, Refusal> {
    let _ = source;
    todo!()
}
