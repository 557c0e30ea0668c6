//! Lightness stretched over the whole range, colours kept.

use super::tone::colors;
use crate::{
    color::lab::{Lab, Space},
    picture::Picture,
};

/// Stretches the lightness from its first hundredth up to its lightest step.
pub(super) fn normalize(picture: &mut Picture) {
    let space = Space::new();
    let mut counts = [0_u64; 101];
    let mut pixels = 0;
    for rgb in colors(picture) {
        counts[step(space.lab(*rgb).l)] += 1;
        pixels += 1;
    }
    let (low, high) = ends(&counts, pixels);
    if high - low <= 1.0 {
        return;
    }
    let factor = 100.0 / (high - low);
    for rgb in colors(picture) {
        let Lab { l, a, b } = space.lab(*rgb);
        *rgb = space.rgb(Lab { l: (l - low) * factor, a, b });
    }
}

/// The whole steps of lightness, as libvips counts them.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range before")]
fn step(lightness: f32) -> usize {
    lightness.clamp(0.0, 100.0) as usize
}

/// The lightness that becomes black, and the one that becomes white.
///
/// sharp asks libvips for the percentiles 1 and 99 of at most 101 whole steps. Its histogram is scaled to its own number of
/// steps, in whole numbers, so the lower end is a little above the first hundredth, and the upper end is the end of the
/// last step.
fn ends(counts: &[u64; 101], pixels: u64) -> (f32, f32) {
    let steps = counts.iter().rposition(|count| *count > 0).map_or(1, |last| last + 1);
    let scale = steps as u64 - 1;
    let mut below = 0;
    let low = counts.iter().position(|count| {
        below += count;
        below * scale / pixels.max(1) * 100 > steps as u64
    });
    (lightness(low.unwrap_or(steps)), lightness(steps.min(100)))
}

#[expect(clippy::cast_precision_loss, reason = "at most 101")]
fn lightness(step: usize) -> f32 {
    step as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Channels;

    #[test]
    fn a_dull_picture_reaches_black_and_white() {
        let pixels: Vec<u8> = (0..100).flat_map(|x| [80 + x; 3]).collect();
        let mut picture = Picture { width: 100, height: 1, channels: Channels::Rgb, pixels };
        normalize(&mut picture);
        assert!(picture.pixels[0] < 8 && picture.pixels[299] > 247, "{:?}", &picture.pixels[..6]);
    }

    #[test]
    fn one_colour_stays() {
        let mut picture = Picture { width: 2, height: 1, channels: Channels::Rgb, pixels: vec![80; 6] };
        normalize(&mut picture);
        assert_eq!(picture.pixels, vec![80; 6]);
    }
}
