//! The source's own bytes without its metadata, for when encoding the same picture again would only make it larger.
//!
//! A page may ask for a picture in the type and size it already has, and at a quality above its own. What an encoder
//! makes of it then has more bytes and a little less of the picture. The file is cut down to what draws it instead:
//! no EXIF, no XMP, no comments, nothing behind its end. Where metadata changes how the picture looks (a colour
//! profile), nothing is given back and the encoder's result stands.

mod jpeg;
mod png;
mod webp;

use crate::{ImageFormat, SourceType};

/// The bytes of `source` that draw it, or nothing where they cannot stand alone or are of another type than `format`.
///
/// For a source that was decoded without complaint and whose metadata does not turn it.
pub(crate) fn bare(source: &[u8], source_type: SourceType, format: ImageFormat) -> Option<Vec<u8>> {
    match (source_type, format) {
        (SourceType::Jpeg, ImageFormat::Jpeg) => jpeg::bare(source),
        (SourceType::Png, ImageFormat::Png) => png::bare(source),
        (SourceType::Webp, ImageFormat::Webp) => webp::bare(source),
        _ => None,
    }
}

/// What becomes of one piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// It draws the picture.
    Kept,
    /// It only speaks about it.
    Dropped,
    /// It changes the colours, so that the file may not go without it.
    Binding,
}
