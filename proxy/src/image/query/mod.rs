//! Hot: the parameters of an image URL, in both dialects, as one normalised request.
//!
//! AWS documents `url`, `width`, `height`, `quality`, `format`, `fit`, `position`; the image modules of frameworks send
//! `w`, `h`, `q` (and IPX's `f`, `pos`). Both spellings mean the same and make the same cache key. A parameter given
//! twice, in one spelling or in both with different values, is refused: which one counts would be a guess. Unknown
//! parameters are ignored, because pages carry them.

use std::borrow::Cow;

use edgeplane_config::ImageFormat;
use edgeplane_optimizer::{Edits, Fit, Position};
use percent_encoding::percent_decode_str;

use super::{refusal::BadRequest, rules::Rules};

/// What a request asks for, before its source is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// The source, decoded once.
    pub(super) url: String,
    /// One of the sizes, in pixels.
    pub(super) width: u32,
    /// Pixels; free of the sizes.
    pub(super) height: Option<u32>,
    /// 1-100.
    pub(super) quality: u8,
    /// A format the client would like, where `Accept` does not decide.
    pub(super) format: Option<ImageFormat>,
    /// How width and height are met together; the default without a height, where it means nothing.
    pub(super) fit: Fit,
    /// What stays when cropping; likewise.
    pub(super) position: Position,
    /// Whether Display P3 is kept, as the operator says.
    pub(super) keep_p3: bool,
    /// Everything else that is asked for.
    pub(super) edits: Edits,
}

impl Query {
    /// Reads a query string against the rules.
    pub(super) fn parse(query: &str, rules: &Rules) -> Result<Self, BadRequest> {
        let parameters = Parameters::read(query)?;
        let url = parameters.url.ok_or(BadRequest::Missing(URL))?;
        if url.is_empty() {
            return Err(BadRequest::Missing(URL));
        }
        // AWS lists the width as required, and every known producer sends one.
        let width = parameters.width.ok_or(BadRequest::Missing(WIDTH))?;
        let largest = rules.sizes.iter().copied().max().unwrap_or(0);
        let width = integer(&width, WIDTH, u32::MAX).map_err(|_| BadRequest::NotInteger(WIDTH, largest))?;
        if !rules.sizes.contains(&width) {
            return Err(BadRequest::WidthNotAllowed(width));
        }
        let height = parameters.height.map(|text| integer(&text, HEIGHT, rules.height_max)).transpose()?;
        let quality = match parameters.quality {
            Some(text) => u8::try_from(integer(&text, QUALITY, 100)?).unwrap_or(100),
            None => rules.quality,
        };
        let fit = parameters.fit.map(|text| fit(&text)).transpose()?.unwrap_or_default();
        let position = parameters.position.map(|text| position(&text)).transpose()?.unwrap_or_default();
        Ok(Self {
            url: url.into_owned(),
            width,
            height,
            quality,
            format: parameters.format.and_then(|text| format(&text)),
            fit: height.map(|_| fit).unwrap_or_default(),
            position: height.map(|_| position).unwrap_or_default(),
            keep_p3: false,
            edits: Edits::default(),
        })
    }
}

const URL: &str = "url";
const WIDTH: &str = "width";
const HEIGHT: &str = "height";
const QUALITY: &str = "quality";
const FORMAT: &str = "format";
const FIT: &str = "fit";
const POSITION: &str = "position";

/// The known parameters, decoded, each at most once.
#[derive(Default)]
struct Parameters<'a> {
    url: Option<Cow<'a, str>>,
    width: Option<Cow<'a, str>>,
    height: Option<Cow<'a, str>>,
    quality: Option<Cow<'a, str>>,
    format: Option<Cow<'a, str>>,
    fit: Option<Cow<'a, str>>,
    position: Option<Cow<'a, str>>,
}

impl<'a> Parameters<'a> {
    fn read(query: &'a str) -> Result<Self, BadRequest> {
        let mut parameters = Self::default();
        // One bit per spelling, so that `w=64&w=64` is a repetition and `w=64&width=64` is not.
        let mut seen = 0_u16;
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some((spelling, name, slot)) = parameters.slot(name) else { continue };
            if seen & (1 << spelling) != 0 {
                return Err(BadRequest::Repeated(name));
            }
            seen |= 1 << spelling;
            let value = decoded(value, name)?;
            match slot {
                Some(earlier) if *earlier != value => return Err(BadRequest::Repeated(name)),
                Some(_) => {}
                empty => *empty = Some(value),
            }
        }
        Ok(parameters)
    }

    /// The spelling's number, the parameter's documented name, and its place.
    fn slot(&mut self, name: &str) -> Option<(u8, &'static str, &mut Option<Cow<'a, str>>)> {
        Some(match name {
            "url" => (0, URL, &mut self.url),
            "width" => (1, WIDTH, &mut self.width),
            "w" => (2, WIDTH, &mut self.width),
            "height" => (3, HEIGHT, &mut self.height),
            "h" => (4, HEIGHT, &mut self.height),
            "quality" => (5, QUALITY, &mut self.quality),
            "q" => (6, QUALITY, &mut self.quality),
            "format" => (7, FORMAT, &mut self.format),
            "f" => (8, FORMAT, &mut self.format),
            "fit" => (9, FIT, &mut self.fit),
            "position" => (10, POSITION, &mut self.position),
            "pos" => (11, POSITION, &mut self.position),
            _ => return None,
        })
    }
}

/// Decodes a value as HTML forms encode it: `+` is a space. Broken escapes and broken UTF-8 are refused rather than
/// guessed at.
fn decoded<'a>(value: &'a str, name: &'static str) -> Result<Cow<'a, str>, BadRequest> {
    if !has_whole_escapes(value) {
        return Err(BadRequest::Encoding(name));
    }
    let error = |_| BadRequest::Encoding(name);
    if value.contains('+') {
        let spaced = value.replace('+', " ");
        return percent_decode_str(&spaced).decode_utf8().map(|text| Cow::Owned(text.into_owned())).map_err(error);
    }
    percent_decode_str(value).decode_utf8().map_err(error)
}

/// Whether every `%` begins two hexadecimal digits.
pub(super) fn has_whole_escapes(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|after| after.as_bytes().first_chunk::<2>().is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

/// A number from 1 to `max` in plain digits: no sign, no fraction, no space, and no leading zero, so that one number
/// has one spelling.
fn integer(text: &str, name: &'static str, max: u32) -> Result<u32, BadRequest> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let number = if plain { text.parse().ok() } else { None };
    number.filter(|number| (1..=max).contains(number)).ok_or(BadRequest::NotInteger(name, max))
}

fn fit(text: &str) -> Result<Fit, BadRequest> {
    Ok(match text {
        "cover" => Fit::Cover,
        "contain" => Fit::Contain,
        "fill" => Fit::Fill,
        "inside" => Fit::Inside,
        "outside" => Fit::Outside,
        _ => return Err(BadRequest::NoSuchValue(FIT)),
    })
}

fn position(text: &str) -> Result<Position, BadRequest> {
    Ok(match text {
        // AWS lists the American spelling and shows the British one.
        "center" | "centre" => Position::Center,
        "top" => Position::Top,
        "right" => Position::Right,
        "bottom" => Position::Bottom,
        "left" => Position::Left,
        _ => return Err(BadRequest::NoSuchValue(POSITION)),
    })
}

/// A format we write. Another one is a wish that cannot be met, not an error: AWS ignores formats outside the list.
fn format(text: &str) -> Option<ImageFormat> {
    match text {
        "avif" => Some(ImageFormat::Avif),
        "webp" => Some(ImageFormat::Webp),
        "jpeg" | "jpg" => Some(ImageFormat::Jpeg),
        "png" => Some(ImageFormat::Png),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
