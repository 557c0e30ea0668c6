//! Edits of pixels, one file each, after sharp and libvips: what they do to a picture, not how they do it.

mod blur;
mod median;
mod normalize;
mod rotate;
mod sharpen;
mod tint;
mod tone;
mod trim;

pub(crate) use rotate::{rotate, rotated_size};
pub(crate) use trim::trim;

use crate::{
    Edits,
    color::light::Curve,
    picture::{Channels, Picture},
};

/// Whether pixels are mixed after the resize, so that it must hand them over in the light they are mixed in.
pub(crate) fn mixes(edits: &Edits) -> bool {
    edits.grayscale
        || edits.median.is_some()
        || edits.threshold.is_some()
        || edits.blur.is_some()
        || edits.sharpen.is_some()
}

/// Applies everything that comes after the resize, in sharp's order. `light` is the curve the resize left open.
pub(crate) fn apply(mut picture: Picture, edits: &Edits, resized: bool, light: Option<&Curve>) -> Picture {
    if edits.grayscale {
        tone::grayscale(&mut picture);
    }
    if let Some(extend) = edits.extend {
        picture = picture.extended(&extend);
    }
    let mixed = edits.median.is_some() || edits.threshold.is_some() || edits.blur.is_some() || edits.sharpen.is_some();
    let softens = resized || edits.blur.is_some() || edits.sharpen.is_some();
    let weighted = mixed && softens && picture.channels == Channels::Rgba;
    if weighted {
        tone::premultiply(&mut picture);
    }
    if let Some(size) = edits.median {
        median::median(&mut picture, usize::from(size));
    }
    if let Some(level) = edits.threshold {
        tone::threshold(&mut picture, level);
    }
    if let Some(sigma) = edits.blur {
        blur::blur(&mut picture, sigma.value());
    }
    if let Some(sigma) = edits.sharpen {
        sharpen::sharpen(&mut picture, sigma.value());
    }
    if weighted {
        tone::unpremultiply(&mut picture);
    }
    if let Some(curve) = light {
        tone::close(&mut picture, curve);
    }
    if edits.normalize {
        normalize::normalize(&mut picture);
    }
    if let Some(color) = edits.tint {
        tint::tint(&mut picture, color);
    }
    if edits.negate {
        tone::negate(&mut picture);
    }
    picture
}
