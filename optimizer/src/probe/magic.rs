//! The type of a file by its signature.

use super::{SourceType, be_u32, svg};

/// The type whose signature `source` begins with. Where several could match, the order is the list's.
pub(super) fn source_type(source: &[u8]) -> Option<SourceType> {
    const SIGNATURES: &[(&[u8], SourceType)] = &[
        (b"\xff\xd8\xff", SourceType::Jpeg),
        (b"\x89PNG\r\n\x1a\n", SourceType::Png),
        (b"GIF87a", SourceType::Gif),
        (b"GIF89a", SourceType::Gif),
        (b"\x00\x00\x01\x00", SourceType::Ico),
        (b"II*\x00", SourceType::Tiff),
        (b"MM\x00*", SourceType::Tiff),
        (b"BM", SourceType::Bmp),
        (b"\xff\x0a", SourceType::Jxl),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", SourceType::Jxl),
    ];
    let signature = SIGNATURES.iter().find(|(bytes, _)| source.starts_with(bytes));
    if let Some((_, source_type)) = signature {
        return Some(*source_type);
    }
    if source.starts_with(b"RIFF") && source.get(8..12) == Some(b"WEBP") {
        return Some(SourceType::Webp);
    }
    brand(source).or_else(|| svg::is_svg(source).then_some(SourceType::Svg))
}

/// The type an ISO base media file declares in its `ftyp` box (ISO/IEC 14496-12 4.3), by the major brand or, because
/// encoders also write AVIF with the generic majors `mif1` and `msf1`, by the compatible ones.
fn brand(source: &[u8]) -> Option<SourceType> {
    // Longer boxes name more brands than any encoder writes.
    const BRANDS_END: usize = 512;
    if source.get(4..8) != Some(b"ftyp") {
        return None;
    }
    let size = usize::try_from(be_u32(source, 0)?).ok()?;
    if size < 16 || size > source.len() {
        return None;
    }
    let major = source.get(8..12)?;
    let compatible = source.get(16..size.min(BRANDS_END))?.as_chunks::<4>().0;
    let names =
        |wanted: &[&[u8; 4]]| wanted.iter().any(|brand| major == brand.as_slice() || compatible.contains(brand));
    if names(&[b"avif", b"avis"]) {
        Some(SourceType::Avif)
    } else if names(&[b"heic", b"heix", b"hevc", b"heim", b"heis"]) {
        Some(SourceType::Heic)
    } else {
        None
    }
}
