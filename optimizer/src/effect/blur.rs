//! A Gaussian blur whose cost does not grow with its width.
//!
//! libvips rounds the weights of its mask to twentieths of the middle one. Such a mask is a stack of at most twenty
//! plateaus, and the sum under a plateau is the difference of two running sums: so the same mask is applied in the same
//! few steps whether it covers 3 pixels or 3,000. Nobody can order work by asking for a large number.

use crate::picture::Picture;

/// Where the mask ends: weights below this part of the middle one are left out.
const AMPLITUDE_MIN: f64 = 0.2;

/// Steps of a weight: the middle one has them all.
const STEPS: f64 = 20.0;

/// The widest mask, in pixels to one side.
const RADIUS_MAX: u32 = 5000;

/// A mask as plateaus.
#[derive(Debug)]
pub(super) struct Mask {
    /// How far each plateau reaches to both sides, and how many steps it is high.
    plateaus: Vec<(usize, f32)>,
    /// One over the sum of all weights.
    scale: f32,
}

impl Mask {
    /// A Gaussian that ends where it falls below `amplitude_min`.
    pub(super) fn gaussian(sigma: f64, amplitude_min: f64) -> Self {
        let mut weights: Vec<i32> = Vec::new();
        for x in 0..RADIUS_MAX {
            let weight = (-f64::from(x * x) / (2.0 * sigma * sigma)).exp();
            if weight < amplitude_min {
                break;
            }
            weights.push(whole(weight * STEPS));
        }
        let mut plateaus = Vec::new();
        let mut sum = 0.0;
        for (radius, weight) in weights.iter().enumerate() {
            let step = weight - weights.get(radius + 1).copied().unwrap_or(0);
            if step > 0 {
                let (radius, step) = (radius, single(step));
                sum += step * (2.0 * width(radius) + 1.0);
                plateaus.push((radius, step));
            }
        }
        Self { plateaus, scale: 1.0 / sum }
    }

    /// Whether it leaves everything as it is.
    pub(super) fn is_idle(&self) -> bool {
        self.plateaus.iter().all(|(radius, _)| *radius == 0)
    }

    /// Applies the mask along one line. The outermost values are repeated beyond its ends.
    pub(super) fn line(&self, from: &[f32], to: &mut [f32], sums: &mut Vec<f64>) {
        let (Some(first), Some(last)) = (from.first(), from.last()) else { return };
        let (first, last) = (f64::from(*first), f64::from(*last));
        sums.clear();
        sums.push(0.0);
        let mut sum = 0.0;
        for value in from {
            sum += f64::from(*value);
            sums.push(sum);
        }
        let end = from.len();
        for (x, out) in to.iter_mut().enumerate() {
            let mut value = 0.0;
            for (radius, height) in &self.plateaus {
                let (before, after) = (radius.saturating_sub(x), (x + radius + 1).saturating_sub(end));
                let inside = sums[(x + radius + 1).min(end)] - sums[x.saturating_sub(*radius)];
                value += (inside + first * count(before) + last * count(after)) * f64::from(*height);
            }
            *out = narrow(value) * self.scale;
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most 20")]
fn whole(steps: f64) -> i32 {
    steps.round() as i32
}

#[expect(clippy::cast_precision_loss, reason = "at most 20")]
fn single(steps: i32) -> f32 {
    steps as f32
}

#[expect(clippy::cast_precision_loss, reason = "at most 5000")]
fn width(radius: usize) -> f32 {
    radius as f32
}

#[expect(clippy::cast_precision_loss, reason = "a length of a line")]
fn count(pixels: usize) -> f64 {
    pixels as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a float is all that is kept of a sum of bytes")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating: a mean of bytes is a byte")]
fn byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

/// Applies a mask to a plane of `width` pixels a row, in both directions. One plane is held beside it.
pub(super) fn smooth(plane: &mut [f32], width: usize, mask: &Mask) {
    let height = plane.len() / width.max(1);
    let (mut sums, mut line) = (Vec::new(), vec![0.0; width.max(height)]);
    for row in plane.chunks_exact_mut(width) {
        mask.line(row, &mut line[..width], &mut sums);
        row.copy_from_slice(&line[..width]);
    }
    let mut column = vec![0.0; height];
    for x in 0..width {
        for (value, row) in column.iter_mut().zip(plane.chunks_exact(width)) {
            *value = row[x];
        }
        mask.line(&column, &mut line[..height], &mut sums);
        for (value, row) in line.iter().zip(plane.chunks_exact_mut(width)) {
            row[x] = *value;
        }
    }
}

/// Blurs all channels, transparency too.
pub(super) fn blur(picture: &mut Picture, sigma: f64) {
    let mask = Mask::gaussian(sigma, AMPLITUDE_MIN);
    if mask.is_idle() {
        return;
    }
    let channels = picture.channels.len();
    let mut plane = Vec::new();
    for channel in 0..channels {
        plane.clear();
        plane.extend(picture.pixels.iter().skip(channel).step_by(channels).map(|byte| f32::from(*byte)));
        smooth(&mut plane, picture.width as usize, &mask);
        for (byte_out, value) in picture.pixels.iter_mut().skip(channel).step_by(channels).zip(&plane) {
            *byte_out = byte(*value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Channels;

    fn impulse(sigma: f64) -> Vec<u8> {
        let mut pixels = vec![0; 15 * 15 * 3];
        pixels[(7 * 15 + 7) * 3] = 255;
        let mut picture = Picture { width: 15, height: 15, channels: Channels::Rgb, pixels };
        blur(&mut picture, sigma);
        (0..15).map(|x| picture.pixels[(7 * 15 + x) * 3]).collect()
    }

    #[test]
    fn a_point_becomes_the_mask_of_libvips() {
        assert_eq!(impulse(1.0), [0, 0, 0, 0, 0, 0, 32, 53, 32, 0, 0, 0, 0, 0, 0]);
        assert_eq!(impulse(2.0), [0, 0, 0, 0, 4, 7, 11, 12, 11, 7, 4, 0, 0, 0, 0]);
        assert_eq!(impulse(0.3)[7], 255, "a mask of one pixel changes nothing");
    }

    #[test]
    fn a_flat_picture_stays_flat_whatever_the_width() {
        for sigma in [0.8, 10.0, 1000.0] {
            let mut picture = Picture { width: 7, height: 5, channels: Channels::Rgba, pixels: vec![77; 7 * 5 * 4] };
            blur(&mut picture, sigma);
            assert_eq!(picture.pixels, vec![77; 7 * 5 * 4], "{sigma}");
        }
    }

    #[test]
    fn plateaus_add_up_to_the_plain_sum() {
        let line: Vec<f32> = (0..40_u8).map(|x| f32::from(x.wrapping_mul(97) % 251)).collect();
        let sigma = 4.0;
        let mask = Mask::gaussian(sigma, AMPLITUDE_MIN);
        let mut out = vec![0.0; line.len()];
        mask.line(&line, &mut out, &mut Vec::new());
        let weight = |x: i32| (-f64::from(x * x) / (2.0 * sigma * sigma)).exp();
        let at = |x: i32| f64::from(line[usize::try_from(x.clamp(0, 39)).unwrap()]);
        for (x, out) in (0..).zip(out) {
            let reach = (0..).take_while(|x| weight(*x) >= AMPLITUDE_MIN).count();
            let reach = i32::try_from(reach).unwrap() - 1;
            let sum: f64 = (-reach..=reach).map(|d| (weight(d) * STEPS).round() * at(x + d)).sum();
            let all: f64 = (-reach..=reach).map(|d| (weight(d) * STEPS).round()).sum();
            assert!((f64::from(out) - sum / all).abs() < 0.01, "{x}");
        }
    }
}
