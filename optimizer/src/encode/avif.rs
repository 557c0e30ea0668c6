//! AVIF by ravif, 8 bits a channel.

use imgref::Img;
use ravif::{BitDepth, Encoder};
use rgb::FromSlice;

use crate::{
    Refusal,
    picture::{Channels, Picture},
};

/// rav1e's preset. Slower ones gain few bytes for several times the processor time.
const SPEED: u8 = 8;

/// Threads of one encode, fixed: the number decides how the picture is cut into tiles and so which bytes come out, and
/// two nodes with other processors must agree on them. Jobs run beside each other instead.
const THREADS: usize = 1;

pub(super) fn encode(picture: &Picture, quality: u8) -> Result<Vec<u8>, Refusal> {
    let quality = scale(quality);
    let encoder = Encoder::new()
        .with_quality(quality)
        .with_alpha_quality(quality)
        .with_speed(SPEED)
        .with_bit_depth(BitDepth::Eight)
        .with_num_threads(Some(THREADS));
    let (width, height) = (picture.width as usize, picture.height as usize);
    let encoded = match picture.channels {
        Channels::Rgb => encoder.encode_rgb(Img::new(picture.pixels.as_rgb(), width, height)),
        Channels::Rgba => encoder.encode_rgba(Img::new(picture.pixels.as_rgba(), width, height)),
    };
    encoded.map(|image| image.avif_file).map_err(|_| Refusal::Encode)
}

/// The encoder's quality for a nominal one. Above 70 the scale is stretched to half speed: pages ask for 100 by habit
/// (it is the default of a widespread image module), and at its own 100 AVIF is nearly lossless and larger than the
/// source.
fn scale(quality: u8) -> f32 {
    let quality = f32::from(quality);
    if quality <= 70.0 { quality } else { 70.0 + (quality - 70.0) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_rises_and_stays_in_the_encoders_range() {
        let scaled: Vec<f32> = (1..=100).map(scale).collect();
        assert!(scaled.is_sorted_by(|low, high| low < high));
        assert!(scaled.iter().all(|quality| (1.0..=85.0).contains(quality)));
    }
}
