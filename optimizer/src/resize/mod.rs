//! Fewer pixels: a crop and a Lanczos3 reduction, mixed as light.
//!
//! Light needs 16 bits, and a photograph of 12 million pixels would need 72 MB of it. So the source is taken in bands:
//! turned into light, made smaller by a whole factor where it is reduced a lot, filtered to its rows of the result, and
//! turned back. Only one band is held beside source and result.

mod cell;

use fast_image_resize::{
    FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::{U16x3, U16x4},
};

use cell::{Cell, Cells};

use crate::{
    Refusal,
    color::light::Curve,
    geometry::{Area, Plan},
    orientation::Turn,
    picture::{Channels, Picture},
    scale::Scale,
};

/// How many times smaller the filter itself makes a picture, at least, where a mean of whole pixels comes before it: with
/// so much left to do, the mean takes little that the filter would have kept, and three quarters of its work.
const FILTERED_MIN: f64 = 1.5;

/// The reach of the filter to both sides, in pixels of the result.
const REACH: f64 = 3.0;

/// Pixels on a side of a cell whose mean is taken: the sum of so many squared still fits 32 bits.
const CELL_MAX: u32 = 255;

/// Light in one band: large enough that the rows which two bands both need are few, small beside the source.
pub(crate) const BAND_BYTES: usize = 2 << 20;

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
pub(crate) fn resize(
    picture: Picture,
    scale: Scale,
    turn: Turn,
    plan: &Plan,
    curves: Curves<'_>,
) -> Result<Picture, Refusal> {
    // The turn swaps sides both ways, so it also leads from upright to stored.
    let size = turn.oriented(plan.size);
    let crop = within(scale.area(turn.stored(plan.crop, scale.full)), picture.size());
    if scale.full == size {
        return Ok(reencoded(picture, curves));
    }
    let pixels = match picture.channels {
        Channels::Rgb => bands::<U16x3>(&picture, &crop, size, curves),
        Channels::Rgba => bands::<U16x4>(&picture, &crop, size, curves),
    }?;
    Ok(Picture { width: size.0, height: size.1, channels: picture.channels, pixels })
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

fn bands<P: PixelTrait + Cell>(
    picture: &Picture,
    crop: &Area,
    (width, height): (u32, u32),
    curves: Curves<'_>,
) -> Result<Vec<u8>, Refusal> {
    let mean = |from: f64, to: u32| floor(from / f64::from(to) / FILTERED_MIN).clamp(1, CELL_MAX);
    let mut cells = Cells::of(picture, (mean(crop.width, width), mean(crop.height, height)), curves.into);
    let (across, down) = (f64::from(cells.means.0), f64::from(cells.means.1));
    let (left, breadth) = (crop.left / across, (crop.width / across).min(f64::from(cells.width) - crop.left / across));
    // Rows of cells: where the first row of the result begins, how many make one of them, and how far the filter sees.
    let (top, each) = (crop.top / down, crop.height / down / f64::from(height));
    let reach = REACH * each.max(1.0) + 1.0;
    let rows = BAND_BYTES / (cells.width as usize * size_of::<P>());
    let step = floor((f64::from(u32::try_from(rows).unwrap_or(u32::MAX)) - 2.0 * reach) / each).clamp(1, height);
    let mut resizer = Resizer::new();
    let mut pixels = Vec::with_capacity(width as usize * height as usize * picture.channels.len());
    let mut light: Vec<P> = Vec::new();
    for from in (0..height).step_by(step as usize) {
        let to = (from + step).min(height);
        let (begin, end) = (top + f64::from(from) * each, top + f64::from(to) * each);
        let (first, last) = (floor((begin - reach).max(0.0)), ceil(end + reach).min(cells.height));
        cells.fill(&mut light, first, last);
        let band = TypedImageRef::new(cells.width, last - first, &light).map_err(|_| Refusal::Corrupt)?;
        let mut target = TypedImage::<P>::new(width, to - from);
        let end = end.min(f64::from(last));
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
            .crop(left, begin - f64::from(first), breadth, end - begin)
            .use_alpha(false);
        resizer.resize_typed(&band, &mut target, &options).map_err(|_| Refusal::Corrupt)?;
        for cell in target.pixels() {
            cell.append(&mut pixels, curves.out);
        }
    }
    Ok(pixels)
}

/// Trims what rounding pushed over the edge, which the resizer would refuse.
fn within(area: Area, size: (u32, u32)) -> Area {
    let (width, height) = (f64::from(size.0), f64::from(size.1));
    let (left, top) = (area.left.clamp(0.0, width), area.top.clamp(0.0, height));
    Area { left, top, width: area.width.min(width - left), height: area.height.min(height - top) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating, and never below 0")]
fn floor(value: f64) -> u32 {
    value.floor() as u32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating, and never below 0")]
fn ceil(value: f64) -> u32 {
    value.ceil() as u32
}

#[cfg(test)]
mod tests;
