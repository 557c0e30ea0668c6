//! Lossy WebP by libwebp.

use webp::{Encoder, WebPConfig};

use crate::{
    Refusal,
    picture::{Channels, Picture},
};

/// libwebp's effort, 0-6. Its default of 4 takes twice the time for 3 to 4 % of the bytes.
const METHOD: i32 = 2;

/// Pixels on one side that the format can hold (RFC 9649 1).
const SIDE_MAX: u32 = 16_383;

pub(super) fn encode(picture: &Picture, quality: u8) -> Result<Vec<u8>, Refusal> {
    if picture.width > SIDE_MAX || picture.height > SIDE_MAX {
        return Err(Refusal::Encode);
    }
    let mut config = WebPConfig::new().map_err(|()| Refusal::Encode)?;
    config.quality = f32::from(quality);
    config.method = METHOD;
    let encoder = match picture.channels {
        Channels::Rgb => Encoder::from_rgb(&picture.pixels, picture.width, picture.height),
        Channels::Rgba => Encoder::from_rgba(&picture.pixels, picture.width, picture.height),
    };
    let encoded = encoder.encode_advanced(&config).map_err(|_| Refusal::Encode)?;
    Ok(encoded.to_vec())
}
