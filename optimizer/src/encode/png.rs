//! PNG by the png crate: 256 colours below quality 100, every colour at 100 and wherever there is transparency.

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};

use super::{
    bounded::Bounded,
    palette::{self, Paletted},
};
use crate::{
    Limits, Refusal,
    picture::{Channels, Picture},
};

/// The quality at which nothing is lost.
const LOSSLESS: u8 = 100;

pub(super) fn encode(picture: &Picture, quality: u8, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    let mut output = Bounded::new(limits.output_bytes);
    let result = match palette::reduce(picture).filter(|_| quality < LOSSLESS) {
        Some(paletted) => indexed(picture, &paletted, &mut output),
        None => whole(picture, &mut output),
    };
    output.finish(result)
}

fn whole(picture: &Picture, output: &mut Bounded) -> Result<(), EncodingError> {
    let mut encoder = Encoder::new(output, picture.width, picture.height);
    encoder.set_color(match picture.channels {
        Channels::Rgb => ColorType::Rgb,
        Channels::Rgba => ColorType::Rgba,
    });
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&picture.pixels)?;
    writer.finish()
}

fn indexed(picture: &Picture, paletted: &Paletted, output: &mut Bounded) -> Result<(), EncodingError> {
    let mut encoder = Encoder::new(output, picture.width, picture.height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(&paletted.colours[..]);
    encoder.set_compression(Compression::High);
    // Neighbouring numbers are not neighbouring colours: differences between them say nothing (W3C PNG 12.7).
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&paletted.indices)?;
    writer.finish()
}
