//! Hot: the values of parameters: what AWS documents, read strictly, so that one meaning has one spelling.

use std::borrow::Cow;

use edgeplane_config::ImageFormat;
use edgeplane_optimizer::{Extend, Extract, Fit, Millionths, Position, Rgb};
use percent_encoding::percent_decode_str;

use crate::image::refusal::BadRequest;

/// The least and the most of a number.
pub(super) type Range = (Millionths, Millionths);

/// AWS names no bounds; beyond the range of a channel nothing differs.
pub(super) const TRIM: Range = (Millionths(0), Millionths::whole(255));
/// AWS: 0.3 to 1000.
pub(super) const BLUR: Range = (Millionths(300_000), Millionths::whole(1000));
/// AWS: 0.000001 to 10.
pub(super) const SHARPEN: Range = (Millionths(1), Millionths::whole(10));
/// AWS: 1.0 to 3.0.
pub(super) const GAMMA: Range = (Millionths::whole(1), Millionths::whole(3));

const TURN: Millionths = Millionths::whole(360);

/// Decodes a value as HTML forms encode it: `+` is a space. Broken escapes and broken UTF-8 are refused rather than
/// guessed at.
pub(super) fn decoded<'a>(value: &'a str, name: &'static str) -> Result<Cow<'a, str>, BadRequest> {
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
pub(in crate::image) fn has_whole_escapes(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|after| after.as_bytes().first_chunk::<2>().is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

/// A number in plain digits: no sign, no fraction, no space, and no leading zero, so that one number has one spelling.
pub(super) fn integer(text: &str, name: &'static str, min: u32, max: u32) -> Result<u32, BadRequest> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let number = if plain { text.parse().ok() } else { None };
    number.filter(|number| (min..=max).contains(number)).ok_or(BadRequest::NotInteger(name, min, max))
}

/// A number that may have up to six digits behind its point.
pub(super) fn number(text: &str, name: &'static str, (min, max): Range) -> Result<Millionths, BadRequest> {
    let number: Option<Millionths> = text.parse().ok();
    number.filter(|number| (min..=max).contains(number)).ok_or(BadRequest::NotNumber(name, min, max))
}

/// An angle of at most a whole turn to either side, as the clockwise one from 0 to less than 360.
pub(super) fn degrees(text: &str) -> Result<Millionths, BadRequest> {
    let (digits, back) = text.strip_prefix('-').map_or((text, false), |digits| (digits, true));
    let angle: Option<Millionths> = digits.parse().ok();
    let angle = angle.filter(|angle| *angle <= TURN).ok_or(BadRequest::NotDegrees("rotate"))?.0 % TURN.0;
    Ok(Millionths(if back && angle > 0 { TURN.0 - angle } else { angle }))
}

/// Whether an angle is a whole number of quarters, which leave no corners.
pub(super) fn is_quarter(angle: Millionths) -> bool {
    angle.0.is_multiple_of(TURN.0 / 4)
}

/// A switch: AWS documents its presence, and pages also write its value.
pub(super) fn flag(text: Option<&str>, name: &'static str) -> Result<bool, BadRequest> {
    match text {
        None | Some("false" | "0") => Ok(false),
        Some("" | "true" | "1") => Ok(true),
        Some(_) => Err(BadRequest::NoSuchValue(name)),
    }
}

/// A colour of three or six hexadecimal digits, with or without the `#` that has to be escaped in a URL.
pub(super) fn color(text: &str, name: &'static str) -> Result<Rgb, BadRequest> {
    text.strip_prefix('#').unwrap_or(text).parse().map_err(|_| BadRequest::NotColor(name))
}

pub(super) fn extract(text: &str) -> Result<Extract, BadRequest> {
    text.parse().map_err(|_| BadRequest::NotEdges("extract", "{left}_{top}_{width}_{height}"))
}

/// Edges that are each no longer than a side may be.
pub(super) fn extend(text: &str, side_max: u32) -> Result<Extend, BadRequest> {
    let extend: Option<Extend> = text.parse().ok();
    let fits =
        |extend: &Extend| [extend.top, extend.right, extend.bottom, extend.left].iter().all(|edge| *edge <= side_max);
    extend.filter(fits).ok_or(BadRequest::NotEdges("extend", "{top}_{right}_{bottom}_{left}"))
}

pub(super) fn fit(text: &str) -> Result<Fit, BadRequest> {
    Fit::ALL.into_iter().find(|fit| fit.name() == text).ok_or(BadRequest::NoSuchValue("fit"))
}

pub(super) fn position(text: &str) -> Result<Position, BadRequest> {
    // AWS lists the American spelling and shows the British one.
    let text = if text == "centre" { "center" } else { text };
    let known = Position::ALL.into_iter().find(|position| position.name() == text);
    known.ok_or(BadRequest::NoSuchValue("position"))
}

/// A format we write. Another one is a wish that cannot be met, not an error: AWS ignores formats outside the list.
pub(super) fn format(text: &str) -> Option<ImageFormat> {
    let text = if text == "jpg" { "jpeg" } else { text };
    ImageFormat::ALL.into_iter().find(|format| format.extension() == text)
}
