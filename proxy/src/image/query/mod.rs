//! Hot: the parameters of an image URL, in both dialects, as one normalised request.
//!
//! AWS documents `url`, `width`, `height` and so on; the image modules of frameworks send `w`, `h`, `q` and IPX's names.
//! All spellings mean the same and make the same cache key. A parameter given twice, in one spelling or in two with
//! different values, is refused: which one counts would be a guess. Unknown parameters are ignored, because pages carry
//! them.

mod parameters;
mod value;

use edgeplane_config::ImageFormat;
use edgeplane_optimizer::{Edits, Extend, Fit, Millionths, Position};

use super::{refusal::BadRequest, rules::Rules};
use parameters::{Name, Parameters};
pub(super) use value::has_whole_escapes;

/// What a request asks for, before its source is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// The source, decoded once.
    pub(super) url: String,
    /// One of the sizes, in pixels.
    pub(super) width: u32,
    /// Pixels; free of the sizes, unless the operator says otherwise.
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
        let url = parameters.get(Name::Url).filter(|url| !url.is_empty()).ok_or(BadRequest::Missing("url"))?;
        let width = width(&parameters, rules)?;
        let height = height(&parameters, rules)?;
        let quality = match parameters.get(Name::Quality) {
            Some(text) => u8::try_from(value::integer(text, "quality", 1, 100)?).unwrap_or(100),
            None => rules.quality,
        };
        let fit = parameters.get(Name::Fit).map(value::fit).transpose()?.unwrap_or_default();
        let position = parameters.get(Name::Position).map(value::position).transpose()?.unwrap_or_default();
        let fit = height.map(|_| fit).unwrap_or_default();
        let mut edits = edits(&parameters, rules.side_max)?;
        // A ground that nothing shows must not make another cache key.
        let pads = fit == Fit::Contain || edits.rotate.is_some_and(|angle| !value::is_quarter(angle));
        edits.background = edits.background.filter(|_| pads);
        Ok(Self {
            url: url.to_owned(),
            width,
            height,
            quality,
            format: parameters.get(Name::Format).and_then(value::format),
            fit,
            position: height.map(|_| position).unwrap_or_default(),
            keep_p3: rules.keep_p3,
            edits,
        })
    }
}

/// AWS lists the width as required, and every known producer sends one.
fn width(parameters: &Parameters<'_>, rules: &Rules) -> Result<u32, BadRequest> {
    let text = parameters.get(Name::Width).ok_or(BadRequest::Missing("width"))?;
    let largest = rules.sizes.iter().copied().max().unwrap_or(0);
    let width = value::integer(text, "width", 1, u32::MAX).map_err(|_| BadRequest::NotInteger("width", 1, largest))?;
    if rules.sizes.contains(&width) { Ok(width) } else { Err(BadRequest::SizeNotAllowed("width", width)) }
}

fn height(parameters: &Parameters<'_>, rules: &Rules) -> Result<Option<u32>, BadRequest> {
    let Some(text) = parameters.get(Name::Height) else { return Ok(None) };
    let height = value::integer(text, "height", 1, rules.side_max)?;
    if rules.height_in_sizes && !rules.sizes.contains(&height) {
        return Err(BadRequest::SizeNotAllowed("height", height));
    }
    Ok(Some(height))
}

/// Reads edits that stand alone, for whoever has a file and no URL. Here a parameter that is no edit is refused: no page
/// has added it.
///
/// # Errors
/// The [`BadRequest`] that a URL with these parameters would be answered with.
pub fn edits_alone(text: &str, side_max: u32) -> Result<Edits, BadRequest> {
    let parameters = Parameters::read(text)?;
    let mut spellings = text.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    if !spellings.all(Name::is_edit) {
        return Err(BadRequest::NoSuchValue("edits"));
    }
    edits(&parameters, side_max)
}

/// Reads the edits. What changes nothing is left out, so that it makes no other cache key.
fn edits(parameters: &Parameters<'_>, side_max: u32) -> Result<Edits, BadRequest> {
    let flag = |name| value::flag(parameters.get(name), name.documented());
    let number =
        |name: Name, range| parameters.get(name).map(|text| value::number(text, name.documented(), range)).transpose();
    let whole = |name: Name, min, max| {
        parameters.get(name).map(|text| value::integer(text, name.documented(), min, max)).transpose()
    };
    let extend = parameters.get(Name::Extend).map(|text| value::extend(text, side_max)).transpose()?;
    Ok(Edits {
        flip: flag(Name::Flip)?,
        flop: flag(Name::Flop)?,
        rotate: parameters.get(Name::Rotate).map(value::degrees).transpose()?.filter(|angle| angle.0 > 0),
        trim: number(Name::Trim, value::TRIM)?,
        extract: parameters.get(Name::Extract).map(value::extract).transpose()?,
        extend: extend.filter(|extend| *extend != Extend { top: 0, right: 0, bottom: 0, left: 0 }),
        median: whole(Name::Median, 1, 1000)?.and_then(|size| u16::try_from(size).ok()).filter(|size| *size > 1),
        threshold: whole(Name::Threshold, 0, 255)?
            .and_then(|level| u8::try_from(level).ok())
            .filter(|level| *level > 0),
        blur: number(Name::Blur, value::BLUR)?,
        sharpen: number(Name::Sharpen, value::SHARPEN)?,
        gamma: number(Name::Gamma, value::GAMMA)?.filter(|gamma| *gamma > Millionths::whole(1)),
        normalize: flag(Name::Normalize)?,
        grayscale: flag(Name::Grayscale)?,
        tint: parameters.get(Name::Tint).map(|text| value::color(text, "tint")).transpose()?,
        negate: flag(Name::Negate)?,
        background: parameters
            .get(Name::Background)
            .map(|text| value::color(text, "background"))
            .transpose()?
            .filter(|color| color.0 != [0; 3]),
    })
}

#[cfg(test)]
mod tests;
