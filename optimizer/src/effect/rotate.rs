//! A turn by any angle, clockwise, onto the smallest box that holds the result.

use crate::{
    Rgb,
    color::light::byte,
    picture::{Channels, Picture},
};

/// The turn of a picture of some size.
#[derive(Clone, Copy, Debug)]
struct Plan {
    sin: f64,
    cos: f64,
    left: f64,
    top: f64,
    width: u32,
    height: u32,
}

fn plan((width, height): (u32, u32), degrees: f64) -> Plan {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (width, height) = (f64::from(width), f64::from(height));
    let range = |one: f64, other: f64| (one.min(0.0) + other.min(0.0), one.max(0.0) + other.max(0.0));
    let (left, right) = range(width * cos, -height * sin);
    let (top, bottom) = range(width * sin, height * cos);
    Plan { sin, cos, left: left.round(), top: top.round(), width: side(right - left), height: side(bottom - top) }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the diagonal of two u16 sides")]
fn side(length: f64) -> u32 {
    length.round().max(1.0) as u32
}

/// Width and height after the turn.
pub(crate) fn rotated_size(size: (u32, u32), degrees: f64) -> (u32, u32) {
    let plan = plan(size, degrees);
    (plan.width, plan.height)
}

/// Turns a picture; what was not there before is `background`. Pixels between four others are mixed from them by their
/// distance, as in libvips, and by their alpha.
pub(crate) fn rotate(picture: &Picture, degrees: f64, background: Rgb) -> Picture {
    let Plan { sin, cos, left, top, width, height } = plan(picture.size(), degrees);
    let channels = picture.channels.len();
    let Rgb([red, green, blue]) = background;
    let ground = [red, green, blue, 0xff].map(f64::from);
    let mut pixels = Vec::with_capacity(width as usize * height as usize * channels);
    for row in 0..height {
        let v = f64::from(row) + top;
        for column in 0..width {
            let u = f64::from(column) + left;
            let mixed = mix(picture, u * cos + v * sin, v * cos - u * sin, ground);
            pixels.extend_from_slice(&mixed[..channels]);
        }
    }
    Picture { width, height, channels: picture.channels, pixels }
}

/// The colour between the four pixels around a place.
#[expect(clippy::cast_possible_truncation, reason = "a place near a picture of u32 sides")]
fn mix(picture: &Picture, x: f64, y: f64, ground: [f64; 4]) -> [u8; 4] {
    let (left, top) = (x.floor(), y.floor());
    let (right, below) = (x - left, y - top);
    let (left, top) = (left as i64, top as i64);
    let mut sum = [0.0; 4];
    let corners = [
        (left, top, (1.0 - right) * (1.0 - below)),
        (left + 1, top, right * (1.0 - below)),
        (left, top + 1, (1.0 - right) * below),
        (left + 1, top + 1, right * below),
    ];
    for (x, y, weight) in corners {
        let color = at(picture, x, y).unwrap_or(ground);
        let weight = weight * color[3];
        for (sum, channel) in sum.iter_mut().zip([color[0], color[1], color[2], 1.0]) {
            *sum += channel * weight;
        }
    }
    let weight = if sum[3] > 0.0 { sum[3] } else { 1.0 };
    [byte(sum[0] / weight), byte(sum[1] / weight), byte(sum[2] / weight), byte(sum[3])]
}

fn at(picture: &Picture, x: i64, y: i64) -> Option<[f64; 4]> {
    let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
    if x >= picture.width || y >= picture.height {
        return None;
    }
    let at = (y as usize * picture.width as usize + x as usize) * picture.channels.len();
    let alpha = match picture.channels {
        Channels::Rgb => 0xff,
        Channels::Rgba => *picture.pixels.get(at + 3)?,
    };
    let [red, green, blue] = *picture.pixels.get(at..)?.first_chunk()?;
    Some([red, green, blue, alpha].map(f64::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_libvips() {
        let cases = [(30.0, (13, 12)), (45.0, (13, 13)), (10.0, (11, 10)), (135.0, (13, 13)), (200.5, (12, 11))];
        for (degrees, size) in cases {
            assert_eq!(rotated_size((10, 8), degrees), size, "{degrees}");
        }
    }

    #[test]
    fn the_middle_stays_and_the_corners_are_background() {
        let picture = Picture { width: 9, height: 9, channels: Channels::Rgb, pixels: vec![200; 9 * 9 * 3] };
        let turned = rotate(&picture, 45.0, Rgb([1, 2, 3]));
        assert_eq!(turned.pixels[..3], [1, 2, 3]);
        let middle = (turned.height / 2 * turned.width + turned.width / 2) as usize * 3;
        assert_eq!(turned.pixels[middle..middle + 3], [200; 3]);
    }
}
