//! JPEG by zune-jpeg: baseline and progressive, grey, YCbCr, and CMYK without its colour profile.

use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::{JpegDecoder, errors::DecodeErrors};

use super::Decoded;
use crate::{
    Probe, Refusal,
    orientation::Turn,
    picture::{Channels, Picture},
    probe::{is_complete_jpeg, is_split_jpeg},
};

/// Scans of a progressive file. Encoders write about ten; each costs a walk over every coefficient.
const SCANS_MAX: usize = 64;

pub(super) fn decode(source: &[u8], probe: &Probe) -> Result<Decoded, Refusal> {
    // The decoder is left in its lenient mode, because cameras write harmless oddities that its strict mode refuses;
    // but what was cut short would come out half grey.
    if !is_complete_jpeg(source) {
        return Err(Refusal::Corrupt);
    }
    if is_split_jpeg(source) {
        return Err(Refusal::Unsupported);
    }
    let options = DecoderOptions::default()
        .set_max_width(probe.width as usize)
        .set_max_height(probe.height as usize)
        .jpeg_set_max_scans(SCANS_MAX)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(source), options);
    let pixels = decoder.decode().map_err(refusal)?;
    let info = decoder.info().ok_or(Refusal::Corrupt)?;
    let turn = decoder.exif().map_or_else(Turn::default, |exif| Turn::of_exif(exif));
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    Ok(Decoded { picture: Picture { width, height, channels: Channels::Rgb, pixels }, turn })
}

#[expect(clippy::needless_pass_by_value, reason = "the form map_err calls")]
fn refusal(error: DecodeErrors) -> Refusal {
    match error {
        DecodeErrors::Unsupported(_) => Refusal::Unsupported,
        _ => Refusal::Corrupt,
    }
}
