//! WebP's chunks (RFC 9649 2): the canvas, the flags, and that the picture inside is no larger than the canvas says.

use super::{Header, le_u16, le_u24, le_u32};

const RIFF_HEADER_LEN: usize = 12;
const FLAG_ANIMATION: u8 = 0b0000_0010;
const FLAG_ALPHA: u8 = 0b0001_0000;

pub(super) fn header(source: &[u8]) -> Option<Header> {
    let mut chunks = Chunks { source, at: RIFF_HEADER_LEN };
    let (name, data) = chunks.next()?;
    match name {
        b"VP8 " => lossy(data),
        b"VP8L" => lossless(data),
        b"VP8X" => extended(data, chunks),
        _ => None,
    }
}

/// RFC 6386 9.1: a frame tag of 3 bytes, a start code, 14 bits each of width and height.
fn lossy(data: &[u8]) -> Option<Header> {
    if data.get(3..6)? != b"\x9d\x01\x2a" {
        return None;
    }
    let width = u32::from(le_u16(data, 6)? & 0x3fff);
    let height = u32::from(le_u16(data, 8)? & 0x3fff);
    Some(Header { width, height, ..Header::default() })
}

/// RFC 9649 3.4: a signature byte, 14 bits each of width and height less one, one bit of alpha.
fn lossless(data: &[u8]) -> Option<Header> {
    if *data.first()? != 0x2f {
        return None;
    }
    let bits = le_u32(data, 1)?;
    let (width, height) = ((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1);
    Some(Header { width, height, alpha: (bits >> 28) & 1 == 1, ..Header::default() })
}

fn extended(data: &[u8], chunks: Chunks<'_>) -> Option<Header> {
    let flags = *data.first()?;
    let mut header = Header {
        width: le_u24(data, 4)? + 1,
        height: le_u24(data, 7)? + 1,
        alpha: flags & FLAG_ALPHA != 0,
        animated: flags & FLAG_ANIMATION != 0,
        ..Header::default()
    };
    for (name, data) in chunks {
        let inner = match name {
            b"VP8 " => lossy(data)?,
            b"VP8L" => lossless(data)?,
            // One frame is no animation to an onlooker, but it is coded as one: it is left as it is.
            b"ANIM" | b"ANMF" => {
                header.animated = true;
                continue;
            }
            _ => continue,
        };
        // The decoder allocates by the inner size before it compares; a canvas of 1x1 must not smuggle in 16383x16383.
        if (inner.width, inner.height) != (header.width, header.height) {
            return None;
        }
        header.alpha |= inner.alpha;
    }
    Some(header)
}

struct Chunks<'a> {
    source: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    /// The last chunk may be cut short: its header is still read, and the decoder finds the rest missing.
    fn next(&mut self) -> Option<Self::Item> {
        let name = self.source.get(self.at..)?.first_chunk()?;
        let length = usize::try_from(le_u32(self.source, self.at + 4)?).ok()?;
        let start = self.at + 8;
        let rest = self.source.get(start..)?;
        let data = rest.get(..length).unwrap_or(rest);
        // Chunks are padded to even sizes (RFC 9649 2.3).
        self.at = start.checked_add(length)?.checked_add(length & 1)?;
        Some((name, data))
    }
}
