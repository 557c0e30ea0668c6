//! Pixels as VP8 wants them: luma at full size and two colour differences at half of it (RFC 6386 2 and 9.2).
//!
//! ITU-R BT.601 in its narrow range, 16 to 235 and 16 to 240. The colour of four pixels is the mean of their bytes: a
//! decoder smooths bytes on its way back, too.

use crate::picture::Picture;

/// An opaque picture, row by row.
#[derive(Debug)]
pub(super) struct Halved {
    /// Pixels in a row of luma, at least 1.
    pub(super) width: usize,
    /// Rows of luma, at least 1.
    pub(super) height: usize,
    /// Exactly `width * height` samples.
    pub(super) luma: Vec<u8>,
    /// Blue's and red's difference: exactly half of each side, rounded up.
    pub(super) differences: [Vec<u8>; 2],
}

/// Fractional bits of the matrix.
const BITS: u32 = 16;
/// Of red, green and blue; together 219/255.
const LUMA: [i32; 3] = [16_829, 33_039, 6_416];
const LUMA_ZERO: i32 = 16;
/// Of the same; together 0, so that grey has no colour.
const BLUE: [i32; 3] = [-9_714, -19_071, 28_785];
const RED: [i32; 3] = [28_784, -24_103, -4_681];
const NEUTRAL: i32 = 128;

impl Halved {
    /// Of a picture without alpha.
    pub(super) fn of(picture: &Picture) -> Self {
        let (width, height) = (picture.width as usize, picture.height as usize);
        let (across, down) = (width.div_ceil(2), height.div_ceil(2));
        let mut luma = vec![0; width * height];
        let [mut blue, mut red] = [vec![0; across * down], vec![0; across * down]];
        let (pixels, _) = picture.pixels.as_chunks::<3>();
        for (pixels, luma) in pixels.chunks_exact(width).zip(luma.chunks_exact_mut(width)) {
            for (pixel, luma) in pixels.iter().zip(luma) {
                *luma = weighed(LUMA, pixel.map(i32::from), LUMA_ZERO, BITS);
            }
        }
        let differences = blue.chunks_exact_mut(across).zip(red.chunks_exact_mut(across));
        for (rows, (blue, red)) in pixels.chunks(2 * width).zip(differences) {
            let (above, below) = rows.split_at(width);
            // The last row, and the last column, may stand alone.
            let below = if below.is_empty() { above } else { below };
            let pairs = above.chunks(2).zip(below.chunks(2));
            for ((above, below), (blue, red)) in pairs.zip(blue.iter_mut().zip(red)) {
                let four = [above[0], above[above.len() - 1], below[0], below[below.len() - 1]];
                let sum = [0, 1, 2].map(|channel| four.iter().map(|pixel| i32::from(pixel[channel])).sum());
                *blue = weighed(BLUE, sum, NEUTRAL, BITS + 2);
                *red = weighed(RED, sum, NEUTRAL, BITS + 2);
            }
        }
        Self { width, height, luma, differences: [blue, red] }
    }
}

/// The matrix keeps within a byte whatever it is given.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 16 and 240")]
fn weighed(weights: [i32; 3], [red, green, blue]: [i32; 3], zero: i32, bits: u32) -> u8 {
    let sum = weights[0] * red + weights[1] * green + weights[2] * blue;
    ((sum + (zero << bits) + (1 << (bits - 1))) >> bits) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Channels;

    fn halved(width: u32, height: u32, pixels: &[[u8; 3]]) -> Halved {
        Halved::of(&Picture { width, height, channels: Channels::Rgb, pixels: pixels.concat() })
    }

    #[test]
    fn primaries_become_what_bt_601_says() {
        let cases: [([u8; 3], [u8; 3]); 6] = [
            ([255, 255, 255], [235, 128, 128]),
            ([0, 0, 0], [16, 128, 128]),
            ([255, 0, 0], [81, 90, 240]),
            ([0, 255, 0], [145, 54, 34]),
            ([0, 0, 255], [41, 240, 110]),
            ([90, 90, 90], [93, 128, 128]),
        ];
        for (rgb, [luma, blue, red]) in cases {
            let halved = halved(1, 1, &[rgb]);
            assert_eq!((halved.luma, halved.differences), (vec![luma], [vec![blue], vec![red]]), "{rgb:?}");
        }
    }

    #[test]
    fn four_pixels_share_a_colour_and_edges_have_their_own() {
        let [blue, grey] = [[0, 0, 255], [90; 3]];
        let picture = halved(3, 3, &[blue, grey, blue, grey, blue, blue, grey, grey, blue]);
        assert_eq!(picture.luma.len(), 9);
        assert_eq!(picture.differences[0], [184, 240, 128, 240]);
    }
}
