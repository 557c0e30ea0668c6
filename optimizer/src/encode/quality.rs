//! What a quality of 1 to 100 is to each encoder, so that the same number looks the same in every format.
//!
//! The scale is that of WebP as sharp writes it, because that is what a page that says 75 gets elsewhere. The points
//! are medians over photographs of what each encoder needs for the SSIMULACRA2 that sharp's WebP has: seven at 640 and
//! 1080 pixels for WebP, six at 640 for AVIF; for JPEG five at 640, held against our own WebP (`bench/NOTES.md`,
//! "Pictures"). 1 and 100 are the ends of what is useful.

/// Nominal quality, and what the encoder calls it.
type Point = (f64, f64);

const WEBP_QUICK: [Point; 7] =
    [(1.0, 1.0), (25.0, 23.0), (50.0, 47.2), (60.0, 56.4), (75.0, 72.6), (80.0, 80.9), (100.0, 100.0)];
const WEBP_THOROUGH: [Point; 5] = [(1.0, 1.0), (75.0, 74.2), (85.0, 84.8), (90.0, 90.0), (100.0, 100.0)];
const JPEG: [Point; 7] =
    [(1.0, 60.0), (25.0, 23.0), (50.0, 13.0), (60.0, 10.3), (75.0, 7.8), (90.0, 2.7), (100.0, 0.9)];
const AVIF: [Point; 6] = [(1.0, 63.0), (50.0, 36.0), (60.0, 34.0), (75.0, 31.0), (90.0, 16.0), (100.0, 6.0)];

/// libwebp's quality, 0-100, where it is written in little time.
#[expect(clippy::cast_possible_truncation, reason = "a hundred fits")]
pub(super) fn webp_quick(nominal: u8) -> f32 {
    along(&WEBP_QUICK, nominal) as f32
}

/// libwebp's quality, 0-100, where it is written in few bytes.
#[expect(clippy::cast_possible_truncation, reason = "a hundred fits")]
pub(super) fn webp_thorough(nominal: u8) -> f32 {
    along(&WEBP_THOROUGH, nominal) as f32
}

/// By how much the tables of a JPEG are multiplied: the coarser, the larger.
pub(super) fn jpeg(nominal: u8) -> f64 {
    along(&JPEG, nominal)
}

/// libaom's quantizer, 63 (coarsest) to 0.
#[expect(clippy::cast_possible_truncation, reason = "between 0 and 63")]
pub(super) fn avif(nominal: u8) -> u8 {
    along(&AVIF, nominal).round() as u8
}

/// The value at `nominal` on straight lines between the points.
fn along(points: &[Point], nominal: u8) -> f64 {
    let at = f64::from(nominal);
    let next = points.iter().position(|(from, _)| at < *from).unwrap_or(points.len() - 1).max(1);
    let ((from, low), (to, high)) = (points[next - 1], points[next]);
    let share = ((at - from) / (to - from)).clamp(0.0, 1.0);
    // In this form both ends are met exactly.
    low * (1.0 - share) + high * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_never_coarser_and_the_ends_are_the_encoders() {
        let all: Vec<u8> = (1..=100).collect();
        assert!(all.is_sorted_by_key(|nominal| webp_quick(*nominal)));
        assert!(all.is_sorted_by_key(|nominal| webp_thorough(*nominal)));
        assert!(all.iter().rev().is_sorted_by(|high, low| jpeg(**high) < jpeg(**low)));
        assert!(all.iter().rev().is_sorted_by_key(|nominal| avif(*nominal)));
        assert_eq!((webp_quick(1), webp_thorough(1), webp_thorough(100)), (1.0, 1.0, 100.0));
        assert_eq!((avif(1), avif(100)), (63, 6));
        assert_eq!((jpeg(1), jpeg(100)), (60.0, 0.9));
    }

    #[test]
    fn the_measured_points_are_met() {
        assert_eq!((webp_quick(75), webp_thorough(90), jpeg(75), avif(75)), (72.6, 90.0, 7.8, 31));
        assert!(webp_quick(74) < 72.6 && webp_quick(76) > 72.6);
    }
}
