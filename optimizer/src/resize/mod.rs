//! Fewer pixels: a crop and a Lanczos3 reduction, mixed as light.
//!
//! Light needs more bits than bytes have, and a photograph of 12 million pixels would need 144 MB of it. So the source is
//! taken row by row: turned into light, made smaller by a whole factor where it is reduced a lot, and kept for as long as
//! rows of the result are mixed of it. First down, where neighbours in memory get the same weight, then across.

mod cell;
mod filter;

use cell::{Cells, Shown};
use filter::Filter;

use crate::{
    color::light::Curve,
    geometry::{Area, Plan},
    orientation::Turn,
    picture::{Channels, Picture},
    scale::Scale,
};

/// How many times smaller the filter itself makes a picture, at least, where a mean of whole pixels comes before it: with
/// so much left to do, the mean takes little that the filter would have kept, and three quarters of its work.
const FILTERED_MIN: f64 = 1.5;

/// Neighbours that are mixed at once.
const LANES: usize = 32;

/// Rows of light of a picture as wide as pictures are: less than twenty of them, of 8,000 pixels with alpha.
pub(crate) const LIGHT_BYTES: usize = 3 << 20;

/// From bytes to light, and from light to what is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curves<'a> {
    pub(crate) into: &'a Curve,
    pub(crate) out: &'a Curve,
}

/// Brings a decoded picture to the plan's size. The plan speaks of the upright picture in full and the pixels are still as
/// stored, so that the turn afterwards moves the smaller number of them.
///
/// Colours are multiplied by their alpha while they are mixed: what is transparent must not bleed into its neighbours.
pub(crate) fn resize(picture: Picture, scale: Scale, turn: Turn, plan: &Plan, curves: Curves<'_>) -> Picture {
    // The turn swaps sides both ways, so it also leads from upright to stored.
    let size = turn.oriented(plan.size);
    let crop = within(scale.area(turn.stored(plan.crop, scale.full)), picture.size());
    if scale.full == size {
        return reencoded(picture, curves);
    }
    let pixels = match picture.channels {
        Channels::Rgb => filtered::<3>(&picture, &crop, size, curves),
        Channels::Rgba => filtered::<4>(&picture, &crop, size, curves),
    };
    Picture { width: size.0, height: size.1, channels: picture.channels, pixels }
}

/// The same pixels in the light that is asked for.
fn reencoded(mut picture: Picture, curves: Curves<'_>) -> Picture {
    if !std::ptr::eq(curves.into, curves.out) {
        let table: [u8; 256] = std::array::from_fn(|byte| curves.out.byte[usize::from(curves.into.light[byte])]);
        for pixel in picture.pixels.chunks_exact_mut(picture.channels.len()) {
            for channel in &mut pixel[..3] {
                *channel = table[usize::from(*channel)];
            }
        }
    }
    picture
}

fn filtered<const N: usize>(
    picture: &Picture,
    crop: &Area,
    (width, height): (u32, u32),
    curves: Curves<'_>,
) -> Vec<u8> {
    let mean = |from: f64, to: u32| floor(from / f64::from(to) / FILTERED_MIN).max(1);
    let means = (mean(crop.width, width), mean(crop.height, height));
    let cells = Cells::<N>::of(picture, means, curves.into);
    let (across, down) = (f64::from(means.0), f64::from(means.1));
    let across = Filter::new(crop.left / across, crop.width / across, cells.width, width);
    let down = Filter::new(crop.top / down, crop.height / down, cells.height, height);
    // A pixel is read as four numbers, whatever it has.
    let mut rows = Rows::of((cells.width as usize * N + 1).next_multiple_of(LANES), down.longest());
    let mut mixed = vec![0.0; rows.width];
    let mut lights = vec![[0.0; 4]; width as usize];
    let shown = Shown::of(curves.out);
    let mut pixels = vec![0; width as usize * height as usize * N];
    for (line, (first, weights)) in pixels.chunks_exact_mut(width as usize * N).zip(down.spans()) {
        rows.reach(first, first + weights.len(), |row, light| cells.fill(light, row));
        rows.mix(first, weights, &mut mixed);
        for (light, (first, weights)) in lights.iter_mut().zip(across.spans()) {
            *light = sum::<N>(&mixed[first * N..], weights);
        }
        for (pixel, light) in line.as_chunks_mut::<N>().0.iter_mut().zip(&lights) {
            shown.put(*light, pixel);
        }
    }
    pixels
}

/// The weighed sum of pixels that lie side by side. Of three channels the fourth number is the next pixel's and means
/// nothing.
fn sum<const N: usize>(mixed: &[f32], weights: &[f32]) -> [f32; 4] {
    let mixed = &mixed[..(weights.len() - 1) * N + 4];
    let mut sum = [0.0; 4];
    for (at, weight) in weights.iter().enumerate() {
        let pixel = &mixed[at * N..at * N + 4];
        for (sum, light) in sum.iter_mut().zip(pixel) {
            *sum += light * weight;
        }
    }
    sum
}

/// The last rows of light, each in the place of one that is needed no more.
struct Rows {
    /// Numbers in a row.
    width: usize,
    /// How many are held.
    held: usize,
    light: Vec<f32>,
    /// The row after the last one.
    end: usize,
}

impl Rows {
    fn of(width: usize, held: usize) -> Self {
        Self { width, held, light: vec![0.0; width * held], end: 0 }
    }

    /// Has the rows from `first` to `end` filled that are not here yet.
    fn reach(&mut self, first: usize, end: usize, mut fill: impl FnMut(usize, &mut [f32])) {
        for row in self.end.max(first)..end {
            let at = row % self.held * self.width;
            fill(row, &mut self.light[at..at + self.width]);
        }
        self.end = self.end.max(end);
    }

    /// The weighed sum of the rows from `first` on.
    fn mix(&self, first: usize, weights: &[f32], mixed: &mut [f32]) {
        let first = first % self.held;
        for (at, mixed) in mixed.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let mut sums = [0.0; LANES];
            let mut row = first;
            for weight in weights {
                let from = row * self.width + at * LANES;
                for (sum, light) in sums.iter_mut().zip(&self.light[from..from + LANES]) {
                    *sum += light * weight;
                }
                row = if row + 1 == self.held { 0 } else { row + 1 };
            }
            *mixed = sums;
        }
    }
}

/// Trims what rounding pushed over the edge: there are no pixels to mix.
fn within(area: Area, size: (u32, u32)) -> Area {
    let (width, height) = (f64::from(size.0), f64::from(size.1));
    let (left, top) = (area.left.clamp(0.0, width), area.top.clamp(0.0, height));
    Area { left, top, width: area.width.min(width - left), height: area.height.min(height - top) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating, and never below 0")]
fn floor(value: f64) -> u32 {
    value.floor() as u32
}

#[cfg(test)]
mod tests;
