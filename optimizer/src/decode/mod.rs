//! Bytes to pixels: one decoder per format, all ending in 8-bit RGB or RGBA. All are memory-safe Rust but AVIF's, which
//! keeps dav1d's assembly, and libjpeg, which decodes to fewer pixels: whoever allows these has a sandbox around them.

mod avif;
mod foreign;
mod jpeg;
mod png;
mod webp;

use crate::{
    Order, Probe, Refusal, SourceType, color::profile::Source, orientation::Turn, picture::Picture, scale::Scale,
};

/// Pixels as stored or fewer, and what their metadata says of them.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) picture: Picture,
    /// How many of the stored pixels `picture` has.
    pub(crate) scale: Scale,
    pub(crate) turn: Turn,
    /// What the colours are.
    pub(crate) colors: Source,
}

/// Decodes a still image. The size is the probe's: a decoder that finds another one refuses.
///
/// With an `order` no more pixels are made than it has use for, where the decoder can leave some out. `native` allows
/// decoders that are not memory-safe Rust.
pub(crate) fn decode(source: &[u8], probe: &Probe, native: bool, order: Option<&Order>) -> Result<Decoded, Refusal> {
    let decoded = match probe.source_type {
        SourceType::Jpeg => jpeg::decode(source, probe, order.filter(|_| native)),
        SourceType::Png => png::decode(source, probe),
        SourceType::Webp => webp::decode(source),
        SourceType::Avif if native => avif::decode(source, probe),
        SourceType::Avif
        | SourceType::Gif
        | SourceType::Svg
        | SourceType::Ico
        | SourceType::Bmp
        | SourceType::Tiff
        | SourceType::Jxl
        | SourceType::Heic => Err(Refusal::Unsupported),
    }?;
    let Picture { width, height, channels, pixels } = &decoded.picture;
    let whole = *width as usize * *height as usize * channels.len();
    let scale = decoded.scale;
    if scale.full != (probe.width, probe.height) || (*width, *height) != scale.size() || pixels.len() != whole {
        return Err(Refusal::Corrupt);
    }
    Ok(decoded)
}
