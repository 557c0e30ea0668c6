//! Fewer colours: the 256 that stand for all of a picture, and for every pixel the one of them that it gets.

use quantette::{
    ImageRef, PaletteSize, Pipeline, QuantizeMethod,
    deps::palette::{
        Srgb,
        cast::{from_component_slice, into_component_slice},
    },
    dither::FloydSteinberg,
};

use crate::picture::{Channels, Picture};

/// A picture of few colours.
#[derive(Debug)]
pub(super) struct Paletted {
    /// Red, green and blue of each colour, at most 256 of them.
    pub(super) colours: Vec<u8>,
    /// For each pixel the number of its colour.
    pub(super) indices: Vec<u8>,
}

/// How much of a pixel's error its neighbours take over. All of it turns smooth skies into noise that costs bytes.
const DITHER: f32 = 0.5;

/// Reduces an opaque picture. One with transparency has no such form: its colours have a fourth side, and a soft edge
/// that falls on a few of them shows.
pub(super) fn reduce(picture: &Picture) -> Option<Paletted> {
    if picture.channels != Channels::Rgb {
        return None;
    }
    let pixels: &[Srgb<u8>] = from_component_slice(&picture.pixels);
    let image = ImageRef::new(picture.width, picture.height, pixels).ok()?;
    let reduced = Pipeline::new()
        .palette_size(PaletteSize::MAX)
        .quantize_method(QuantizeMethod::Wu)
        .ditherer(FloydSteinberg::with_error_diffusion(DITHER))
        .input_image(image)
        .output_srgb8_indexed_image();
    let (colours, indices) = (reduced.palette(), reduced.indices());
    Some(Paletted { colours: into_component_slice(colours).to_vec(), indices: indices.to_vec() })
}
