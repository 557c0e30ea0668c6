//! Bytes to pixels: one decoder per format, all ending in 8-bit RGB or RGBA. All are memory-safe Rust but AVIF's, which
//! keeps dav1d's assembly: whoever calls must have a sandbox around it.

mod avif;
mod jpeg;
mod png;
mod webp;

use crate::{Probe, Refusal, SourceType, color::profile::Source, orientation::Turn, picture::Picture};

/// Pixels as stored, and what their metadata says of them.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) picture: Picture,
    pub(crate) turn: Turn,
    /// What the colours are.
    pub(crate) colors: Source,
}

/// Decodes a still image. The size is the probe's: a decoder that finds another one refuses.
pub(crate) fn decode(source: &[u8], probe: &Probe) -> Result<Decoded, Refusal> {
    let decoded = match probe.source_type {
        SourceType::Jpeg => jpeg::decode(source, probe),
        SourceType::Png => png::decode(source, probe),
        SourceType::Webp => webp::decode(source),
        SourceType::Avif => avif::decode(source, probe),
        SourceType::Gif
        | SourceType::Svg
        | SourceType::Ico
        | SourceType::Bmp
        | SourceType::Tiff
        | SourceType::Jxl
        | SourceType::Heic => Err(Refusal::Unsupported),
    }?;
    let Picture { width, height, channels, pixels } = &decoded.picture;
    let whole = *width as usize * *height as usize * channels.len();
    if decoded.picture.size() != (probe.width, probe.height) || pixels.len() != whole {
        return Err(Refusal::Corrupt);
    }
    Ok(decoded)
}
