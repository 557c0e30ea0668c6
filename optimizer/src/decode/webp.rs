//! WebP by image-webp: lossy and lossless, with and without alpha. Animations are never decoded.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::Decoded;
use crate::{
    Refusal,
    color::profile::Source,
    orientation::Turn,
    picture::{Channels, Picture},
    scale::Scale,
};

pub(super) fn decode(source: &[u8]) -> Result<Decoded, Refusal> {
    let mut decoder = WebPDecoder::new(Cursor::new(source)).map_err(|_| Refusal::Corrupt)?;
    if decoder.is_animated() {
        return Err(Refusal::Unsupported);
    }
    decoder.set_memory_limit(source.len());
    let (width, height) = decoder.dimensions();
    let size = decoder.output_buffer_size().ok_or(Refusal::TooManyPixels(width, height))?;
    let channels = if decoder.has_alpha() { Channels::Rgba } else { Channels::Rgb };
    let mut pixels = vec![0; size];
    decoder.read_image(&mut pixels).map_err(|_| Refusal::Corrupt)?;
    // Metadata that cannot be read says nothing about the picture.
    let turn = decoder.exif_metadata().ok().flatten().map_or_else(Turn::default, |exif| Turn::of_exif(&exif));
    let colors = Source::icc(decoder.icc_profile().ok().flatten());
    let scale = Scale::whole((width, height));
    Ok(Decoded { picture: Picture { width, height, channels, pixels }, scale, turn, colors })
}
