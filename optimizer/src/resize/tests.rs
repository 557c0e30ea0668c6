//! That light is mixed and not bytes, that no row is taken for another one, and that nothing bleeds.

use super::*;
use crate::{Edits, Fit, ImageFormat, Order, Position, geometry::plan};

fn resized(picture: Picture, width: u32, height: u32) -> Picture {
    let order = Order {
        width: Some(width),
        height: Some(height),
        fit: Fit::Fill,
        position: Position::Center,
        format: ImageFormat::Png,
        quality: 75,
        keep_p3: false,
        edits: Edits::default(),
    };
    let plan = plan(picture.size(), &order);
    let curves = Curves { into: Curve::srgb(), out: Curve::srgb() };
    let scale = Scale::whole(picture.size());
    resize(picture, scale, Turn::default(), &plan, curves)
}

fn rgb(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Picture {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect();
    Picture { width, height, channels: Channels::Rgb, pixels }
}

#[test]
fn black_and_white_mix_to_half_the_light() {
    // 188 is half the light; 128, half of the byte, is a fifth of it.
    for (width, height) in [(64, 48), (40, 30), (10, 7)] {
        let small = resized(rgb(256, 192, |x, y| if (x ^ y) & 1 == 0 { [255; 3] } else { [0; 3] }), width, height);
        let middle = (height / 2 * width + width / 2) as usize * 3;
        assert!(small.pixels[middle].abs_diff(188) <= 1, "{} at {width}", small.pixels[middle]);
    }
}

#[test]
fn a_flat_picture_stays_flat_at_every_size_and_edge() {
    for (width, height) in [(99, 70), (50, 35), (33, 21), (7, 5), (1, 1)] {
        for pixels in [vec![200; 101 * 71 * 3], vec![3; 101 * 71 * 3]] {
            let flat = Picture { width: 101, height: 71, channels: Channels::Rgb, pixels };
            let shade = flat.pixels[0];
            let small = resized(flat, width, height);
            assert!(small.pixels.iter().all(|byte| byte.abs_diff(shade) <= 1), "{shade} at {width}x{height}");
        }
    }
}

#[test]
fn no_row_is_taken_for_another_one() {
    // Smooth from top to bottom: a row that is stale or early would be a step.
    for height in [3999, 3000, 1300, 700, 3] {
        let small = resized(rgb(40, 4000, |_, y| [(y * 255 / 3999).to_le_bytes()[0]; 3]), 20, height);
        let column: Vec<u8> = small.pixels.iter().step_by(20 * 3).copied().collect();
        assert_eq!(column.len(), height as usize);
        let step = if height == 3 { 120 } else { 1 };
        assert!(column.is_sorted() && column.windows(2).all(|pair| pair[1] - pair[0] <= step), "{height}");
    }
}

#[test]
fn what_is_transparent_does_not_bleed() {
    let pixels = (0..64 * 64).flat_map(|at| if at % 2 == 0 { [255, 255, 255, 0] } else { [10, 20, 30, 255] }).collect();
    let picture = Picture { width: 64, height: 64, channels: Channels::Rgba, pixels };
    for pixel in resized(picture, 16, 16).pixels.as_chunks::<4>().0 {
        assert!(pixel[0].abs_diff(10) <= 1 && pixel[1].abs_diff(20) <= 1 && pixel[2].abs_diff(30) <= 1, "{pixel:?}");
        assert!(pixel[3].abs_diff(128) <= 2, "{pixel:?}");
    }
}
