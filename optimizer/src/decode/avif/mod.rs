//! AVIF by rav1d, the port of dav1d to Rust: still pictures of one item, 8 to 12 bits, every layout, with alpha.

mod color;

use re_rav1d::{Decoder, Error, PixelLayout, PlanarImageComponent as Component, Settings, pixel::YUVRange};

use super::Decoded;
use crate::{
    Probe, Refusal,
    color::profile::Source,
    orientation::Turn,
    picture::{Channels, Picture},
    probe::avif::{Container, Crop, Found, Named, Range, read, stream_colors},
    scale::Scale,
};
use color::{Matrix, Samples};

/// Pictures a still item may hold before the one that is shown.
const FRAMES_MAX: usize = 8;

pub(super) fn decode(source: &[u8], probe: &Probe) -> Result<Decoded, Refusal> {
    let container = match read(source) {
        Some(Found::Still(container)) => container,
        Some(Found::Other(..)) => return Err(Refusal::Unsupported),
        None => return Err(Refusal::Corrupt),
    };
    // A crop may show a pixel of a picture that nobody has room for; the price is of what is shown.
    let (width, height) = container.size;
    if (width as usize).saturating_mul(height as usize).saturating_mul(4) > probe.memory_bytes {
        return Err(Refusal::TooManyPixels(width, height));
    }
    let stream = container.color.concat();
    let named = container.named.or_else(|| stream_colors(&stream)).ok_or(Refusal::Corrupt)?;
    let meaning = meaning(&container, &named)?;
    let matrix = Matrix::of(&named).ok_or(Refusal::Unsupported)?;
    let frame = frame(stream, container.size)?;
    let mut pixels = colors(&frame, &container, (matrix, named.range), probe)?;
    drop(frame);
    let channels = match &container.alpha {
        Some(pieces) => {
            lay_alpha(&mut pixels, &self::frame(pieces.concat(), container.size)?, container.premultiplied)?;
            Channels::Rgba
        }
        None => Channels::Rgb,
    };
    let picture = Picture { width, height, channels, pixels };
    let picture = match container.crop {
        Some(crop) => cropped(&picture, crop),
        None => picture,
    };
    let scale = Scale::whole(picture.size());
    Ok(Decoded { picture, scale, turn: Turn::of_orientation(container.orientation), colors: meaning })
}

/// What red, green and blue are: by the profile, else by their numbers.
fn meaning(container: &Container<'_>, named: &Named) -> Result<Source, Refusal> {
    match container.profile {
        Some(profile) => Ok(Source::icc(Some(profile.to_vec()))),
        None if named.code.is_high_range() => Err(Refusal::Unsupported),
        None => Ok(Source::Coded(named.code)),
    }
}

/// Decodes the picture of an item, which must have the size that its container promised: what is larger is refused by
/// the decoder before it allocates.
fn frame(stream: Vec<u8>, (width, height): (u32, u32)) -> Result<re_rav1d::Picture, Refusal> {
    let mut settings = Settings::new();
    // Jobs run beside each other already; and one thread leaves nothing behind when it is over.
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_frame_size_limit(width.checked_mul(height).ok_or(Refusal::TooManyPixels(width, height))?);
    settings.set_all_layers(false);
    let mut decoder = Decoder::with_settings(&settings).map_err(|_| Refusal::Unsupported)?;
    let mut sent = decoder.send_data(stream, None, None, None);
    for _ in 0..FRAMES_MAX {
        match decoder.get_picture() {
            Ok(frame) if (frame.width(), frame.height()) == (width, height) => return Ok(frame),
            Ok(_) => return Err(Refusal::Corrupt),
            Err(Error::Again) if sent == Err(Error::Again) => sent = decoder.send_pending_data(),
            Err(Error::UnsupportedBitstream) => return Err(Refusal::Unsupported),
            Err(_) => return Err(Refusal::Corrupt),
        }
    }
    Err(Refusal::Corrupt)
}

/// The colours of a frame as RGB, or as RGBA with an alpha that is still to come.
fn colors(
    frame: &re_rav1d::Picture,
    container: &Container<'_>,
    (matrix, range): (Matrix, Range),
    probe: &Probe,
) -> Result<Vec<u8>, Refusal> {
    let layout = frame.pixel_layout();
    if matrix.needs_whole_chroma() && layout != PixelLayout::I444 {
        return Err(Refusal::Unsupported);
    }
    let luma = plane(frame, Component::Y);
    let chroma = (layout != PixelLayout::I400).then(|| [Component::U, Component::V].map(|part| plane(frame, part)));
    let (across, down) = match layout {
        PixelLayout::I420 => (1, 1),
        PixelLayout::I422 => (1, 0),
        PixelLayout::I400 | PixelLayout::I444 => (0, 0),
    };
    let samples = Samples { luma: &luma, chroma: chroma.as_ref(), across, down, depth: depth(frame), range };
    let channels = if container.alpha.is_some() { Channels::Rgba } else { Channels::Rgb };
    let mut pixels = vec![0xff; container.size.0 as usize * container.size.1 as usize * channels.len()];
    debug_assert!(probe.memory_bytes >= pixels.len());
    let row = container.size.0 as usize * channels.len();
    for (y, pixels) in pixels.chunks_exact_mut(row).enumerate() {
        samples.row(y, &matrix, channels, pixels).ok_or(Refusal::Corrupt)?;
    }
    Ok(pixels)
}

/// One plane of a frame: its bytes, and how many make a row.
struct Plane {
    bytes: re_rav1d::Plane,
    stride: usize,
}

fn plane(frame: &re_rav1d::Picture, part: Component) -> Plane {
    Plane { stride: frame.stride(part) as usize, bytes: frame.plane(part) }
}

impl Plane {
    fn row(&self, y: usize) -> Option<&[u8]> {
        self.bytes.get(y.checked_mul(self.stride)?..)?.get(..self.stride)
    }
}

/// Bits of a sample.
fn depth(frame: &re_rav1d::Picture) -> u32 {
    frame.bits_per_component().map_or(8, |bits| u32::try_from(bits.0).unwrap_or(8))
}

/// Puts the alpha plane into the pixels, whose colours it may have been multiplied with.
fn lay_alpha(pixels: &mut [u8], alpha: &re_rav1d::Picture, premultiplied: bool) -> Result<(), Refusal> {
    let luma = plane(alpha, Component::Y);
    let range = if alpha.color_range() == YUVRange::Full { Range::Full } else { Range::Limited };
    let samples = Samples { luma: &luma, chroma: None, across: 0, down: 0, depth: depth(alpha), range };
    let row = alpha.width() as usize * Channels::Rgba.len();
    for (y, pixels) in pixels.chunks_exact_mut(row).enumerate() {
        samples.alpha(y, pixels).ok_or(Refusal::Corrupt)?;
        if premultiplied {
            for [red, green, blue, alpha] in pixels.as_chunks_mut::<4>().0 {
                for channel in [red, green, blue] {
                    *channel = color::divided(*channel, *alpha);
                }
            }
        }
    }
    Ok(())
}

fn cropped(picture: &Picture, crop: Crop) -> Picture {
    let pixel = picture.channels.len();
    let rows = picture.pixels.chunks_exact(picture.width as usize * pixel);
    let (left, width) = (crop.left as usize * pixel, crop.width as usize * pixel);
    let rows = rows.skip(crop.top as usize).take(crop.height as usize);
    let pixels = rows.flat_map(|row| &row[left..left + width]).copied().collect();
    Picture { width: crop.width, height: crop.height, channels: picture.channels, pixels }
}
