//! Edits that look at one pixel at a time.

use crate::{
    color::{
        lab::Space,
        light::{Curve, byte, encoded},
    },
    picture::{Channels, Picture},
};

/// Colours, without alpha, of every pixel.
pub(super) fn colors(picture: &mut Picture) -> impl Iterator<Item = &mut [u8; 3]> {
    picture.pixels.chunks_exact_mut(picture.channels.len()).filter_map(|pixel| pixel.first_chunk_mut::<3>())
}

/// Light instead of colour: the luminance of each pixel.
pub(super) fn grayscale(picture: &mut Picture) {
    let space = Space::new();
    for rgb in colors(picture) {
        *rgb = [gray(&space, *rgb); 3];
    }
}

/// The byte of a grey as light as a colour.
pub(super) fn gray(space: &Space, rgb: [u8; 3]) -> u8 {
    byte(encoded(f64::from(space.luminance(rgb))) * 255.0)
}

/// White from this luminance on, black below; transparency likewise is all or nothing, as in sharp.
pub(super) fn threshold(picture: &mut Picture, level: u8) {
    let space = Space::new();
    let step = |value: u8| if value >= level { 0xff } else { 0 };
    let channels = picture.channels.len();
    for pixel in picture.pixels.chunks_exact_mut(channels) {
        if let Some(rgb) = pixel.first_chunk_mut::<3>() {
            *rgb = [step(gray(&space, *rgb)); 3];
        }
        if let Some(alpha) = pixel.get_mut(3) {
            *alpha = step(*alpha);
        }
    }
}

/// The opposite colours. Transparency is no colour.
pub(super) fn negate(picture: &mut Picture) {
    for rgb in colors(picture) {
        *rgb = rgb.map(|channel| 0xff - channel);
    }
}

/// From the light of a curve, still written as bytes, back to values.
pub(super) fn close(picture: &mut Picture, curve: &Curve) {
    for rgb in colors(picture) {
        *rgb = rgb.map(|channel| curve.byte[usize::from(channel) * 257]);
    }
}

/// Weighs colours with their alpha, so that what cannot be seen does not spread.
pub(super) fn premultiply(picture: &mut Picture) {
    if picture.channels == Channels::Rgba {
        for [red, green, blue, alpha] in picture.pixels.as_chunks_mut::<4>().0 {
            for channel in [red, green, blue] {
                *channel = ((u32::from(*channel) * u32::from(*alpha) + 127) / 255).to_le_bytes()[0];
            }
        }
    }
}

/// The way back; what is wholly transparent becomes black.
pub(super) fn unpremultiply(picture: &mut Picture) {
    if picture.channels == Channels::Rgba {
        for [red, green, blue, alpha] in picture.pixels.as_chunks_mut::<4>().0 {
            let weight = u32::from(*alpha);
            for channel in [red, green, blue] {
                let whole = (u32::from(*channel) * 255 + weight / 2).checked_div(weight).unwrap_or(0);
                *channel = whole.min(255).to_le_bytes()[0];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgba(pixels: &[[u8; 4]]) -> Picture {
        let width = u32::try_from(pixels.len()).unwrap();
        Picture { width, height: 1, channels: Channels::Rgba, pixels: pixels.concat() }
    }

    #[test]
    fn grey_is_as_light_as_the_colour_was() {
        // Rec. 709: green is seen best. The values are those of libvips.
        let mut picture = rgba(&[[255, 0, 0, 9], [0, 255, 0, 9], [0, 0, 255, 9], [100, 150, 200, 9]]);
        grayscale(&mut picture);
        let greys: Vec<u8> = picture.pixels.iter().step_by(4).copied().collect();
        assert_eq!(greys, [127, 220, 76, 146]);
        assert_eq!(picture.pixels[3], 9);
    }

    #[test]
    fn the_level_itself_is_white() {
        let mut picture = rgba(&[[127, 127, 127, 200], [128, 128, 128, 20]]);
        threshold(&mut picture, 128);
        assert_eq!(picture.pixels, [0, 0, 0, 255, 255, 255, 255, 0]);
    }

    #[test]
    fn a_negative_of_a_negative_is_the_picture() {
        let mut picture = rgba(&[[1, 2, 3, 4]]);
        negate(&mut picture);
        assert_eq!(picture.pixels, [254, 253, 252, 4]);
    }

    #[test]
    fn weighing_and_back_keeps_what_can_be_seen() {
        let mut picture = rgba(&[[200, 100, 50, 255], [200, 100, 50, 128], [200, 100, 50, 0]]);
        premultiply(&mut picture);
        assert_eq!(&picture.pixels[4..], [100, 50, 25, 128, 0, 0, 0, 0]);
        unpremultiply(&mut picture);
        assert_eq!(picture.pixels, [200, 100, 50, 255, 199, 100, 50, 128, 0, 0, 0, 0]);
    }
}
