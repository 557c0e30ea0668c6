//! Pixels to bytes: one encoder per format. They see only our own pixels, never a byte of the source.

mod avif;
mod bounded;
mod foreign;
mod halved;
mod jpeg;
mod palette;
mod planes;
mod png;
mod quality;
mod webp;

pub(crate) use webp::QUICK_MAX as WEBP_QUICK_MAX;

use crate::{
    Encoded, ImageFormat, Limits, Order, Refusal,
    color::{profile::Gamut, tag},
    picture::Picture,
};

/// Writes `picture` as `order` says. A file that does not say what its colours are has those of sRGB.
pub(crate) fn encode(picture: Picture, gamut: Gamut, order: &Order, limits: &Limits) -> Result<Encoded, Refusal> {
    let (width, height) = picture.size();
    let quality = order.quality.clamp(1, 100);
    let mut bytes = match order.format {
        ImageFormat::Avif => avif::encode(&picture, gamut, quality)?,
        ImageFormat::Webp => webp::encode(&picture, quality)?,
        ImageFormat::Jpeg => jpeg::encode(picture, quality)?,
        ImageFormat::Png => png::encode(&picture, quality, limits)?,
    };
    if gamut == Gamut::DisplayP3 && order.format != ImageFormat::Avif {
        bytes = tag::display_p3(&bytes, order.format, (width, height)).ok_or(Refusal::Encode)?;
    }
    if bytes.len() > limits.output_bytes {
        return Err(Refusal::OutputTooLarge(bytes.len()));
    }
    Ok(Encoded { bytes, format: order.format, width, height })
}
