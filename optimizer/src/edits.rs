//! What is asked for beyond a size and a format: AWS's documented edits, each absent by default.

use std::{fmt, str::FromStr};

use crate::{decimal::Millionths, order::NotAnOrder};

/// Every edit of one order. They are applied in a fixed order, sharp's, whatever the order they were asked for in.
///
/// Fields are normalised: what changes nothing (a rotation by 360 degrees, a median of one pixel) is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Edits {
    /// Mirror top and bottom.
    pub flip: bool,
    /// Mirror left and right.
    pub flop: bool,
    /// Turn clockwise by so many degrees, more than 0 and less than 360.
    pub rotate: Option<Millionths>,
    /// Cut off edges whose channels differ from those of the top left pixel by no more than this, 0-255.
    pub trim: Option<Millionths>,
    /// Then use this part only.
    pub extract: Option<Extract>,
    /// After the resize, repeat the outermost pixels.
    pub extend: Option<Extend>,
    /// The middle of a square of so many pixels a side, 2-1000.
    pub median: Option<u16>,
    /// White where the luminance is at least this, else black, 1-255.
    pub threshold: Option<u8>,
    /// The standard deviation of a Gaussian blur in pixels, 0.3-1000.
    pub blur: Option<Millionths>,
    /// The standard deviation of the sharpening mask in pixels, 0.000001-10.
    pub sharpen: Option<Millionths>,
    /// The exponent of the light in which pixels are mixed, more than 1 and at most 3.
    pub gamma: Option<Millionths>,
    /// Stretch the luminance over the whole range.
    pub normalize: bool,
    /// Take the luminance only.
    pub grayscale: bool,
    /// Give all pixels this chroma, and keep their luminance.
    pub tint: Option<Rgb>,
    /// The opposite colours; transparency stays.
    pub negate: bool,
    /// What fills the corners of a rotation and the ground of `contain`; absent: opaque black.
    pub background: Option<Rgb>,
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Extract {
    pub left: u32,
    pub top: u32,
    /// At least 1.
    pub width: u32,
    /// At least 1.
    pub height: u32,
}

/// Pixels to add at each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Extend {
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
    pub left: u32,
}

/// A colour in sRGB, written as six hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rgb(pub [u8; 3]);

impl Edits {
    /// Whether pixels mean something else afterwards, so that no copy of the source may stand for the result.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes over one `name=value` of an order's text.
    pub(crate) fn read(&mut self, name: &str, value: &str) -> Result<(), NotAnOrder> {
        fn some<T: FromStr>(value: &str) -> Result<Option<T>, NotAnOrder> {
            value.parse().map(Some).map_err(|_| NotAnOrder)
        }
        match name {
            "flip" => self.flip = yes(value)?,
            "flop" => self.flop = yes(value)?,
            "rotate" => self.rotate = some(value)?,
            "trim" => self.trim = some(value)?,
            "extract" => self.extract = some(value)?,
            "extend" => self.extend = some(value)?,
            "median" => self.median = some(value)?,
            "threshold" => self.threshold = some(value)?,
            "blur" => self.blur = some(value)?,
            "sharpen" => self.sharpen = some(value)?,
            "gamma" => self.gamma = some(value)?,
            "normalize" => self.normalize = yes(value)?,
            "grayscale" => self.grayscale = yes(value)?,
            "tint" => self.tint = some(value)?,
            "negate" => self.negate = yes(value)?,
            "background" => self.background = some(value)?,
            _ => return Err(NotAnOrder),
        }
        Ok(())
    }
}

fn yes(value: &str) -> Result<bool, NotAnOrder> {
    if value == "true" { Ok(true) } else { Err(NotAnOrder) }
}

impl fmt::Display for Edits {
    /// `,flip=true,rotate=90`: each edit with a comma before it, in the order of the fields; nothing for none.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn part(out: &mut fmt::Formatter<'_>, name: &str, value: Option<impl fmt::Display>) -> fmt::Result {
            value.map_or(Ok(()), |value| write!(out, ",{name}={value}"))
        }
        let flag = |is_set: bool| is_set.then_some(true);
        part(out, "flip", flag(self.flip))?;
        part(out, "flop", flag(self.flop))?;
        part(out, "rotate", self.rotate)?;
        part(out, "trim", self.trim)?;
        part(out, "extract", self.extract)?;
        part(out, "extend", self.extend)?;
        part(out, "median", self.median)?;
        part(out, "threshold", self.threshold)?;
        part(out, "blur", self.blur)?;
        part(out, "sharpen", self.sharpen)?;
        part(out, "gamma", self.gamma)?;
        part(out, "normalize", flag(self.normalize))?;
        part(out, "grayscale", flag(self.grayscale))?;
        part(out, "tint", self.tint)?;
        part(out, "negate", flag(self.negate))?;
        part(out, "background", self.background)
    }
}

/// Four plain numbers with `_` between them.
fn four(text: &str) -> Result<[u32; 4], NotAnOrder> {
    let mut numbers = text.split('_').map(|part| {
        let plain = part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
        if plain { part.parse().map_err(|_| NotAnOrder) } else { Err(NotAnOrder) }
    });
    let mut next = || numbers.next().ok_or(NotAnOrder)?;
    let four = [next()?, next()?, next()?, next()?];
    if numbers.next().is_some() { Err(NotAnOrder) } else { Ok(four) }
}

impl fmt::Display for Extract {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { left, top, width, height } = self;
        write!(out, "{left}_{top}_{width}_{height}")
    }
}

impl FromStr for Extract {
    type Err = NotAnOrder;

    fn from_str(text: &str) -> Result<Self, NotAnOrder> {
        let [left, top, width, height] = four(text)?;
        if width == 0 || height == 0 { Err(NotAnOrder) } else { Ok(Self { left, top, width, height }) }
    }
}

impl fmt::Display for Extend {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { top, right, bottom, left } = self;
        write!(out, "{top}_{right}_{bottom}_{left}")
    }
}

impl FromStr for Extend {
    type Err = NotAnOrder;

    fn from_str(text: &str) -> Result<Self, NotAnOrder> {
        let [top, right, bottom, left] = four(text)?;
        Ok(Self { top, right, bottom, left })
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([red, green, blue]) = self;
        write!(out, "{red:02x}{green:02x}{blue:02x}")
    }
}

impl FromStr for Rgb {
    type Err = NotAnOrder;

    /// Six hexadecimal digits, or three that stand for two equal ones each.
    fn from_str(text: &str) -> Result<Self, NotAnOrder> {
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAnOrder);
        }
        let number = u32::from_str_radix(text, 16).map_err(|_| NotAnOrder)?;
        let [_, red, green, blue] = match text.len() {
            6 => number.to_be_bytes(),
            3 => [0, (number >> 8) & 15, (number >> 4) & 15, number & 15].map(|digit| digit.to_le_bytes()[0] * 0x11),
            _ => return Err(NotAnOrder),
        };
        Ok(Self([red, green, blue]))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::{option, prelude::*};

    use super::*;

    fn millionths() -> impl Strategy<Value = Option<Millionths>> {
        option::of(any::<u32>().prop_map(Millionths))
    }

    fn rgb() -> impl Strategy<Value = Option<Rgb>> {
        option::of(any::<[u8; 3]>().prop_map(Rgb))
    }

    /// Any edits, sensible or not.
    pub(crate) fn any_edits() -> impl Strategy<Value = Edits> {
        let extract = option::of((any::<[u32; 2]>(), 1..u32::MAX, 1..u32::MAX));
        let geometry = (millionths(), millionths(), extract, option::of(any::<[u32; 4]>()));
        let mixing = (option::of(any::<u16>()), option::of(any::<u8>()), millionths(), millionths(), millionths());
        (any::<[bool; 5]>(), geometry, mixing, rgb(), rgb()).prop_map(|(flags, geometry, mixing, tint, background)| {
            let [flip, flop, normalize, grayscale, negate] = flags;
            let (rotate, trim, extract, extend) = geometry;
            let (median, threshold, blur, sharpen, gamma) = mixing;
            let extract = extract.map(|([left, top], width, height)| Extract { left, top, width, height });
            let extend = extend.map(|[top, right, bottom, left]| Extend { top, right, bottom, left });
            Edits {
                flip,
                flop,
                rotate,
                trim,
                extract,
                extend,
                median,
                threshold,
                blur,
                sharpen,
                gamma,
                normalize,
                grayscale,
                tint,
                negate,
                background,
            }
        })
    }

    #[test]
    fn colours_are_three_or_six_digits() {
        assert_eq!("ff8000".parse(), Ok(Rgb([255, 128, 0])));
        assert_eq!("F80".parse(), Ok(Rgb([255, 136, 0])));
        for text in ["", "#fff", "ff", "ffff", "fffff", "gggggg", "+fffff", "ffffff0"] {
            assert_eq!(text.parse::<Rgb>(), Err(NotAnOrder), "{text:?}");
        }
    }

    #[test]
    fn rectangles_are_four_plain_numbers() {
        assert_eq!("1_2_3_4".parse(), Ok(Extract { left: 1, top: 2, width: 3, height: 4 }));
        assert_eq!("1_0_0_4".parse(), Ok(Extend { top: 1, right: 0, bottom: 0, left: 4 }));
        for text in ["", "1_2_3", "1_2_3_4_5", "1_2_3_x", "1_2_3_-4", "1_2_3_04", "1_2__4", "1_2_3_4294967296"] {
            assert_eq!(text.parse::<Extract>(), Err(NotAnOrder), "{text:?}");
            assert_eq!(text.parse::<Extend>(), Err(NotAnOrder), "{text:?}");
        }
        assert_eq!("1_2_0_4".parse::<Extract>(), Err(NotAnOrder), "nothing is no picture");
    }
}
