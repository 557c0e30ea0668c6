//! PNG by the png crate: every colour type and depth, interlaced or not.

use std::io::Cursor;

use png::{ColorType, Decoder, Info, Limits, Transformations};

use super::Decoded;
use crate::{
    Probe, Refusal,
    color::{
        coded::Code,
        profile::{Described, Source},
    },
    orientation::Turn,
    picture::{Channels, Picture},
    scale::Scale,
};

pub(super) fn decode(source: &[u8], probe: &Probe) -> Result<Decoded, Refusal> {
    // The crate's limit counts its working memory and the chunks it keeps; the pixels are ours.
    let limits = Limits { bytes: probe.memory_bytes.saturating_add(source.len()).saturating_add(1 << 20) };
    let mut decoder = Decoder::new_with_limits(Cursor::new(source), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(|_| Refusal::Corrupt)?;
    let (width, height) = (reader.info().width, reader.info().height);
    if (width, height) != (probe.width, probe.height) {
        return Err(Refusal::Corrupt);
    }
    let size = reader.output_buffer_size().ok_or(Refusal::TooManyPixels(width, height))?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(|_| Refusal::Corrupt)?;
    pixels.truncate(frame.buffer_size());
    let turn = reader.info().exif_metadata.as_deref().map_or_else(Turn::default, Turn::of_exif);
    let (channels, pixels) = match frame.color_type {
        ColorType::Rgb => (Channels::Rgb, pixels),
        ColorType::Rgba => (Channels::Rgba, pixels),
        ColorType::Grayscale => (Channels::Rgb, pixels.iter().flat_map(|grey| [*grey; 3]).collect()),
        ColorType::GrayscaleAlpha => (Channels::Rgba, with_alpha(&pixels)),
        // `EXPAND` leaves no palette; a crate that does after all is not believed.
        ColorType::Indexed => return Err(Refusal::Corrupt),
    };
    let colors = colors(reader.info());
    let scale = Scale::whole((width, height));
    Ok(Decoded { picture: Picture { width, height, channels, pixels }, scale, turn, colors })
}

/// What the chunks say of the colours; the more precise one counts (PNG 3rd edition 4.3).
fn colors(info: &Info<'_>) -> Source {
    if let Some(points) = &info.coding_independent_code_points {
        let code = Code { primaries: points.color_primaries.into(), transfer: points.transfer_function.into() };
        // Of what these numbers may also say, a picture of ordinary range has nothing; then the other chunks speak.
        if points.is_video_full_range_image && !code.is_high_range() {
            return Source::Coded(code);
        }
    }
    if let Some(profile) = &info.icc_profile {
        return Source::icc(Some(profile.to_vec()));
    }
    let (None, Some(gamma)) = (info.srgb, info.gama_chunk) else { return Source::Srgb };
    let primaries = info
        .chrm_chunk
        .map(|chrm| [chrm.white, chrm.red, chrm.green, chrm.blue].map(|(x, y)| (x.into_value(), y.into_value())));
    Source::Described(Described { gamma: gamma.into_value(), primaries })
}

fn with_alpha(pairs: &[u8]) -> Vec<u8> {
    pairs.as_chunks::<2>().0.iter().flat_map(|[grey, alpha]| [*grey, *grey, *grey, *alpha]).collect()
}
