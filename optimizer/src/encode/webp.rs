//! Lossy WebP by libwebp.

use webp::{Encoder, WebPConfig};

use super::quality;
use crate::{
    Refusal,
    picture::{Channels, Picture},
};

/// libwebp's effort, 0-6. With the two settings below 5 writes a twentieth fewer bytes at equal SSIMULACRA2 than its
/// default of 4 alone, for a seventh more time; 2 takes less than half the time and writes a twentieth more
/// (`bench/NOTES.md`, "Pictures").
const METHOD: i32 = 5;

/// How much the filter that hides block edges spares edges of the picture, 0-7. libwebp's own 0 blurs both.
const FILTER_SHARPNESS: i32 = 7;

/// How much more a quiet area is given than a busy one, 0-100. libwebp's own is 50.
const SPATIAL_NOISE_SHAPING: i32 = 35;

/// Pixels on one side that the format can hold (RFC 9649 1).
const SIDE_MAX: u32 = 16_383;

pub(super) fn encode(picture: &Picture, nominal: u8) -> Result<Vec<u8>, Refusal> {
    if picture.width > SIDE_MAX || picture.height > SIDE_MAX {
        return Err(Refusal::Encode);
    }
    let mut config = WebPConfig::new().map_err(|()| Refusal::Encode)?;
    config.quality = quality::webp(nominal);
    config.method = METHOD;
    config.filter_sharpness = FILTER_SHARPNESS;
    config.sns_strength = SPATIAL_NOISE_SHAPING;
    let encoder = match picture.channels {
        Channels::Rgb => Encoder::from_rgb(&picture.pixels, picture.width, picture.height),
        Channels::Rgba => Encoder::from_rgba(&picture.pixels, picture.width, picture.height),
    };
    let encoded = encoder.encode_advanced(&config).map_err(|_| Refusal::Encode)?;
    Ok(encoded.to_vec())
}
