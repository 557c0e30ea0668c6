//! CIE Lab of D65 and back: lightness apart from colour, for what changes one and keeps the other.

use super::light::{byte, encoded, linear};

/// Lightness from 0 to 100, and the two chroma axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lab {
    pub(crate) l: f32,
    pub(crate) a: f32,
    pub(crate) b: f32,
}

/// The XYZ of white, as sRGB defines it.
const WHITE: [f32; 3] = [0.950_47, 1.0, 1.088_83];

/// Light by byte, as floats.
#[derive(Debug)]
pub(crate) struct Space {
    light: [f32; 256],
}

#[expect(clippy::cast_possible_truncation, reason = "a value from 0 to 1, or a constant of few digits")]
const fn single(value: f64) -> f32 {
    value as f32
}

impl Space {
    pub(crate) fn new() -> Self {
        let mut light = [0.0; 256];
        for (value, byte) in light.iter_mut().zip(0_u8..=255) {
            *value = single(linear(f64::from(byte) / 255.0));
        }
        Self { light }
    }

    /// The light of a pixel, from 0 to 1 (Rec. 709).
    pub(crate) fn luminance(&self, rgb: [u8; 3]) -> f32 {
        let [red, green, blue] = rgb.map(|byte| self.light[usize::from(byte)]);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// A pixel in Lab.
    pub(crate) fn lab(&self, rgb: [u8; 3]) -> Lab {
        let [red, green, blue] = rgb.map(|byte| self.light[usize::from(byte)]);
        let x = 0.412_456_4 * red + 0.357_576_1 * green + 0.180_437_5 * blue;
        let y = 0.212_672_9 * red + 0.715_152_2 * green + 0.072_175 * blue;
        let z = 0.019_333_9 * red + 0.119_192 * green + 0.950_304_1 * blue;
        let [x, y, z] = [x / WHITE[0], y / WHITE[1], z / WHITE[2]].map(root);
        Lab { l: 116.0 * y - 16.0, a: 500.0 * (x - y), b: 200.0 * (y - z) }
    }

    /// The nearest pixel of a Lab colour.
    #[expect(clippy::unused_self, reason = "the way back from `lab`")]
    pub(crate) fn rgb(&self, lab: Lab) -> [u8; 3] {
        let y = (lab.l + 16.0) / 116.0;
        let [x, y, z] = [y + lab.a / 500.0, y, y - lab.b / 200.0].map(cube);
        let (x, y, z) = (x * WHITE[0], y * WHITE[1], z * WHITE[2]);
        let red = 3.240_454_2 * x - 1.537_138_5 * y - 0.498_531_4 * z;
        let green = -0.969_266 * x + 1.876_010_8 * y + 0.041_556 * z;
        let blue = 0.055_643_4 * x - 0.204_025_9 * y + 1.057_225_2 * z;
        [red, green, blue].map(|light| byte(encoded(f64::from(light.clamp(0.0, 1.0))) * 255.0))
    }
}

/// CIE's cube root, which is straight near black.
fn root(value: f32) -> f32 {
    if value > 0.008_856 { value.cbrt() } else { value * 7.787_037 + 16.0 / 116.0 }
}

fn cube(value: f32) -> f32 {
    if value > 0.206_893 { value * value * value } else { (value - 16.0 / 116.0) / 7.787_037 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_come_back() {
        let space = Space::new();
        for rgb in [[0, 0, 0], [255, 255, 255], [200, 30, 30], [1, 2, 3], [30, 180, 40], [12, 0, 255]] {
            assert_eq!(space.rgb(space.lab(rgb)), rgb);
        }
    }

    #[test]
    fn white_is_a_hundred_and_grey_has_no_chroma() {
        let space = Space::new();
        let white = space.lab([255; 3]);
        assert!((white.l - 100.0).abs() < 0.01 && white.a.abs() < 0.1 && white.b.abs() < 0.1, "{white:?}");
        assert!((space.lab([119; 3]).l - 50.0).abs() < 0.5);
        assert!((space.luminance([255; 3]) - 1.0).abs() < 1e-6);
    }
}
