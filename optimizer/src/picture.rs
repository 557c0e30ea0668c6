//! Pixels: 8 bits a channel, three channels or four.

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

impl Picture {
    /// Width and height.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The picture on a larger ground of opaque black.
    pub(crate) fn padded(&self, pad: &Pad) -> Self {
        let pixel = self.channels.len();
        let row = pad.width as usize * pixel;
        let mut pixels = match self.channels {
            Channels::Rgb => vec![0; row * pad.height as usize],
            Channels::Rgba => [0, 0, 0, 0xff].repeat(pad.width as usize * pad.height as usize),
        };
        let rows = pixels.chunks_exact_mut(row).skip(pad.top as usize);
        let at = pad.left as usize * pixel;
        for (ground, line) in rows.zip(self.pixels.chunks_exact(self.width as usize * pixel)) {
            ground[at..at + line.len()].copy_from_slice(line);
        }
        Self { width: pad.width, height: pad.height, channels: self.channels, pixels }
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
        if self.channels == Channels::Rgb {
            return self;
        }
        let mut pixels = Vec::with_capacity(self.pixels.len() / 4 * 3);
        for [red, green, blue, alpha] in self.pixels.as_chunks::<4>().0 {
            pixels.extend([red, green, blue].map(|channel| over_white(*channel, *alpha)));
        }
        Self { channels: Channels::Rgb, pixels, ..self }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a mean of two bytes is a byte")]
fn over_white(channel: u8, alpha: u8) -> u8 {
    let (channel, alpha) = (u32::from(channel), u32::from(alpha));
    ((channel * alpha + 0xff * (0xff - alpha) + 127) / 0xff) as u8
}
