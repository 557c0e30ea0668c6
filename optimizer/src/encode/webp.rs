//! Lossy WebP by libwebp.

use super::{
    foreign::libwebp::{self, Effort},
    halved::Halved,
    quality,
};
use crate::{
    Refusal,
    picture::{Channels, Picture},
};

/// The highest quality that is written in little time.
///
/// Of libwebp's efforts 2 is the last that does not try every mode with its real cost. It takes two fifths of the time of
/// 4, its default; at equal SSIMULACRA2 it writes 3 % more bytes than 4 at quality
/// 75, 6 at 80 and 12 at 90, and 5 always 1 or 2 fewer (`bench/NOTES.md`, "Pictures"). So up to here it pays.
pub(crate) const QUICK_MAX: u8 = 80;

/// In little time: without real costs there is more for the filter to hide.
fn quick(nominal: u8) -> Effort {
    Effort {
        quality: quality::webp_quick(nominal),
        method: 2,
        filter_strength: 85,
        filter_sharpness: 0,
        noise_shaping: 40,
    }
}

/// In few bytes: what costs them is spared, edges by the filter and busy areas by the quantizer.
fn thorough(nominal: u8) -> Effort {
    Effort {
        quality: quality::webp_thorough(nominal),
        method: 5,
        filter_strength: 60,
        filter_sharpness: 7,
        noise_shaping: 35,
    }
}

fn effort(nominal: u8) -> Effort {
    if nominal <= QUICK_MAX { quick(nominal) } else { thorough(nominal) }
}

pub(super) fn encode(picture: &Picture, nominal: u8) -> Result<Vec<u8>, Refusal> {
    let effort = effort(nominal);
    match picture.channels {
        Channels::Rgb => libwebp::opaque(Halved::of(picture), &effort),
        Channels::Rgba => libwebp::transparent(picture, &effort),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_quality_is_worth_the_time() {
        let methods = [1, 75, 80, 81, 100].map(|nominal| effort(nominal).method);
        assert_eq!(methods, [2, 2, 2, 5, 5]);
    }

    #[test]
    fn every_size_from_a_pixel_to_the_formats_limit_is_written() {
        for (channels, pixel) in [(Channels::Rgb, vec![9; 3]), (Channels::Rgba, vec![9; 4])] {
            for (width, height) in [(1, 1), (2, 3), (17, 16), (16_383, 1), (1, 16_383)] {
                let pixels = pixel.repeat((width * height) as usize);
                let file = encode(&Picture { width, height, channels, pixels }, 75).unwrap();
                let read = image_webp::WebPDecoder::new(std::io::Cursor::new(file)).unwrap();
                assert_eq!((read.dimensions(), read.has_alpha()), ((width, height), channels == Channels::Rgba));
            }
            let pixels = pixel.repeat(16_384);
            let refused = encode(&Picture { width: 16_384, height: 1, channels, pixels }, 75);
            assert_eq!(refused, Err(Refusal::Encode));
        }
    }

    #[test]
    fn pixels_that_are_not_as_many_as_the_sides_say_are_refused() {
        let picture = Picture { width: 3, height: 3, channels: Channels::Rgba, pixels: vec![1; 35] };
        assert_eq!(encode(&picture, 75), Err(Refusal::Encode));
    }
}
