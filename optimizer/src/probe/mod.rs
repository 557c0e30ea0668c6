//! What an image is, by its first bytes only: a `Content-Type` is never believed.

pub(crate) mod avif;
mod gif;
mod jpeg;
mod magic;
mod png;
mod svg;
mod webp;

pub(crate) use jpeg::{
    has_adobe_marker, is_complete as is_complete_jpeg, is_plain as is_plain_jpeg, is_split as is_split_jpeg,
};

use crate::{Refusal, limits::decoder_price};

/// What the header of an image says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The type by magic bytes.
    pub source_type: SourceType,
    /// Stored width in pixels, before EXIF orientation; 0 where we do not read one, because we never decode the type.
    pub width: u32,
    /// Stored height in pixels.
    pub height: u32,
    /// More than one frame.
    pub animated: bool,
    /// Whether pixels may be transparent.
    pub alpha: bool,
    /// Bytes of memory the decoder will hold at most, priced before anything is allocated.
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

impl SourceType {
    /// Whether [`optimize`](crate::optimize) can read still images of this type.
    pub fn is_decoded(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Webp | Self::Avif)
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Gif => "image/gif",
            Self::Svg => "image/svg+xml",
            Self::Ico => "image/x-icon",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
            Self::Jxl => "image/jxl",
            Self::Heic => "image/heic",
        }
    }

    /// The usual file extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Avif => "avif",
            Self::Gif => "gif",
            Self::Svg => "svg",
            Self::Ico => "ico",
            Self::Bmp => "bmp",
            Self::Tiff => "tiff",
            Self::Jxl => "jxl",
            Self::Heic => "heic",
        }
    }
}

/// What a format's own header reader found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Header {
    width: u32,
    height: u32,
    animated: bool,
    alpha: bool,
    /// The decoder must hold the whole image in an intermediate form (progressive JPEG).
    staged: bool,
    /// Pixels are four inks.
    inks: bool,
}

/// Reads the type and the size of `source` without decoding it. Linear in the header.
///
/// # Errors
/// [`Refusal::NotAnImage`] when the first bytes are of no type we know, [`Refusal::Corrupt`] when they promise a type
/// whose header does not follow or names an empty picture.
pub fn probe(source: &[u8]) -> Result<Probe, Refusal> {
    let source_type = magic::source_type(source).ok_or(Refusal::NotAnImage)?;
    let header = match source_type {
        SourceType::Jpeg => jpeg::header(source),
        SourceType::Png => png::header(source),
        SourceType::Webp => webp::header(source),
        SourceType::Gif => gif::header(source),
        SourceType::Avif => avif::header(source),
        SourceType::Svg | SourceType::Ico | SourceType::Bmp | SourceType::Tiff | SourceType::Jxl | SourceType::Heic => {
            Some(Header::default())
        }
    };
    let header = header.ok_or(Refusal::Corrupt)?;
    if source_type.is_decoded() && (header.width == 0 || header.height == 0) {
        return Err(Refusal::Corrupt);
    }
    let Header { width, height, animated, alpha, staged, inks } = header;
    let memory_bytes = decoder_price(source_type, width, height, staged, inks);
    Ok(Probe { source_type, width, height, animated, alpha, memory_bytes })
}

/// Big-endian reads that end where the input ends.
fn be_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn le_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn le_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// 24 bits, little-endian, as in WebP's extended header.
fn le_u24(bytes: &[u8], at: usize) -> Option<u32> {
    let [low, mid, high] = *bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes([low, mid, high, 0]))
}

#[cfg(test)]
mod tests;
