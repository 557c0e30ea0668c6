//! Pixels to bytes: one encoder per format. They see only our own pixels, never a byte of the source.

mod avif;
mod bounded;
mod foreign;
mod jpeg;
mod palette;
mod planes;
mod png;
mod quality;
mod webp;

use crate::{Encoded, ImageFormat, Limits, Order, Refusal, picture::Picture};

/// Writes `picture` as `order` says.
pub(crate) fn encode(picture: Picture, order: &Order, limits: &Limits) -> Result<Encoded, Refusal> {
    let (width, height) = picture.size();
    let quality = order.quality.clamp(1, 100);
    let bytes = match order.format {
        ImageFormat::Avif => avif::encode(&picture, quality)?,
        ImageFormat::Webp => webp::encode(&picture, quality)?,
        ImageFormat::Jpeg => jpeg::encode(picture, quality)?,
        ImageFormat::Png => png::encode(&picture, quality, limits)?,
    };
    if bytes.len() > limits.output_bytes {
        return Err(Refusal::OutputTooLarge(bytes.len()));
    }
    Ok(Encoded { bytes, format: order.format, width, height })
}
