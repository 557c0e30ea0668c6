//! Pixels: 8 bits a channel, three channels or four.

use crate::{Extend, Extract, Rgb};

/// A decoded picture in sRGB bytes, row by row, alpha not premultiplied.
#[derive(Debug)]
pub(crate) struct Picture {
    /// Pixels per row, at least 1.
    pub(crate) width: u32,
    /// Rows, at least 1.
    pub(crate) height: u32,
    /// What a pixel is made of.
    pub(crate) channels: Channels,
    /// Exactly `width * height * channels.len()` bytes.
    pub(crate) pixels: Vec<u8>,
}

/// What a pixel is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    Rgb,
    Rgba,
}

impl Channels {
    /// Bytes of one pixel.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// Where a picture lies in a larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pad {
    /// Columns to the left of the picture.
    pub(crate) left: u32,
    /// Rows above it.
    pub(crate) top: u32,
    /// Columns of the whole.
    pub(crate) width: u32,
    /// Rows of the whole.
    pub(crate) height: u32,
}

/// A part of a picture, in whole pixels, not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Region {
    /// All of a picture of that size.
    pub(crate) fn whole((width, height): (u32, u32)) -> Self {
        Self { left: 0, top: 0, width, height }
    }

    /// The smallest region that holds both.
    pub(crate) fn around(&self, other: &Self) -> Self {
        let (left, top) = (self.left.min(other.left), self.top.min(other.top));
        let right = (self.left + self.width).max(other.left + other.width);
        let bottom = (self.top + self.height).max(other.top + other.height);
        Self { left, top, width: right - left, height: bottom - top }
    }

    /// A part of this one, if it lies within.
    pub(crate) fn extract(&self, part: &Extract) -> Option<Self> {
        let fits = |from: u32, length: u32, whole: u32| from.checked_add(length).is_some_and(|end| end <= whole);
        (fits(part.left, part.width, self.width) && fits(part.top, part.height, self.height)).then(|| Self {
            left: self.left + part.left,
            top: self.top + part.top,
            width: part.width,
            height: part.height,
        })
    }
}

impl Picture {
    /// Width and height.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The picture on a larger, opaque ground.
    pub(crate) fn padded(&self, pad: &Pad, ground: Rgb) -> Self {
        let pixel = self.channels.len();
        let row = pad.width as usize * pixel;
        let Rgb([red, green, blue]) = ground;
        let mut pixels = [red, green, blue, 0xff][..pixel].repeat(pad.width as usize * pad.height as usize);
        let rows = pixels.chunks_exact_mut(row).skip(pad.top as usize);
        let at = pad.left as usize * pixel;
        for (ground, line) in rows.zip(self.pixels.chunks_exact(self.width as usize * pixel)) {
            ground[at..at + line.len()].copy_from_slice(line);
        }
        Self { width: pad.width, height: pad.height, channels: self.channels, pixels }
    }

    /// The picture with its outermost pixels repeated beyond its edges.
    pub(crate) fn extended(&self, extend: &Extend) -> Self {
        let pixel = self.channels.len();
        let line = self.width as usize * pixel;
        let width = self.width.saturating_add(extend.left).saturating_add(extend.right);
        let height = self.height.saturating_add(extend.top).saturating_add(extend.bottom);
        let mut pixels = Vec::with_capacity(width as usize * height as usize * pixel);
        for y in 0..height {
            let row = y.saturating_sub(extend.top).min(self.height - 1) as usize * line;
            let row = &self.pixels[row..row + line];
            for _ in 0..extend.left {
                pixels.extend_from_slice(&row[..pixel]);
            }
            pixels.extend_from_slice(row);
            for _ in 0..extend.right {
                pixels.extend_from_slice(&row[line - pixel..]);
            }
        }
        Self { width, height, channels: self.channels, pixels }
    }

    /// Drops an alpha channel that is opaque everywhere: every encoder spends bytes on it.
    pub(crate) fn without_idle_alpha(self) -> Self {
        if self.channels == Channels::Rgb || self.pixels.iter().skip(3).step_by(4).any(|alpha| *alpha != 0xff) {
            return self;
        }
        let mut pixels = Vec::with_capacity(self.pixels.len() / 4 * 3);
        for pixel in self.pixels.as_chunks::<4>().0 {
            pixels.extend_from_slice(&pixel[..3]);
        }
        Self { channels: Channels::Rgb, pixels, ..self }
    }

    /// The picture laid on white, for formats without transparency. White is what most pages are, and what a browser
    /// shows under an image that has none.
    pub(crate) fn on_white(self) -> Self {
        if self.channels == Channels::Rgb { self } else { self.on([0xff; 3]) }
    }

    /// An opaque picture: this one laid on a colour.
    pub(crate) fn on(&self, ground: [u8; 3]) -> Self {
        let mut pixels = Vec::with_capacity(self.width as usize * self.height as usize * 3);
        for pixel in self.pixels.chunks_exact(self.channels.len()) {
            let alpha = pixel.get(3).copied().unwrap_or(0xff);
            pixels.extend(pixel.iter().zip(ground).map(|(channel, ground)| over(*channel, alpha, ground)));
        }
        Self { width: self.width, height: self.height, channels: Channels::Rgb, pixels }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a mean of two bytes is a byte")]
fn over(channel: u8, alpha: u8, ground: u8) -> u8 {
    let (channel, alpha, ground) = (u32::from(channel), u32::from(alpha), u32::from(ground));
    ((channel * alpha + ground * (0xff - alpha) + 127) / 0xff) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grays(width: u32, height: u32, greys: &[u8]) -> Picture {
        Picture { width, height, channels: Channels::Rgb, pixels: greys.iter().flat_map(|grey| [*grey; 3]).collect() }
    }

    #[test]
    fn edges_are_repeated_outwards() {
        let extended = grays(2, 2, &[1, 2, 3, 4]).extended(&Extend { top: 1, right: 2, bottom: 0, left: 1 });
        assert_eq!((extended.width, extended.height), (5, 3));
        let seen: Vec<u8> = extended.pixels.iter().step_by(3).copied().collect();
        assert_eq!(seen, [1, 1, 2, 2, 2, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4]);
    }

    #[test]
    fn a_part_lies_within_its_whole() {
        let whole = Region { left: 5, top: 6, width: 10, height: 8 };
        let part = |left, top, width, height| whole.extract(&Extract { left, top, width, height });
        assert_eq!(part(1, 2, 9, 6), Some(Region { left: 6, top: 8, width: 9, height: 6 }));
        for outside in [part(1, 0, 10, 8), part(0, 1, 10, 8), part(u32::MAX, 0, 1, 1)] {
            assert_eq!(outside, None);
        }
    }

    #[test]
    fn half_of_a_colour_lies_on_half_of_the_ground() {
        let picture = Picture { width: 1, height: 1, channels: Channels::Rgba, pixels: vec![0, 100, 200, 128] };
        assert_eq!(picture.on([255; 3]).pixels, [127, 177, 227]);
    }
}
