//! From a byte to an amount of light and back.
//!
//! A byte of sRGB is no amount of light: the mean of black and white bytes is far too dark. So pixels are mixed as 16-bit
//! light, which keeps every byte apart from its neighbours (the darkest two lie 20 steps apart).

use std::sync::LazyLock;

/// Both directions of one curve, as tables.
#[derive(Debug)]
pub(crate) struct Curve {
    /// Light by byte.
    pub(crate) light: [u16; 256],
    /// The byte nearest to a light, one for each of the 65,536.
    pub(crate) byte: Vec<u8>,
}

const FULL: f64 = 65_535.0;

impl Curve {
    /// The curve of sRGB (IEC 61966-2-1).
    pub(crate) fn srgb() -> &'static Self {
        static SRGB: LazyLock<Curve> = LazyLock::new(|| Curve::of(linear));
        &SRGB
    }

    /// A curve that is a power of the byte.
    pub(crate) fn power(exponent: f64) -> Self {
        Self::of(|value| value.powf(exponent))
    }

    /// The curve that lets the byte be light already: an identity, for what must be mixed as it is.
    pub(crate) fn straight() -> Self {
        Self::of(|value| value)
    }

    /// Turns the tables of a rising function from 0 to 1 onto 0 to 1.
    fn of(to_light: impl Fn(f64) -> f64) -> Self {
        let at = |byte: f64| to_light(byte / 255.0) * FULL;
        let light = std::array::from_fn(|byte| nearest(at(f64::from(byte_of(byte)))));
        let mut table = vec![0xff; 1 << 16];
        let mut from = 0;
        for byte in 0..255_u8 {
            // Up to here the byte is nearer than the next one, measured in bytes and not in light.
            let to = usize::from(nearest(at(f64::from(byte) + 0.5).ceil())).max(from);
            table[from..to].fill(byte);
            from = to;
        }
        Self { light, byte: table }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "an index of a table of 256")]
fn byte_of(index: usize) -> u8 {
    index as u8
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range before")]
fn nearest(value: f64) -> u16 {
    value.round().clamp(0.0, FULL) as u16
}

/// The light of an sRGB value, both from 0 to 1.
pub(crate) fn linear(value: f64) -> f64 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// The sRGB value of a light, both from 0 to 1.
pub(crate) fn encoded(light: f64) -> f64 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// The nearest byte of a value from 0 to 255.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range before")]
pub(crate) fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        for curve in [&Curve::power(1.8), &Curve::straight(), Curve::srgb()] {
            for byte in 0..=255_u8 {
                assert_eq!(curve.byte[usize::from(curve.light[usize::from(byte)])], byte);
            }
            assert!(curve.byte.is_sorted());
        }
    }

    #[test]
    fn the_curves_of_srgb_are_each_others_inverse() {
        for step in 0..=1000 {
            let value = f64::from(step) / 1000.0;
            assert!((encoded(linear(value)) - value).abs() < 1e-6, "{value}");
        }
        assert!((linear(0.5) - 0.214_041).abs() < 1e-5);
    }

    #[test]
    fn half_the_light_is_188() {
        assert_eq!(Curve::srgb().byte[32_768], 188);
    }
}
