//! PNG by the png crate, 8 bits a channel.

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};

use super::bounded::Bounded;
use crate::{
    Limits, Refusal,
    picture::{Channels, Picture},
};

pub(super) fn encode(picture: &Picture, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    let mut output = Bounded::new(limits.output_bytes);
    let result = write(picture, &mut output);
    output.finish(result)
}

fn write(picture: &Picture, output: &mut Bounded) -> Result<(), EncodingError> {
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
