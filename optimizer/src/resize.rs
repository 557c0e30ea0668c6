//! Fewer pixels: a crop and a Lanczos3 reduction in one pass.

use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer, images::Image};

use crate::{
    Refusal,
    geometry::{Area, Plan},
    orientation::Turn,
    picture::{Channels, Picture},
};

/// Brings a stored picture to the plan's size. The plan speaks of the upright picture and the pixels are still as
/// stored, so that the turn afterwards moves the smaller number of them.
///
/// Colours are multiplied by their alpha while they are mixed: what is transparent must not bleed into its neighbours.
pub(crate) fn resize(picture: Picture, turn: Turn, plan: &Plan) -> Result<Picture, Refusal> {
    // The turn swaps sides both ways, so it also leads from upright to stored.
    let (width, height) = turn.oriented(plan.size);
    if picture.size() == (width, height) {
        return Ok(picture);
    }
    let crop = within(turn.stored(plan.crop, picture.size()), picture.size());
    let pixel_type = match picture.channels {
        Channels::Rgb => PixelType::U8x3,
        Channels::Rgba => PixelType::U8x4,
    };
    let source =
        Image::from_vec_u8(picture.width, picture.height, picture.pixels, pixel_type).map_err(|_| Refusal::Corrupt)?;
    let mut target = Image::new(width, height, pixel_type);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .crop(crop.left, crop.top, crop.width, crop.height)
        .use_alpha(picture.channels == Channels::Rgba);
    Resizer::new().resize(&source, &mut target, &options).map_err(|_| Refusal::Corrupt)?;
    Ok(Picture { width, height, channels: picture.channels, pixels: target.into_vec() })
}

/// Trims what rounding pushed over the edge, which the resizer would refuse.
fn within(area: Area, size: (u32, u32)) -> Area {
    let (width, height) = (f64::from(size.0), f64::from(size.1));
    let (left, top) = (area.left.clamp(0.0, width), area.top.clamp(0.0, height));
    Area { left, top, width: area.width.min(width - left), height: area.height.min(height - top) }
}
