//! JPEG by zune-jpeg: baseline and progressive, grey, YCbCr, CMYK and YCCK. What is to become much smaller, and is as
//! plain as photographs are, is decoded to fewer pixels by libjpeg.

use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::{JpegDecoder, errors::DecodeErrors};

use super::{Decoded, foreign::libjpeg};
use crate::{
    Order, Probe, Refusal,
    color::{
        ink::{Inks, to_rgb},
        profile::Source,
    },
    orientation::Turn,
    picture::{Channels, Picture},
    probe::{has_adobe_marker, is_complete_jpeg, is_plain_jpeg, is_split_jpeg},
    scale::Scale,
};

/// Scans of a progressive file. Encoders write about ten; each costs a walk over every coefficient.
const SCANS_MAX: usize = 64;

/// Decodes to what `order` has use for, or without one to all pixels.
pub(super) fn decode(source: &[u8], probe: &Probe, order: Option<&Order>) -> Result<Decoded, Refusal> {
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
    decoder.decode_headers().map_err(refusal)?;
    // Four inks are left as they are: the decoder would mix them without their profile.
    let inks = match decoder.input_colorspace() {
        Some(stored @ (ColorSpace::CMYK | ColorSpace::YCCK)) if components(&decoder) == 4 => {
            decoder.set_options(options.jpeg_set_out_colorspace(stored));
            Some(Inks { ycck: stored == ColorSpace::YCCK, inverted: has_adobe_marker(source) })
        }
        _ => None,
    };
    let turn = decoder.exif().map_or_else(Turn::default, |exif| Turn::of_exif(exif));
    if let Some((scale, pixels)) = order.and_then(|order| scaled(source, probe, turn, order)) {
        let (width, height) = scale.size();
        let picture = Picture { width, height, channels: Channels::Rgb, pixels };
        return Ok(Decoded { picture, scale, turn, colors: Source::icc(decoder.icc_profile()) });
    }
    let pixels = decoder.decode().map_err(refusal)?;
    let info = decoder.info().ok_or(Refusal::Corrupt)?;
    let profile = decoder.icc_profile();
    let (pixels, colors) = match inks {
        Some(inks) => (to_rgb(pixels, inks, profile.as_deref()), Source::Srgb),
        None => (pixels, Source::icc(profile)),
    };
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    let scale = Scale::whole((width, height));
    Ok(Decoded { picture: Picture { width, height, channels: Channels::Rgb, pixels }, scale, turn, colors })
}

/// Fewer pixels, where fewer will do. Whatever is odd about a file leaves it to the decoder that reads everything.
fn scaled(source: &[u8], probe: &Probe, turn: Turn, order: &Order) -> Option<(Scale, Vec<u8>)> {
    let scale = Scale::wanted((probe.width, probe.height), turn, order);
    if scale.is_whole() || !is_plain_jpeg(source, SCANS_MAX) {
        return None;
    }
    let pixels = libjpeg::decode(source, &scale, probe.memory_bytes)?;
    Some((scale, pixels))
}

fn components(decoder: &JpegDecoder<ZCursor<&[u8]>>) -> u8 {
    decoder.info().map_or(0, |info| info.components)
}

#[expect(clippy::needless_pass_by_value, reason = "the form map_err calls")]
fn refusal(error: DecodeErrors) -> Refusal {
    match error {
        DecodeErrors::Unsupported(_) => Refusal::Unsupported,
        _ => Refusal::Corrupt,
    }
}
