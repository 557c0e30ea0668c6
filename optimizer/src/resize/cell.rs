//! The light of a picture, row by row: of its pixels, or of the means of several.

use fast_image_resize::pixels::{U16x3, U16x4};

use crate::{color::light::Curve, picture::Picture};

/// One amount of light per channel.
pub(super) trait Cell: Sized {
    /// Bytes of a pixel of the source.
    const LEN: usize;

    /// The light of one pixel.
    fn of(pixel: &[u8], curve: &Curve) -> Self;

    /// The mean of two pixels and the two below them.
    fn of_four(above: &[u8], below: &[u8], curve: &Curve) -> Self;

    /// The light as numbers; what has no alpha has three and a zero.
    fn light(self) -> [u32; 4];

    /// The cell of a sum of so many pixels, given as 2^32 over their number.
    fn mean(sum: [u32; 4], share: u64) -> Self;

    /// Appends the pixel that shows this light.
    fn append(self, pixels: &mut Vec<u8>, curve: &Curve);
}

/// The bits of a sum's share that are the mean.
fn part(sum: u32, share: u64) -> u16 {
    u16::try_from((u64::from(sum) * share) >> 32).unwrap_or(u16::MAX)
}

impl Cell for U16x3 {
    const LEN: usize = 3;

    fn of(pixel: &[u8], curve: &Curve) -> Self {
        Self::new([0, 1, 2].map(|channel| curve.light[usize::from(pixel[channel])]))
    }

    fn of_four(above: &[u8], below: &[u8], curve: &Curve) -> Self {
        let light = |byte: u8| u32::from(curve.light[usize::from(byte)]);
        Self::new([0, 1, 2].map(|channel| {
            let above = light(above[channel]) + light(above[channel + 3]);
            low((above + light(below[channel]) + light(below[channel + 3]) + 2) / 4)
        }))
    }

    fn light(self) -> [u32; 4] {
        let [red, green, blue] = self.0.map(u32::from);
        [red, green, blue, 0]
    }

    fn mean([red, green, blue, _]: [u32; 4], share: u64) -> Self {
        Self::new([red, green, blue].map(|sum| part(sum, share)))
    }

    fn append(self, pixels: &mut Vec<u8>, curve: &Curve) {
        pixels.extend(self.0.map(|light| curve.byte[usize::from(light)]));
    }
}

impl Cell for U16x4 {
    const LEN: usize = 4;

    fn of(pixel: &[u8], curve: &Curve) -> Self {
        let alpha = u32::from(pixel[3]);
        let [red, green, blue] = [0, 1, 2].map(|channel| {
            let light = u32::from(curve.light[usize::from(pixel[channel])]);
            low((light * alpha + 127) / 255)
        });
        Self::new([red, green, blue, low(alpha * 257)])
    }

    fn of_four(above: &[u8], below: &[u8], curve: &Curve) -> Self {
        let [one, two] = [&above[..4], &above[4..]].map(|pixel| Self::of(pixel, curve).light());
        let [three, four] = [&below[..4], &below[4..]].map(|pixel| Self::of(pixel, curve).light());
        Self::new([0, 1, 2, 3].map(|at| low((one[at] + two[at] + three[at] + four[at] + 2) / 4)))
    }

    fn light(self) -> [u32; 4] {
        self.0.map(u32::from)
    }

    fn mean(sum: [u32; 4], share: u64) -> Self {
        Self::new(sum.map(|sum| part(sum, share)))
    }

    fn append(self, pixels: &mut Vec<u8>, curve: &Curve) {
        let [red, green, blue, alpha] = self.0;
        // What rounds to nothing is wholly transparent and has no colour.
        let seen = ((u32::from(alpha) + 128) / 257).to_le_bytes()[0];
        let whole = |light: u16| match seen {
            0 => 0,
            _ => curve.byte[usize::from(low((u32::from(light) * 65_535 / u32::from(alpha)).min(65_535)))],
        };
        pixels.extend([whole(red), whole(green), whole(blue), seen]);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "65535 at most")]
fn low(value: u32) -> u16 {
    value as u16
}

/// A picture seen as rows of cells.
#[derive(Debug)]
pub(super) struct Cells<'a> {
    /// Pixels across and down whose mean is one cell.
    pub(super) means: (u32, u32),
    /// Cells in a row.
    pub(super) width: u32,
    /// Rows of cells.
    pub(super) height: u32,
    picture: &'a Picture,
    curve: &'a Curve,
    sums: Vec<[u32; 4]>,
}

impl<'a> Cells<'a> {
    pub(super) fn of(picture: &'a Picture, means: (u32, u32), curve: &'a Curve) -> Self {
        let (width, height) = (picture.width.div_ceil(means.0), picture.height.div_ceil(means.1));
        let sums = if means == (1, 1) { Vec::new() } else { vec![[0; 4]; width as usize] };
        Self { means, width, height, picture, curve, sums }
    }

    /// Puts the rows from `first` up to `last` into `light`.
    pub(super) fn fill<P: Cell>(&mut self, light: &mut Vec<P>, first: u32, last: u32) {
        light.clear();
        let line = self.picture.width as usize * P::LEN;
        let rows = self.means.1 as usize;
        let end = (last as usize * rows).min(self.picture.height as usize);
        let pixels = &self.picture.pixels[first as usize * rows * line..end * line];
        if self.means == (1, 1) {
            light.extend(pixels.chunks_exact(P::LEN).map(|pixel| P::of(pixel, self.curve)));
            return;
        }
        let even = self.means == (2, 2) && self.picture.width.is_multiple_of(2);
        for group in pixels.chunks(rows * line) {
            // The usual case of a large photograph, without sums.
            if even && group.len() == 2 * line {
                let (above, below) = group.split_at(line);
                let pairs = above.chunks_exact(2 * P::LEN).zip(below.chunks_exact(2 * P::LEN));
                light.extend(pairs.map(|(above, below)| P::of_four(above, below, self.curve)));
                continue;
            }
            self.sum::<P>(group, line);
            let across = self.means.0 as usize;
            let height = group.len() / line;
            let share = |pixels: usize| (1_u64 << 32) / (pixels * height) as u64 + 1;
            // The last cell of a row may have fewer pixels than the others.
            let rest = match self.picture.width as usize % across {
                0 => across,
                rest => rest,
            };
            let (usual, last) = (share(across), share(rest));
            let end = self.sums.len() - 1;
            light.extend(
                self.sums.iter().enumerate().map(|(x, sum)| P::mean(*sum, if x == end { last } else { usual })),
            );
        }
    }

    /// Adds up the light of a row of cells.
    fn sum<P: Cell>(&mut self, group: &[u8], line: usize) {
        self.sums.fill([0; 4]);
        for row in group.chunks_exact(line) {
            for (sum, pixels) in self.sums.iter_mut().zip(row.chunks(self.means.0 as usize * P::LEN)) {
                for pixel in pixels.chunks_exact(P::LEN) {
                    let light = P::of(pixel, self.curve).light();
                    for (sum, light) in sum.iter_mut().zip(light) {
                        *sum += light;
                    }
                }
            }
        }
    }
}
