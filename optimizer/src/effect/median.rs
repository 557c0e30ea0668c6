//! The middle value of each pixel's surroundings, at a cost that does not grow with their size.
//!
//! A histogram for each column of the window and their sum for the window itself: from one pixel to the next, one
//! column's histogram comes and one goes, 256 counts each, whatever the size (Perreault and Hébert, 2007).

use crate::picture::Picture;

/// The median of a square of `size` pixels a side, for each channel by itself. Pixels beyond the edge are the nearest
/// ones within.
pub(super) fn median(picture: &mut Picture, size: usize) {
    let (width, height) = (picture.width as usize, picture.height as usize);
    match size {
        0 | 1 => return,
        3 => return three(picture),
        _ => {}
    }
    let channels = picture.channels.len();
    let mut plane = Vec::new();
    for channel in 0..channels {
        plane.clear();
        plane.extend(picture.pixels.iter().skip(channel).step_by(channels).copied());
        let window = Window { plane: &plane, width, height, size };
        let mut out = picture.pixels.iter_mut().skip(channel).step_by(channels);
        window.each(|value| {
            if let Some(place) = out.next() {
                *place = value;
            }
        });
    }
}

/// The common case, and what a trim needs of a whole source: columns of three are sorted, and the median of nine is the
/// median of the largest small, the middle middle and the smallest large one of three columns.
fn three(picture: &mut Picture) {
    let channels = picture.channels.len();
    let line = picture.width as usize * channels;
    let rows: Vec<&[u8]> = picture.pixels.chunks_exact(line).collect();
    let mut out = Vec::with_capacity(picture.pixels.len());
    let mut sorted = [0, 1, 2].map(|_| vec![0_u8; line + 2 * channels]);
    let last = rows.len() - 1;
    for (y, middle) in rows.iter().enumerate() {
        sort_columns([rows[y.saturating_sub(1)], middle, rows[(y + 1).min(last)]], &mut sorted, channels);
        let [small, mid, large] = &sorted;
        let beside = |line: &'_ [u8], at: usize| (line[at], line[at + channels], line[at + 2 * channels]);
        out.extend((0..line).map(|at| {
            let (a, b, c) = beside(small, at);
            let (d, e, f) = beside(mid, at);
            let (g, h, i) = beside(large, at);
            middle_of(a.max(b).max(c), middle_of(d, e, f), g.min(h).min(i))
        }));
    }
    picture.pixels = out;
}

/// Sorts the three values of each column, and repeats the outermost columns.
fn sort_columns([above, here, below]: [&[u8]; 3], sorted: &mut [Vec<u8>; 3], channels: usize) {
    let line = here.len();
    let [small, mid, large] = sorted;
    let columns = above.iter().zip(here).zip(below);
    let places = small[channels..].iter_mut().zip(&mut mid[channels..]).zip(&mut large[channels..]);
    for (((a, b), c), ((small, mid), large)) in columns.zip(places) {
        (*small, *mid, *large) = (*a.min(b).min(c), middle_of(*a, *b, *c), *a.max(b).max(c));
    }
    for line_of in sorted {
        line_of.copy_within(channels..2 * channels, 0);
        line_of.copy_within(line..line + channels, line + channels);
    }
}

fn middle_of(a: u8, b: u8, c: u8) -> u8 {
    a.min(b).max(a.max(b).min(c))
}

struct Window<'a> {
    plane: &'a [u8],
    width: usize,
    height: usize,
    size: usize,
}

impl Window<'_> {
    /// Hands over the median of every pixel, row by row.
    fn each(&self, mut hand: impl FnMut(u8)) {
        let Self { width, height, size, .. } = *self;
        // Of an even size the window reaches one pixel further to the left and up, as in libvips.
        let (before, after) = (size / 2, size - size / 2 - 1);
        let rank = u32::try_from(size * size / 2).unwrap_or(u32::MAX);
        let mut columns = vec![[0_u16; 256]; width];
        for row in 0..size {
            self.count(&mut columns, row.saturating_sub(before), 1);
        }
        for y in 0..height {
            let mut counts = [0_u32; 256];
            for column in 0..size {
                add(&mut counts, &columns[column.saturating_sub(before).min(width - 1)]);
            }
            for x in 0..width {
                hand(ranked(&counts, rank));
                let comes = &columns[(x + after + 1).min(width - 1)];
                exchange(&mut counts, comes, &columns[x.saturating_sub(before)]);
            }
            self.count(&mut columns, y.saturating_sub(before), u16::MAX);
            self.count(&mut columns, y + after + 1, 1);
        }
    }

    /// Counts a row in, or with `u16::MAX`, which wraps to one less, out.
    fn count(&self, columns: &mut [[u16; 256]], row: usize, by: u16) {
        let row = row.min(self.height - 1) * self.width;
        for (column, value) in columns.iter_mut().zip(&self.plane[row..]) {
            let count = &mut column[usize::from(*value)];
            *count = count.wrapping_add(by);
        }
    }
}

fn add(counts: &mut [u32; 256], column: &[u16; 256]) {
    for (count, more) in counts.iter_mut().zip(column) {
        *count += u32::from(*more);
    }
}

fn exchange(counts: &mut [u32; 256], comes: &[u16; 256], goes: &[u16; 256]) {
    for ((count, more), less) in counts.iter_mut().zip(comes).zip(goes) {
        *count = *count + u32::from(*more) - u32::from(*less);
    }
}

/// The value that so many are not above.
fn ranked(counts: &[u32; 256], rank: u32) -> u8 {
    let mut seen = 0;
    for (value, count) in (0_u8..=255).zip(counts) {
        seen += count;
        if seen > rank {
            return value;
        }
    }
    0xff
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Channels;

    #[test]
    fn it_is_the_middle_of_the_sorted_window() {
        let (width, height) = (9_i32, 7_i32);
        let value = |x: i32, y: i32| ((x * 83 + y * 151 + x * y * 7) % 256).to_le_bytes()[0];
        let pixels: Vec<u8> = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [value(x, y), value(y, x), value(x + 3, y)]))
            .collect();
        for size in [2, 3, 4, 5, 12] {
            let mut picture = Picture { width: 9, height: 7, channels: Channels::Rgb, pixels: pixels.clone() };
            median(&mut picture, usize::try_from(size).unwrap());
            for y in 0..height {
                for x in 0..width {
                    let from = |at: i32| (at - size / 2)..(at - size / 2 + size);
                    let mut window: Vec<u8> = from(y)
                        .flat_map(|row| from(x).map(move |column| (column, row)))
                        .map(|(column, row)| value(column.clamp(0, width - 1), row.clamp(0, height - 1)))
                        .collect();
                    window.sort_unstable();
                    let at = usize::try_from((y * width + x) * 3).unwrap();
                    assert_eq!(picture.pixels[at], window[window.len() / 2], "{size} at {x},{y}");
                }
            }
        }
    }

    #[test]
    fn a_speck_goes() {
        let mut pixels = vec![10; 5 * 5 * 3];
        pixels[36] = 255;
        let mut picture = Picture { width: 5, height: 5, channels: Channels::Rgb, pixels };
        median(&mut picture, 3);
        assert_eq!(picture.pixels, vec![10; 75]);
    }
}
