//! The head of an AV1 stream (AV1 5.5): what it says of its colours, for where the container does not.

use super::{Named, Range, boxes::Fields};
use crate::color::coded::{Code, UNSPECIFIED};

/// The number of the sequence header among units (AV1 6.2.2).
const SEQUENCE_HEADER: u8 = 1;
/// What stands for "chosen frame by frame" (AV1 3).
const SELECTED: u32 = 2;
/// The profile of 4:4:4, which knows no monochrome, and the one of 12 bits (AV1 6.4.1).
const PROFILE_444: u32 = 1;
const PROFILE_12_BITS: u32 = 2;

/// The colours of a stream.
pub(crate) fn colors(stream: &[u8]) -> Option<Named> {
    let mut bits = Bits { bytes: header(stream)?, at: 0 };
    let profile = bits.number(3)?;
    // Whether it is a still picture.
    bits.skip(1)?;
    let reduced = bits.flag()?;
    if reduced {
        // Level.
        bits.skip(5)?;
    } else {
        operating_points(&mut bits)?;
    }
    let [across, down] = [bits.number(4)? + 1, bits.number(4)? + 1];
    bits.skip(across + down)?;
    if !reduced && bits.flag()? {
        // Lengths of frame numbers.
        bits.skip(4 + 3)?;
    }
    // Superblocks of 128, two filters inside.
    bits.skip(3)?;
    if !reduced {
        tools(&mut bits)?;
    }
    // Superresolution, two filters of the result.
    bits.skip(3)?;
    color_config(&mut bits, profile)
}

/// The sequence header among the units of a stream (AV1 5.3).
fn header(stream: &[u8]) -> Option<&[u8]> {
    let mut rest = Fields(stream);
    loop {
        let head = rest.take(1)?[0];
        let (kind, has_extension, has_size) = (head >> 3 & 0xf, head & 0b100 != 0, head & 0b10 != 0);
        rest.take(usize::from(has_extension))?;
        let size = if has_size { leb128(&mut rest)? } else { rest.0.len() };
        let unit = rest.take(size)?;
        if kind == SEQUENCE_HEADER {
            return Some(unit);
        }
    }
}

/// A number of seven bits a byte (AV1 4.10.5).
fn leb128(fields: &mut Fields<'_>) -> Option<usize> {
    let mut number = 0;
    for place in 0..8 {
        let byte = fields.take(1)?[0];
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return usize::try_from(number).ok();
        }
    }
    None
}

/// Timing and operating points, read over (AV1 5.5.1 and 5.5.3 to 5.5.5).
fn operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay = None;
    if bits.flag()? {
        bits.skip(32 + 32)?;
        if bits.flag()? {
            bits.skip_uvlc()?;
        }
        if bits.flag()? {
            delay = Some(bits.number(5)? + 1);
            bits.skip(32 + 5 + 5)?;
        }
    }
    let has_display_delay = bits.flag()?;
    let count = bits.number(5)? + 1;
    for _ in 0..count {
        bits.skip(12)?;
        // Levels above 3.3 come in two tiers.
        if bits.number(5)? > 7 {
            bits.skip(1)?;
        }
        if let Some(delay) = delay
            && bits.flag()?
        {
            bits.skip(2 * delay + 1)?;
        }
        if has_display_delay && bits.flag()? {
            bits.skip(4)?;
        }
    }
    Some(())
}

/// What frames may use of those before them, read over.
fn tools(bits: &mut Bits<'_>) -> Option<()> {
    bits.skip(4)?;
    let has_order = bits.flag()?;
    if has_order {
        bits.skip(2)?;
    }
    let screen_content = if bits.flag()? { SELECTED } else { bits.number(1)? };
    if screen_content > 0 && !bits.flag()? {
        bits.skip(1)?;
    }
    if has_order {
        bits.skip(3)?;
    }
    Some(())
}

/// AV1 5.5.2.
fn color_config(bits: &mut Bits<'_>, profile: u32) -> Option<Named> {
    let deep = bits.flag()?;
    if profile == PROFILE_12_BITS && deep {
        bits.skip(1)?;
    }
    let mono = profile != PROFILE_444 && bits.flag()?;
    let mut named = Named { code: Code::UNKNOWN, matrix: UNSPECIFIED, range: Range::Full };
    if bits.flag()? {
        let mut number = || u16::try_from(bits.number(8)?).ok();
        named.code = Code { primaries: number()?, transfer: number()? };
        named.matrix = number()?;
    }
    // Red, green and blue as they are need not say that they use all numbers.
    let is_rgb = (named.code, named.matrix) == (Code::SRGB, 0);
    if (mono || !is_rgb) && !bits.flag()? {
        named.range = Range::Limited;
    }
    Some(named)
}

/// Bits of a unit, the most significant of a byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: u32,
}

impl Bits<'_> {
    /// A number of up to 32 bits.
    fn number(&mut self, length: u32) -> Option<u32> {
        (0..length).try_fold(0, |number, _| Some(number << 1 | u32::from(self.flag()?)))
    }

    fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(usize::try_from(self.at / 8).ok()?)?;
        let set = byte << (self.at % 8) & 0x80 != 0;
        self.at += 1;
        Some(set)
    }

    fn skip(&mut self, length: u32) -> Option<()> {
        self.at = self.at.checked_add(length)?;
        Some(())
    }

    /// A number with as many zeros before it as bits behind its first one (AV1 4.10.3).
    fn skip_uvlc(&mut self) -> Option<()> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        self.skip(if zeros < 32 { zeros } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields of a header: how many bits, and their number.
    type Parts<'a> = &'a [(u32, u32)];

    fn packed(parts: &[Parts<'_>]) -> Vec<u8> {
        let fields = parts.iter().flat_map(|part| part.iter());
        let bits: Vec<bool> =
            fields.flat_map(|(length, number)| (0..*length).rev().map(move |place| number >> place & 1 == 1)).collect();
        bits.chunks(8)
            .map(|byte| byte.iter().enumerate().fold(0, |sum, (place, bit)| sum | u8::from(*bit) << (7 - place)))
            .collect()
    }

    /// A stream: a delimiter, and a sequence header of these fields.
    fn stream(parts: &[Parts<'_>]) -> Vec<u8> {
        let header = packed(parts);
        let size = u8::try_from(header.len()).expect("small");
        [&[0x12, 0, 0x0a, size][..], &header].concat()
    }

    // Profile, still, reduced, level; size of 24 x 16; three tools, three more.
    const REDUCED: Parts<'static> = &[(3, 0), (1, 1), (1, 1), (5, 4), (4, 4), (4, 3), (5, 23), (4, 15), (3, 0), (3, 0)];
    const REDUCED_444: Parts<'static> =
        &[(3, 1), (1, 1), (1, 1), (5, 4), (4, 0), (4, 0), (1, 0), (1, 0), (3, 7), (3, 7)];
    // 8 bits, not mono; BT.2020, PQ, BT.2020; all numbers.
    const WIDE: Parts<'static> = &[(1, 0), (1, 0), (1, 1), (8, 9), (8, 16), (8, 9), (1, 1)];

    fn named(primaries: u16, transfer: u16, matrix: u16, range: Range) -> Option<Named> {
        Some(Named { code: Code { primaries, transfer }, matrix, range })
    }

    #[test]
    fn a_short_header_names_its_colours() {
        assert_eq!(colors(&stream(&[REDUCED, WIDE])), named(9, 16, 9, Range::Full));
        let silent = &[(1, 0), (1, 0), (1, 0), (1, 0)];
        assert_eq!(colors(&stream(&[REDUCED, silent])), named(2, 2, 2, Range::Limited));
        let mono = &[(1, 1), (1, 1), (1, 1), (8, 1), (8, 13), (8, 0), (1, 0)];
        assert_eq!(colors(&stream(&[REDUCED, mono])), named(1, 13, 0, Range::Limited));
        // Profile 1 has no bit for mono, and sRGB's own colours none for the range.
        let rgb = &[(1, 0), (1, 1), (8, 1), (8, 13), (8, 0)];
        assert_eq!(colors(&stream(&[REDUCED_444, rgb])), named(1, 13, 0, Range::Full));
    }

    #[test]
    fn a_long_header_is_read_over_to_its_colours() {
        // Timing with a delay model; two operating points, one of a high level with all that one may have.
        let timing: Parts<'_> = &[(32, 1), (32, 30), (1, 1), (5, 1), (4, 3), (1, 1), (5, 9), (32, 7), (5, 1), (5, 1)];
        let high: Parts<'_> = &[(1, 1), (5, 1), (12, 1), (5, 8), (1, 1), (1, 1), (21, 5), (1, 1), (4, 2)];
        let low: Parts<'_> = &[(12, 0), (5, 7), (1, 0), (1, 0)];
        let size: Parts<'_> = &[(4, 0), (4, 0), (1, 0), (1, 0), (1, 1), (7, 0), (3, 0)];
        let tools: Parts<'_> = &[(4, 0), (1, 1), (2, 3), (1, 0), (1, 1), (1, 0), (1, 1), (3, 5), (3, 0)];
        let file =
            stream(&[&[(3, 2), (1, 0), (1, 0), (1, 1)], timing, high, low, size, tools, &[(1, 1), (1, 1)], &WIDE[1..]]);
        assert_eq!(colors(&file), named(9, 16, 9, Range::Full));
        // Without any of them.
        let start: Parts<'_> = &[(3, 0), (1, 1), (1, 0), (1, 0), (1, 0), (5, 0), (12, 0), (5, 0)];
        let size: Parts<'_> = &[(4, 0), (4, 0), (1, 0), (1, 0), (1, 0), (3, 0)];
        let tools: Parts<'_> = &[(4, 0), (1, 0), (1, 0), (1, 0), (3, 0)];
        assert_eq!(colors(&stream(&[start, size, tools, WIDE])), named(9, 16, 9, Range::Full));
    }

    #[test]
    fn what_ends_early_says_nothing() {
        let whole = stream(&[REDUCED, WIDE]);
        for end in 0..whole.len() {
            assert_eq!(colors(&whole[..end]), None, "{end}");
        }
        for endless in [&[0x12; 40][..], &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &[0x08]] {
            assert_eq!(colors(endless), None);
        }
    }

    #[test]
    fn a_unit_may_have_an_extension_and_no_size() {
        let header = packed(&[REDUCED, WIDE]);
        let file = [&[0x12, 0, 0b0000_1100, 0][..], &header].concat();
        assert_eq!(colors(&file), named(9, 16, 9, Range::Full));
    }
}
