//! Luma and chroma to red, green and blue (ITU-T H.273), at any depth, into 8 bits.

use super::Plane;
use crate::{
    picture::Channels,
    probe::avif::{Named, Range},
};

/// How luma and chroma were made of colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Matrix {
    /// By the shares of red and of blue in the luma.
    Shares(f32, f32),
    /// Green, blue and red as they are.
    Identity,
    /// Green against magenta, orange against blue.
    YCgCo,
}

const BT601: Matrix = Matrix::Shares(0.299, 0.114);
const BT709: Matrix = Matrix::Shares(0.2126, 0.0722);
const BT2020: Matrix = Matrix::Shares(0.2627, 0.0593);

impl Matrix {
    /// By its number in H.273, table 4. Constant luminance and the matrices of high dynamic range need the transfer
    /// function as well, and are not made here.
    pub(super) fn of(named: &Named) -> Option<Self> {
        Some(match named.matrix {
            0 => Self::Identity,
            1 => BT709,
            // Unspecified means BT.601 wherever JPEG's tradition holds.
            2 | 5 | 6 => BT601,
            4 => Self::Shares(0.30, 0.11),
            7 => Self::Shares(0.212, 0.087),
            8 => Self::YCgCo,
            9 => BT2020,
            12 => {
                let (red, blue) = named.code.shares()?;
                Self::Shares(red, blue)
            }
            _ => return None,
        })
    }

    /// Whether chroma is no less than a colour of its own.
    pub(super) fn needs_whole_chroma(self) -> bool {
        self == Self::Identity
    }

    /// Red, green and blue, of luma from 0 to 1 and chroma from -0.5 to 0.5 (or three colours from 0 to 1).
    fn rgb(self, luma: f32, blue: f32, red: f32) -> [f32; 3] {
        match self {
            Self::Shares(of_red, of_blue) => {
                let (red, blue) = (luma + 2.0 * (1.0 - of_red) * red, luma + 2.0 * (1.0 - of_blue) * blue);
                [red, (luma - of_red * red - of_blue * blue) / (1.0 - of_red - of_blue), blue]
            }
            Self::Identity => [red, luma, blue],
            Self::YCgCo => [luma - blue + red, luma + blue, luma - blue - red],
        }
    }
}

/// The samples of a frame.
pub(super) struct Samples<'a> {
    pub(super) luma: &'a Plane,
    pub(super) chroma: Option<&'a [Plane; 2]>,
    /// How often chroma is halved, across and down.
    pub(super) across: u32,
    pub(super) down: u32,
    /// Bits of a sample.
    pub(super) depth: u32,
    pub(super) range: Range,
}

/// How samples become numbers: first the offset is taken away, then they are multiplied.
#[derive(Clone, Copy)]
struct Scale {
    offset: f32,
    factor: f32,
}

impl Scale {
    fn of(self, sample: u16) -> f32 {
        (f32::from(sample) - self.offset) * self.factor
    }
}

impl Samples<'_> {
    /// Writes the colours of a row, and leaves alpha alone.
    pub(super) fn row(&self, y: usize, matrix: &Matrix, channels: Channels, pixels: &mut [u8]) -> Option<()> {
        let luma = self.luma.row(y)?;
        let (luma_scale, chroma_scale) = (self.luma_scale(), self.chroma_scale(matrix));
        let chroma = match self.chroma {
            Some([blue, red]) => Some((blue.row(y >> self.down)?, red.row(y >> self.down)?)),
            None => None,
        };
        for (x, pixel) in pixels.chunks_exact_mut(channels.len()).enumerate() {
            let light = luma_scale.of(self.sample(luma, x)?);
            let rgb = match chroma {
                Some((blue, red)) => {
                    let part = |row| Some(chroma_scale.of(self.sample(row, x >> self.across)?));
                    matrix.rgb(light, part(blue)?, part(red)?)
                }
                None => [light; 3],
            };
            for (byte, number) in pixel.iter_mut().zip(rgb) {
                *byte = byte_of(number);
            }
        }
        Some(())
    }

    /// Writes the alpha of a row of RGBA.
    pub(super) fn alpha(&self, y: usize, pixels: &mut [u8]) -> Option<()> {
        let (row, scale) = (self.luma.row(y)?, self.luma_scale());
        for (x, [.., alpha]) in pixels.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            *alpha = byte_of(scale.of(self.sample(row, x)?));
        }
        Some(())
    }

    fn sample(&self, row: &[u8], x: usize) -> Option<u16> {
        if self.depth == 8 {
            return row.get(x).map(|sample| u16::from(*sample));
        }
        Some(u16::from_ne_bytes(*row.get(2 * x..)?.first_chunk()?))
    }

    fn luma_scale(&self) -> Scale {
        match self.range {
            Range::Full => Scale { offset: 0.0, factor: 1.0 / self.whole() },
            Range::Limited => Scale { offset: 16.0 * self.step(), factor: 1.0 / (219.0 * self.step()) },
        }
    }

    fn chroma_scale(&self, matrix: &Matrix) -> Scale {
        match (matrix, self.range) {
            (Matrix::Identity, _) => self.luma_scale(),
            (_, Range::Full) => Scale { offset: 128.0 * self.step(), factor: 1.0 / self.whole() },
            (_, Range::Limited) => Scale { offset: 128.0 * self.step(), factor: 1.0 / (224.0 * self.step()) },
        }
    }

    /// The largest sample.
    fn whole(&self) -> f32 {
        256.0 * self.step() - 1.0
    }

    /// What one step of 8 bits is at this depth.
    fn step(&self) -> f32 {
        f32::from(1_u16 << self.depth.saturating_sub(8).min(8))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number is clamped to a byte's range")]
fn byte_of(number: f32) -> u8 {
    (number * 255.0 + 0.5).clamp(0.0, 255.0) as u8
}

/// A colour that was multiplied by its alpha, as it was before.
pub(super) fn divided(color: u8, alpha: u8) -> u8 {
    let (color, alpha) = (u32::from(color), u32::from(alpha));
    let whole = (color * 255 + alpha / 2).checked_div(alpha).unwrap_or(0);
    u8::try_from(whole).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::coded::Code;

    fn matrix(number: u16, primaries: u16) -> Option<Matrix> {
        Matrix::of(&Named { code: Code { primaries, transfer: 13 }, matrix: number, range: Range::Full })
    }

    #[test]
    fn matrices_keep_grey_and_give_back_primaries() {
        for number in [1, 2, 4, 5, 6, 7, 8, 9, 12] {
            let matrix = matrix(number, 12).expect("known");
            assert!(matrix.rgb(0.5, 0.0, 0.0).iter().all(|channel| (channel - 0.5).abs() < 1e-6), "{number}");
        }
        let red = BT709.rgb(0.2126, -0.114_572, 0.5).map(byte_of);
        assert_eq!(red, [255, 0, 0]);
        assert_eq!(Matrix::Identity.rgb(0.2, 0.3, 0.4), [0.4, 0.2, 0.3]);
        assert_eq!((matrix(12, 1), matrix(12, 9)), (Some(BT709), Some(BT2020)), "by the primaries");
        for (number, primaries) in [(10, 9), (14, 9), (12, 10), (3, 1), (255, 1)] {
            assert_eq!(matrix(number, primaries), None, "{number}");
        }
    }

    #[test]
    fn what_was_multiplied_is_divided() {
        for (color, alpha, before) in
            [(0, 0, 0), (10, 0, 0), (128, 128, 255), (64, 128, 128), (200, 255, 200), (9, 3, 255)]
        {
            assert_eq!(divided(color, alpha), before, "{color}/{alpha}");
        }
    }
}
