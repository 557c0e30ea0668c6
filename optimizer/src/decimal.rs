//! Decimal numbers that can be compared, hashed and written without loss.

use std::{fmt, str::FromStr};

use crate::order::NotAnOrder;

/// A number from 0 to 4294, in millionths: AWS's smallest value, a sharpening of 0.000001, is one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millionths(pub u32);

const ONE: u32 = 1_000_000;
const DIGITS: usize = 6;

impl Millionths {
    /// A whole number; the largest there is where it is too large.
    pub const fn whole(number: u32) -> Self {
        Self(number.saturating_mul(ONE))
    }

    /// As a floating-point number, for calculations.
    pub fn value(self) -> f64 {
        f64::from(self.0) / f64::from(ONE)
    }
}

impl fmt::Display for Millionths {
    /// The shortest way to write it: `0.5`, `3`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / ONE, self.0 % ONE);
        if fraction == 0 {
            return write!(out, "{whole}");
        }
        let digits = format!("{fraction:06}");
        write!(out, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl FromStr for Millionths {
    type Err = NotAnOrder;

    /// Digits, and at most six more behind a point: no sign, no exponent, no leading zero but the one before the point.
    fn from_str(text: &str) -> Result<Self, NotAnOrder> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() && fraction.len() <= DIGITS => (whole, fraction),
            None => (text, ""),
            Some(_) => return Err(NotAnOrder),
        };
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(fraction) || (whole.len() > 1 && whole.starts_with('0')) {
            return Err(NotAnOrder);
        }
        let number = format!("{whole}{fraction:0<DIGITS$}");
        number.parse().map(Self).map_err(|_| NotAnOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_one_text() {
        for (text, millionths, written) in [
            ("0", 0, "0"),
            ("3", 3_000_000, "3"),
            ("0.5", 500_000, "0.5"),
            ("1.50", 1_500_000, "1.5"),
            ("0.000001", 1, "0.000001"),
            ("4294.967295", u32::MAX, "4294.967295"),
        ] {
            assert_eq!(text.parse(), Ok(Millionths(millionths)), "{text}");
            assert_eq!(Millionths(millionths).to_string(), written);
        }
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        for text in ["", ".", ".5", "5.", "-1", "+1", "01", "00.5", "1e3", "0.0000001", "4294.967296", "1,5", " 1", "٣"]
        {
            assert_eq!(text.parse::<Millionths>(), Err(NotAnOrder), "{text:?}");
        }
    }
}
