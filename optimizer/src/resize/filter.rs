//! Lanczos3 as weights: which cells each pixel of the result is mixed of, and how much of each.

use std::f64::consts::PI;

/// The reach of the filter to both sides, in pixels of the result.
const REACH: f64 = 3.0;

/// The weights of one axis.
#[derive(Debug)]
pub(super) struct Filter {
    spans: Vec<Span>,
    weights: Vec<f32>,
}

/// What one pixel is mixed of.
#[derive(Clone, Copy, Debug)]
struct Span {
    /// The first cell.
    first: usize,
    /// Where its weights begin.
    weights: usize,
    /// How many cells, at least one.
    len: usize,
}

impl Filter {
    /// Brings `length` cells from `start` on to `count` pixels. At the edges it sees what there is of all `cells`.
    pub(super) fn new(start: f64, length: f64, cells: u32, count: u32) -> Self {
        let scale = length / f64::from(count);
        let stretch = scale.max(1.0);
        let mut weights = Vec::new();
        let mut filter = Self { spans: Vec::with_capacity(count as usize), weights: Vec::new() };
        for pixel in 0..count {
            let centre = start + (f64::from(pixel) + 0.5) * scale;
            let reach = REACH * stretch;
            // Those whose middle lies within reach: the weight of all others is nothing.
            let first = whole((centre - reach + 0.5).floor().clamp(0.0, f64::from(cells - 1)));
            let end = whole((centre + reach - 0.5).ceil().clamp(f64::from(first + 1), f64::from(cells)));
            weights.clear();
            weights.extend((first..end).map(|cell| lanczos3((f64::from(cell) + 0.5 - centre) / stretch)));
            let sum: f64 = weights.iter().sum();
            let at = filter.weights.len();
            filter.weights.extend(weights.iter().map(|weight| narrow(weight / sum)));
            filter.spans.push(Span { first: first as usize, weights: at, len: (end - first) as usize });
        }
        filter
    }

    /// The first cell of a pixel, and the weights of the cells from there on.
    pub(super) fn span(&self, pixel: usize) -> (usize, &[f32]) {
        let Span { first, weights, len } = self.spans[pixel];
        (first, &self.weights[weights..weights + len])
    }

    /// Every pixel's.
    pub(super) fn spans(&self) -> impl Iterator<Item = (usize, &[f32])> {
        (0..self.spans.len()).map(|pixel| self.span(pixel))
    }

    /// The most cells that any pixel is mixed of.
    pub(super) fn longest(&self) -> usize {
        self.spans.iter().map(|span| span.len).max().unwrap_or(1)
    }
}

fn lanczos3(at: f64) -> f64 {
    if at == 0.0 {
        1.0
    } else if at.abs() >= REACH {
        0.0
    } else {
        let angle = PI * at;
        REACH * angle.sin() * (angle / REACH).sin() / (angle * angle)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the cells before")]
fn whole(cell: f64) -> u32 {
    cell as u32
}

#[expect(clippy::cast_possible_truncation, reason = "weights need no more than seven digits")]
fn narrow(weight: f64) -> f32 {
    weight as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_whole_lie_within_and_never_go_back() {
        for (start, length, cells, count) in
            [(0.0, 101.0, 101, 99), (0.0, 4000.0, 4000, 7), (3.5, 20.25, 30, 20), (0.0, 1.0, 1, 1), (0.0, 2.5, 3, 3)]
        {
            let filter = Filter::new(start, length, cells, count);
            let mut before = 0;
            for (first, weights) in filter.spans() {
                let sum: f32 = weights.iter().sum();
                assert!((sum - 1.0).abs() < 1e-5 && !weights.is_empty() && weights.len() <= filter.longest());
                assert!(before <= first && first + weights.len() <= cells as usize, "{first} of {cells}");
                before = first;
            }
            assert_eq!(filter.spans().count(), count as usize);
        }
    }

    #[test]
    fn the_same_size_keeps_every_cell() {
        for (pixel, (first, weights)) in Filter::new(0.0, 12.0, 12, 12).spans().enumerate() {
            for (cell, weight) in (first..).zip(weights) {
                assert!((weight - f32::from(u8::from(cell == pixel))).abs() < 1e-6);
            }
        }
    }
}
