//! A colour profile put into a finished file, so that encoders need not know of colours.

use moxcms::ColorProfile;

use crate::ImageFormat;

const WEBP_HEADER_LEN: usize = 12;
const WEBP_FLAG_ICC: u8 = 0b0010_0000;
const WEBP_FLAG_ALPHA: u8 = 0b0001_0000;

/// Says in a file of `width` by `height` pixels that its colours are Display P3. `None` where that cannot be done. An AVIF
/// is written with the number of its colours from the start, because offsets depend on the box that says it.
pub(crate) fn display_p3(file: &[u8], format: ImageFormat, (width, height): (u32, u32)) -> Option<Vec<u8>> {
    let profile = profile()?;
    match format {
        ImageFormat::Avif => None,
        ImageFormat::Jpeg => jpeg(file, &profile),
        ImageFormat::Png => png(file, &profile),
        ImageFormat::Webp => webp(file, &profile, (width, height)),
    }
}

/// The profile, the same bytes at any time: its date (ICC.1:2022 7.2.1) would otherwise be the day it is written.
fn profile() -> Option<Vec<u8>> {
    const DATE: std::ops::Range<usize> = 24..36;
    const DAY: [u8; 12] = [0x07, 0xe6, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];
    let mut profile = ColorProfile::new_display_p3();
    // The library names a cinema's white by number beside the screen's white that it means.
    profile.cicp = None;
    let mut profile = profile.encode().ok()?;
    profile.get_mut(DATE)?.copy_from_slice(&DAY);
    Some(profile)
}

/// An APP2 segment (ICC.1:2022 B.4), behind JFIF's APP0, which wants to be first.
fn jpeg(file: &[u8], profile: &[u8]) -> Option<Vec<u8>> {
    let mut at = 2;
    if file.get(2..4)? == [0xff, 0xe0] {
        at += 2 + usize::from(u16::from_be_bytes(*file.get(4..)?.first_chunk()?));
    }
    let data = [b"ICC_PROFILE\0\x01\x01".as_slice(), profile].concat();
    let length = u16::try_from(data.len() + 2).ok()?;
    Some([file.get(..at)?, &[0xff, 0xe2], &length.to_be_bytes(), &data, file.get(at..)?].concat())
}

/// An iCCP chunk behind the header (PNG 3rd edition 11.3.2.3). Its data is a zlib stream; stored, not compressed.
fn png(file: &[u8], profile: &[u8]) -> Option<Vec<u8>> {
    const AFTER_HEADER: usize = 8 + 12 + 13;
    let length = u16::try_from(profile.len()).ok()?;
    let data = [
        b"iCCPDisplay P3\0\0\x78\x01\x01".as_slice(),
        &length.to_le_bytes(),
        &(!length).to_le_bytes(),
        profile,
        &adler32(profile).to_be_bytes(),
    ]
    .concat();
    let size = u32::try_from(data.len() - 4).ok()?;
    let sum = crc32(&data).to_be_bytes();
    Some([file.get(..AFTER_HEADER)?, &size.to_be_bytes(), &data, &sum, file.get(AFTER_HEADER..)?].concat())
}

/// An extended header and an ICCP chunk (RFC 9649 2.7).
fn webp(file: &[u8], profile: &[u8], (width, height): (u32, u32)) -> Option<Vec<u8>> {
    let (name, rest) = (file.get(WEBP_HEADER_LEN..WEBP_HEADER_LEN + 4)?, file.get(WEBP_HEADER_LEN..)?);
    let (mut header, chunks) = if name == b"VP8X" {
        (file.get(WEBP_HEADER_LEN..WEBP_HEADER_LEN + 18)?.to_vec(), file.get(WEBP_HEADER_LEN + 18..)?)
    } else {
        // The one bit of alpha in a lossless header (RFC 9649 3.4).
        let alpha = name == b"VP8L" && file.get(WEBP_HEADER_LEN + 12)? & 0x10 != 0;
        let side = |side: u32| (side - 1).to_le_bytes();
        let (width, height) = (side(width), side(height));
        let flags = [if alpha { WEBP_FLAG_ALPHA } else { 0 }, 0, 0, 0];
        ([b"VP8X\x0a\0\0\0".as_slice(), &flags, &width[..3], &height[..3]].concat(), rest)
    };
    header[8] |= WEBP_FLAG_ICC;
    let length = u32::try_from(profile.len()).ok()?.to_le_bytes();
    let padding: &[u8] = if profile.len().is_multiple_of(2) { &[] } else { &[0] };
    let body = [b"WEBP".as_slice(), &header, b"ICCP", &length, profile, padding, chunks].concat();
    let size = u32::try_from(body.len()).ok()?.to_le_bytes();
    Some([b"RIFF".as_slice(), &size, &body].concat())
}

/// RFC 1950 8.2.
fn adler32(data: &[u8]) -> u32 {
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in data {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    high << 16 | low
}

/// PNG 3rd edition annex D.
fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_are_those_of_their_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn the_profile_is_small_and_of_no_particular_day() {
        let profile = profile().unwrap();
        assert!(profile.len() < 1000, "{} bytes", profile.len());
        let other = [&profile[..24], &[9; 12], &profile[36..]].concat();
        assert_ne!(profile, other, "the date is where it is thought to be");
        assert!(ColorProfile::new_from_slice(&profile).is_ok());
    }
}
