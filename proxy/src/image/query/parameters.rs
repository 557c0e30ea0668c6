//! Hot: which parameters a query has, each decoded and at most once.

use std::borrow::Cow;

use super::value::decoded;
use crate::image::refusal::BadRequest;

/// A parameter by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Url,
    Width,
    Height,
    Quality,
    Format,
    Fit,
    Position,
    Resize,
    Extract,
    Trim,
    Extend,
    Rotate,
    Flip,
    Flop,
    Sharpen,
    Median,
    Blur,
    Gamma,
    Negate,
    Normalize,
    Threshold,
    Tint,
    Grayscale,
    Background,
}

/// How each is written: AWS's name first, then those of image modules.
const SPELLINGS: [(&str, Name); 32] = [
    ("url", Name::Url),
    ("width", Name::Width),
    ("w", Name::Width),
    ("height", Name::Height),
    ("h", Name::Height),
    ("quality", Name::Quality),
    ("q", Name::Quality),
    ("format", Name::Format),
    ("f", Name::Format),
    ("fit", Name::Fit),
    ("position", Name::Position),
    ("pos", Name::Position),
    ("resize", Name::Resize),
    ("s", Name::Resize),
    ("extract", Name::Extract),
    ("crop", Name::Extract),
    ("trim", Name::Trim),
    ("extend", Name::Extend),
    ("rotate", Name::Rotate),
    ("flip", Name::Flip),
    ("flop", Name::Flop),
    ("sharpen", Name::Sharpen),
    ("median", Name::Median),
    ("blur", Name::Blur),
    ("gamma", Name::Gamma),
    ("negate", Name::Negate),
    ("normalize", Name::Normalize),
    ("threshold", Name::Threshold),
    ("tint", Name::Tint),
    ("grayscale", Name::Grayscale),
    ("background", Name::Background),
    ("b", Name::Background),
];

impl Name {
    /// The first spelling: what messages call it.
    pub(super) fn documented(self) -> &'static str {
        SPELLINGS.iter().find(|(_, name)| *name == self).map_or("", |(spelling, _)| spelling)
    }

    /// Whether a spelling is of something that is done to a picture beside making it fit.
    pub(super) fn is_edit(spelling: &str) -> bool {
        use Name::{Fit, Format, Height, Position, Quality, Resize, Url, Width};
        let named = SPELLINGS.iter().find(|(known, _)| *known == spelling);
        named
            .is_some_and(|(_, name)| !matches!(name, Url | Width | Height | Quality | Format | Fit | Position | Resize))
    }
}

/// The known parameters.
#[derive(Default)]
pub(super) struct Parameters<'a> {
    values: [Option<Cow<'a, str>>; Name::Background as usize + 1],
}

impl<'a> Parameters<'a> {
    /// Reads a query string.
    pub(super) fn read(query: &'a str) -> Result<Self, BadRequest> {
        let mut parameters = Self::default();
        // One bit per spelling, so that `w=64&w=64` is a repetition and `w=64&width=64` is not.
        let mut seen = 0_u32;
        for pair in query.split('&') {
            let (spelling, value) = pair.split_once('=').unwrap_or((pair, ""));
            let mut spellings = SPELLINGS.iter().zip(0_u32..);
            let Some(((_, name), bit)) = spellings.find(|((known, _), _)| *known == spelling) else { continue };
            if seen & (1 << bit) != 0 {
                return Err(BadRequest::Repeated(name.documented()));
            }
            seen |= 1 << bit;
            parameters.put(*name, decoded(value, name.documented())?)?;
        }
        parameters.split_size()?;
        Ok(parameters)
    }

    /// The value of a parameter.
    pub(super) fn get(&self, name: Name) -> Option<&str> {
        self.values[name as usize].as_deref()
    }

    fn put(&mut self, name: Name, value: Cow<'a, str>) -> Result<(), BadRequest> {
        match &mut self.values[name as usize] {
            Some(earlier) if *earlier != value => Err(BadRequest::Repeated(name.documented())),
            Some(_) => Ok(()),
            empty => {
                *empty = Some(value);
                Ok(())
            }
        }
    }

    /// IPX's `s=640x480` is a width and a height, and `s=640` both.
    fn split_size(&mut self) -> Result<(), BadRequest> {
        let Some(size) = self.values[Name::Resize as usize].take() else { return Ok(()) };
        let (width, height) = size.split_once('x').unwrap_or((&size, &size));
        self.put(Name::Width, Cow::Owned(width.to_owned()))?;
        self.put(Name::Height, Cow::Owned(height.to_owned()))
    }
}
