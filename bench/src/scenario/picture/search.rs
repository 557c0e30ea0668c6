//! How many bytes an encoder needs to look as good as another one.

use std::collections::BTreeMap;

use crate::failure::Failure;

/// A picture at one quality.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) bytes: f64,
    pub(super) score: f64,
}

/// Qualities this near are interpolated between, not tried.
const NEAR: u8 = 3;
const START: u8 = 75;

/// The bytes at which `score` is reached, between the two nearest qualities that were tried; `None` where no quality
/// reaches it or every one exceeds it.
pub(super) fn bytes_at(score: f64, mut at: impl FnMut(u8) -> Result<Point, Failure>) -> Result<Option<f64>, Failure> {
    let mut tried = BTreeMap::new();
    let (mut low, mut high) = (1_u8, 100_u8);
    let mut quality = START;
    loop {
        let point = at(quality)?;
        tried.insert(quality, point);
        if point.score < score {
            low = quality;
        } else {
            high = quality;
        }
        let (below, above) = (tried.get(&low).copied(), tried.get(&high).copied());
        if low < high
            && high - low <= NEAR
            && let (Some(below), Some(above)) = (below, above)
        {
            return Ok(Some(between(below, above, score)));
        }
        quality = match (below, above) {
            // Steps of growing width towards the side that is not known yet.
            (Some(_), None) => low.saturating_add(8).min(high),
            (None, Some(_)) => high.saturating_sub(8).max(low),
            _ => low.midpoint(high),
        };
        if tried.contains_key(&quality) {
            return Ok(None);
        }
    }
}

/// Bytes grow by a factor where scores grow by a step.
fn between(below: Point, above: Point, score: f64) -> f64 {
    let span = above.score - below.score;
    let part = if span.abs() < f64::EPSILON { 0.0 } else { ((score - below.score) / span).clamp(0.0, 1.0) };
    (below.bytes.ln() * (1.0 - part) + above.bytes.ln() * part).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes double every ten steps of quality; the score is the quality.
    fn encoder(quality: u8) -> Point {
        Point { bytes: 1000.0 * (f64::from(quality) / 10.0).exp2(), score: f64::from(quality) }
    }

    #[test]
    fn the_bytes_of_a_score_are_found() {
        for score in [12.0, 55.5, 74.0, 75.0, 76.0, 99.5] {
            let found = bytes_at(score, |quality| Ok(encoder(quality))).unwrap().unwrap();
            let exact = 1000.0 * (score / 10.0_f64).exp2();
            assert!((found / exact - 1.0).abs() < 0.001, "{score}: {found} {exact}");
        }
    }

    #[test]
    fn what_no_quality_reaches_has_no_bytes() {
        for score in [0.5, 100.5] {
            assert_eq!(bytes_at(score, |quality| Ok(encoder(quality))).unwrap(), None, "{score}");
        }
    }
}
