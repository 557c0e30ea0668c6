//! Pixels as encoders of video want them: light and two colour differences apart.
//!
//! ITU-R BT.601 in full range, as in a JPEG (JFIF 1.02), every pixel with its own colour (4:4:4): at half the size the
//! colours of a photograph score lower than the bytes they save are worth.

use crate::picture::{Channels, Picture};

/// One channel, row by row.
#[derive(Debug)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Exactly `width * height` samples.
    pub(super) samples: Vec<u8>,
}

/// A picture as light, two colour differences, and, where it has one, its alpha.
#[derive(Debug)]
pub(super) struct Planes {
    /// Y, Cb, Cr.
    pub(super) colour: [Plane; 3],
    pub(super) alpha: Option<Plane>,
}

/// Fractional bits of the matrix.
const BITS: u32 = 16;
/// Y of red, green and blue; together exactly 1, so that white stays white.
const Y: [i32; 3] = [19_595, 38_470, 7_471];
/// Cb and Cr of the same; together 0, so that grey has no colour.
const CB: [i32; 3] = [-11_059, -21_709, 32_768];
const CR: [i32; 3] = [32_768, -27_439, -5_329];
/// What stands for no colour.
const NEUTRAL: i32 = 128;

impl Planes {
    pub(super) fn of(picture: &Picture) -> Self {
        let (width, height) = (picture.width as usize, picture.height as usize);
        let plane = |samples| Plane { width, height, samples };
        let colour = match picture.channels {
            Channels::Rgb => colour::<3>(&picture.pixels),
            Channels::Rgba => colour::<4>(&picture.pixels),
        };
        let alpha = (picture.channels == Channels::Rgba)
            .then(|| plane(picture.pixels.iter().skip(3).step_by(4).copied().collect()));
        Self { colour: colour.map(plane), alpha }
    }
}

fn colour<const N: usize>(pixels: &[u8]) -> [Vec<u8>; 3] {
    let (pixels, _) = pixels.as_chunks::<N>();
    [(Y, 0), (CB, NEUTRAL), (CR, NEUTRAL)].map(|(weights, zero)| {
        pixels.iter().map(|pixel| weighed(weights, [pixel[0], pixel[1], pixel[2]], zero)).collect()
    })
}

fn weighed(weights: [i32; 3], channels: [u8; 3], zero: i32) -> u8 {
    let [red, green, blue] = channels.map(i32::from);
    let sum = weights[0] * red + weights[1] * green + weights[2] * blue + (zero << BITS);
    u8::try_from(((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 0xff)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primaries_become_what_jfif_says() {
        let cases: [([u8; 3], [u8; 3]); 6] = [
            ([255, 255, 255], [255, 128, 128]),
            ([0, 0, 0], [0, 128, 128]),
            ([255, 0, 0], [76, 85, 255]),
            ([0, 255, 0], [150, 44, 21]),
            ([0, 0, 255], [29, 255, 107]),
            ([90, 90, 90], [90, 128, 128]),
        ];
        let pixels = cases.iter().flat_map(|(rgb, _)| *rgb).collect();
        let planes = Planes::of(&Picture { width: 3, height: 2, channels: Channels::Rgb, pixels });
        for (plane, samples) in planes.colour.iter().zip([0, 1, 2].map(|plane| cases.map(|(_, ycc)| ycc[plane]))) {
            assert_eq!((plane.width, plane.height, &plane.samples[..]), (3, 2, &samples[..]));
        }
        assert!(planes.alpha.is_none());
    }

    #[test]
    fn alpha_is_a_plane_of_its_own() {
        let pixels = vec![255, 255, 255, 7, 0, 0, 0, 200];
        let planes = Planes::of(&Picture { width: 2, height: 1, channels: Channels::Rgba, pixels });
        assert_eq!(planes.colour[0].samples, [255, 0]);
        assert_eq!(planes.alpha.map(|alpha| alpha.samples), Some(vec![7, 200]));
    }
}
