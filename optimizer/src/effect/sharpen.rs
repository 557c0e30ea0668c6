//! Sharper edges: an unsharp mask on the lightness, gentler on small differences and bounded on large ones.

use super::{
    blur::{Mask, smooth},
    tone::colors,
};
use crate::{
    color::lab::{Lab, Space},
    picture::Picture,
};

/// Where the mask ends; libvips takes a wider one to sharpen than to blur.
const AMPLITUDE_MIN: f64 = 0.1;

/// Differences of lightness up to this are flat areas.
const FLAT: f32 = 2.0;
/// How much of a difference is added in flat areas, and of what exceeds them.
const FLAT_GAIN: f32 = 1.0;
const JAGGED_GAIN: f32 = 2.0;
/// The most that is added, and that is taken away: dark halos are seen less than light ones.
const LIGHTER_MAX: f32 = 10.0;
const DARKER_MAX: f32 = 20.0;

/// Sharpens with a mask of that standard deviation in pixels.
pub(super) fn sharpen(picture: &mut Picture, sigma: f64) {
    let mask = Mask::gaussian(sigma, AMPLITUDE_MIN);
    if mask.is_idle() {
        return;
    }
    let (space, width) = (Space::new(), picture.width as usize);
    let mut smoothed: Vec<f32> = colors(picture).map(|rgb| space.lab(*rgb).l).collect();
    smooth(&mut smoothed, width, &mask);
    for (rgb, smoothed) in colors(picture).zip(smoothed) {
        let Lab { l, a, b } = space.lab(*rgb);
        let l = (l + gain(l - smoothed)).clamp(0.0, 100.0);
        *rgb = space.rgb(Lab { l, a, b });
    }
}

/// What is added for a difference from the surroundings.
fn gain(difference: f32) -> f32 {
    let flat = difference.clamp(-FLAT, FLAT);
    (flat * FLAT_GAIN + (difference - flat) * JAGGED_GAIN).clamp(-DARKER_MAX, LIGHTER_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Channels;

    #[test]
    fn an_edge_gets_steeper_and_flat_areas_stay() {
        let pixels: Vec<u8> = (0..16).flat_map(|x| [if x < 8 { 90 } else { 160 }; 3]).collect::<Vec<u8>>().repeat(9);
        let mut picture = Picture { width: 16, height: 9, channels: Channels::Rgb, pixels };
        sharpen(&mut picture, 1.0);
        let row: Vec<u8> = picture.pixels[16 * 3 * 4..16 * 3 * 5].iter().step_by(3).copied().collect();
        assert_eq!((row[0], row[15]), (90, 160));
        assert!(row[7] < 80 && row[8] > 170, "{row:?}");
    }

    #[test]
    fn what_is_added_is_bounded() {
        assert!((gain(1.0) - 1.0).abs() < 1e-6 && (gain(3.0) - 4.0).abs() < 1e-6);
        assert!((gain(90.0) - LIGHTER_MAX).abs() < 1e-6 && (gain(-90.0) + DARKER_MAX).abs() < 1e-6);
    }
}
