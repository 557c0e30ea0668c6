//! Hot: which format an answer gets, from `Accept`, the `format` parameter and the manifest's `formats`.
//!
//! Only types that the client names count: browsers send `*/*` and `image/*` whether or not they can show AVIF. Among
//! the named ones the highest weight wins, and among equal weights the format that makes the smaller file. JPEG and
//! PNG are never chosen over a photo's or a drawing's own format just because a browser can show them: when they win,
//! the source's format stays, unless the `format` parameter asks for one of them.

use edgeplane_config::ImageFormat;
use edgeplane_optimizer::{Probe, SourceType};

/// What was agreed before the source is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Choice {
    /// This format.
    Format(ImageFormat),
    /// The source's own, as far as the client can show it.
    Source {
        /// Whether the client named WebP.
        webp: bool,
    },
}

impl Choice {
    /// Agrees on a format. `wanted` is the `format` parameter, which loses to `Accept`.
    pub(super) fn of(accept: Option<&str>, formats: &[ImageFormat], wanted: Option<ImageFormat>) -> Self {
        let weights = Weights::of(accept.unwrap_or_default());
        // In order of preference among equals; `max_by_key` keeps the last of equals, hence reversed.
        let order = [ImageFormat::Avif, ImageFormat::Webp, ImageFormat::Jpeg, ImageFormat::Png];
        let best = order
            .into_iter()
            .rev()
            .filter(|format| formats.contains(format) && weights.of_format(*format) > 0)
            .max_by_key(|format| weights.of_format(*format));
        let wanted = wanted.filter(|format| formats.contains(format) && !weights.excludes(*format));
        match (best, wanted) {
            (Some(format @ (ImageFormat::Avif | ImageFormat::Webp)), _) => Self::Format(format),
            (Some(_), Some(format @ (ImageFormat::Jpeg | ImageFormat::Png))) | (None, Some(format)) => {
                Self::Format(format)
            }
            _ => Self::Source { webp: weights.of_format(ImageFormat::Webp) > 0 },
        }
    }

    /// What stands in for AVIF until it is made; none where it was not chosen by `Accept`, or where the client may not
    /// be able to show anything else (RFC 9110 12.5.1: what no range names is not acceptable).
    pub(super) fn standing_in(
        self,
        accept: Option<&str>,
        formats: &[ImageFormat],
        wanted: Option<ImageFormat>,
    ) -> Option<Self> {
        let (Self::Format(ImageFormat::Avif), Some(accept)) = (self, accept) else { return None };
        let weights = Weights::of(accept);
        if weights.of_format(ImageFormat::Avif) == 0 {
            return None;
        }
        let others: Vec<_> = formats.iter().copied().filter(|format| *format != ImageFormat::Avif).collect();
        let choice = Self::of(Some(accept), &others, wanted.filter(|wanted| *wanted != ImageFormat::Avif));
        let old = [ImageFormat::Jpeg, ImageFormat::Png];
        let shows_old = || takes_any(accept) || old.iter().any(|format| weights.of_format(*format) > 0);
        (matches!(choice, Self::Format(_)) || shows_old()).then_some(choice)
    }

    /// The format for a source of that kind.
    pub(super) fn settle(self, probe: &Probe) -> ImageFormat {
        match (self, probe.source_type) {
            (Self::Format(format), _) => format,
            (Self::Source { webp: true }, SourceType::Webp) => ImageFormat::Webp,
            (Self::Source { .. }, SourceType::Png) => ImageFormat::Png,
            // A modern source for a client that did not say it can show one.
            (Self::Source { .. }, _) if probe.alpha => ImageFormat::Png,
            (Self::Source { .. }, _) => ImageFormat::Jpeg,
        }
    }
}

/// Whether answers for a source of this type depend on `Accept`.
pub(super) fn depends_on_accept(source_type: SourceType, formats: &[ImageFormat]) -> bool {
    source_type == SourceType::Webp
        || formats.iter().any(|format| matches!(format, ImageFormat::Avif | ImageFormat::Webp))
}

/// Whether an `Accept` has a range that holds every kind of image.
fn takes_any(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let any = parts.next().is_some_and(|range| range == "*/*" || range.eq_ignore_ascii_case("image/*"));
        any && parts.find_map(weight).unwrap_or(1000) > 0
    })
}

/// The weights of the formats in an `Accept` (RFC 9110 12.4.2), in thousandths; absent where not named.
#[derive(Clone, Copy, Debug, Default)]
struct Weights {
    avif: Option<u16>,
    webp: Option<u16>,
    jpeg: Option<u16>,
    png: Option<u16>,
}

impl Weights {
    fn of(accept: &str) -> Self {
        let mut weights = Self::default();
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default();
            let slot = if media_type.eq_ignore_ascii_case("image/avif") {
                &mut weights.avif
            } else if media_type.eq_ignore_ascii_case("image/webp") {
                &mut weights.webp
            } else if media_type.eq_ignore_ascii_case("image/jpeg") {
                &mut weights.jpeg
            } else if media_type.eq_ignore_ascii_case("image/png") {
                &mut weights.png
            } else {
                continue;
            };
            // Other parameters say nothing we could tell apart; they must not reach a key either.
            let weight = parts.find_map(weight).unwrap_or(1000);
            *slot = Some(slot.map_or(weight, |earlier| earlier.max(weight)));
        }
        weights
    }

    fn named(&self, format: ImageFormat) -> Option<u16> {
        match format {
            ImageFormat::Avif => self.avif,
            ImageFormat::Webp => self.webp,
            ImageFormat::Jpeg => self.jpeg,
            ImageFormat::Png => self.png,
        }
    }

    fn of_format(&self, format: ImageFormat) -> u16 {
        self.named(format).unwrap_or(0)
    }

    /// Named with a weight of 0: "not acceptable".
    fn excludes(&self, format: ImageFormat) -> bool {
        self.named(format) == Some(0)
    }
}

/// The value of a `q` parameter in thousandths. One that is no weight is no parameter we know, and is ignored.
fn weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value.trim().split_once('.').unwrap_or_else(|| (value.trim(), ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = format!("{fraction:0<3}").parse().ok()?;
    match (whole, fraction) {
        ("0", fraction) => Some(fraction),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
