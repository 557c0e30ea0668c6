//! The light of a picture, row by row: of its pixels, or of the means of several.

use crate::{color::light::Curve, picture::Picture};

/// A picture of `N` channels seen as rows of cells. Colours are multiplied by their alpha where there is one.
#[derive(Debug)]
pub(super) struct Cells<'a, const N: usize> {
    /// Pixels across and down whose mean is one cell.
    pub(super) means: (u32, u32),
    /// Cells in a row.
    pub(super) width: u32,
    /// Rows of cells.
    pub(super) height: u32,
    picture: &'a Picture,
    /// The light of every byte.
    light: Box<[f32; 256]>,
}

impl<'a, const N: usize> Cells<'a, N> {
    pub(super) fn of(picture: &'a Picture, means: (u32, u32), curve: &Curve) -> Self {
        let (width, height) = (picture.width.div_ceil(means.0), picture.height.div_ceil(means.1));
        Self { means, width, height, picture, light: Box::new(curve.light.map(f32::from)) }
    }

    /// Puts the cells of a row into `cells`.
    pub(super) fn fill(&self, cells: &mut [f32], row: usize) {
        let line = self.picture.width as usize * N;
        let rows = self.means.1 as usize;
        let end = ((row + 1) * rows).min(self.picture.height as usize);
        let pixels = &self.picture.pixels[row * rows * line..end * line];
        let (cells, _) = cells.as_chunks_mut::<N>();
        if self.means == (1, 1) {
            for (cell, pixel) in cells.iter_mut().zip(pixels.as_chunks::<N>().0) {
                *cell = self.light(pixel);
            }
            return;
        }
        cells.fill([0.0; N]);
        let across = self.means.0 as usize;
        for line in pixels.chunks_exact(line) {
            for (cell, pixels) in cells.iter_mut().zip(line.chunks(across * N)) {
                // In two steps, because what is small is lost beside a sum that has grown large: 256 pixels of a line
                // are a sum without rounding.
                let mut sum = [0.0; N];
                for pixel in pixels.as_chunks::<N>().0 {
                    add(&mut sum, self.light(pixel));
                }
                add(cell, sum);
            }
        }
        let width = self.picture.width as usize;
        let share = |pixels: usize| 1.0 / narrow(pixels * (end - row * rows));
        // The last cell of a row may have fewer pixels than the others.
        let (usual, last) = (share(across), share(width - (self.width as usize - 1) * across));
        for (x, cell) in (1..).zip(&mut cells[..self.width as usize]) {
            let share = if x == self.width { last } else { usual };
            *cell = cell.map(|sum| sum * share);
        }
    }

    fn light(&self, pixel: &[u8; N]) -> [f32; N] {
        let mut light = pixel.map(|byte| self.light[usize::from(byte)]);
        if N == 4 {
            let alpha = f32::from(pixel[3]);
            for colour in &mut light[..3] {
                *colour *= alpha / 255.0;
            }
            light[3] = alpha * 257.0;
        }
        light
    }
}

fn add<const N: usize>(sum: &mut [f32; N], light: [f32; N]) {
    for (sum, light) in sum.iter_mut().zip(light) {
        *sum += light;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of pixels needs no more than seven digits")]
fn narrow(pixels: usize) -> f32 {
    pixels as f32
}

/// The bytes that show an amount of light, for every fourth amount: a quarter of the curve's table stays in the nearest
/// cache, and the darkest bytes of sRGB still lie five of its steps apart.
pub(super) struct Shown(Box<[u8; 1 << 14]>);

impl Shown {
    pub(super) fn of(curve: &Curve) -> Self {
        let mut bytes = Box::new([0; 1 << 14]);
        for (byte, light) in bytes.iter_mut().zip(curve.byte.chunks_exact(4)) {
            *byte = light[0];
        }
        Self(bytes)
    }

    /// Puts the pixel that shows this light where it belongs.
    pub(super) fn put<const N: usize>(&self, light: [f32; 4], pixel: &mut [u8; N]) {
        if N == 3 {
            for (channel, light) in pixel.iter_mut().zip(light.map(whole)) {
                *channel = self.byte(light);
            }
            return;
        }
        let [.., alpha] = light;
        // What rounds to nothing is wholly transparent and has no colour.
        let seen = ((whole(alpha) + 128) / 257).to_le_bytes()[0];
        for (channel, light) in pixel.iter_mut().zip(light) {
            *channel = if seen == 0 { 0 } else { self.byte(whole(light * (65_535.0 / alpha))) };
        }
        pixel[N - 1] = seen;
    }

    fn byte(&self, light: u32) -> u8 {
        self.0[((light + 2) >> 2).min((1 << 14) - 1) as usize]
    }
}

/// The nearest whole number from 0 to 65535.
///
/// Beside 2^23 a float has no room for a fraction: the sum's last bits are the number, without a cast's checks.
fn whole(light: f32) -> u32 {
    const ROOM: f32 = 8_388_608.0;
    (light.clamp(0.0, 65_535.0) + ROOM).to_bits() & 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Channels;

    #[test]
    fn every_byte_is_shown_by_its_own_light() {
        for curve in [&Curve::power(1.8), &Curve::straight(), Curve::srgb()] {
            let shown = Shown::of(curve);
            for byte in 0..=255 {
                let mut pixel = [0; 3];
                shown.put([f32::from(curve.light[usize::from(byte)]); 4], &mut pixel);
                assert_eq!(pixel, [byte; 3]);
            }
        }
    }

    #[test]
    fn whole_numbers_are_the_nearest() {
        for (light, number) in
            [(-3.0, 0), (0.0, 0), (0.4, 0), (0.6, 1), (188.49, 188), (65_534.6, 65_535), (70_000.0, 65_535)]
        {
            assert_eq!(whole(light), number, "{light}");
        }
    }

    #[test]
    fn a_cell_at_the_edge_is_the_mean_of_the_pixels_it_has() {
        let pixels: Vec<u8> = [10, 20, 30, 40, 50, 60, 70, 80, 90].into_iter().flat_map(|grey| [grey; 3]).collect();
        let picture = Picture { width: 3, height: 3, channels: Channels::Rgb, pixels };
        let cells = Cells::<3>::of(&picture, (2, 2), &Curve::straight());
        assert_eq!((cells.width, cells.height), (2, 2));
        for (row, means) in [[30.0, 45.0], [75.0, 90.0]].into_iter().enumerate() {
            let mut light = [0.0; 6];
            cells.fill(&mut light, row);
            for (light, mean) in light.into_iter().zip(means.into_iter().flat_map(|mean| [mean; 3])) {
                assert!((light - mean * 257.0).abs() < 0.01, "{light} {mean}");
            }
        }
    }
}
