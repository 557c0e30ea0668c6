//! One chroma for all pixels: full in the middle of the lightness, none at black and white.

use super::tone::{colors, gray};
use crate::{
    Rgb,
    color::lab::{Lab, Space},
    picture::Picture,
};

/// Tints the greys of a picture.
pub(super) fn tint(picture: &mut Picture, color: Rgb) {
    let space = Space::new();
    let wanted = space.lab(color.0);
    let table: [[u8; 3]; 256] = std::array::from_fn(|value| {
        let Lab { l, .. } = space.lab([value.to_le_bytes()[0]; 3]);
        let off = l / 100.0 - 0.5;
        let weight = 1.0 - 4.0 * off * off;
        space.rgb(Lab { l, a: wanted.a * weight, b: wanted.b * weight })
    });
    for rgb in colors(picture) {
        *rgb = table[usize::from(gray(&space, *rgb))];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Channels;

    #[test]
    fn greys_take_the_colour_and_ends_stay() {
        let pixels = [[0; 3], [128; 3], [255; 3]].concat();
        let mut picture = Picture { width: 3, height: 1, channels: Channels::Rgb, pixels };
        tint(&mut picture, Rgb([255, 128, 0]));
        // The middle is what sharp 0.35 makes of it.
        let middle = [211, 93, 0];
        assert!(picture.pixels[3..6].iter().zip(middle).all(|(one, other)| one.abs_diff(other) <= 2));
        assert_eq!((&picture.pixels[..3], &picture.pixels[6..]), (&[0; 3][..], &[255; 3][..]));
    }
}
