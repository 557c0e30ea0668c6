//! The table of signatures, and what the headers say.

use super::*;

fn kind(source: &[u8]) -> Option<SourceType> {
    magic::source_type(source)
}

#[test]
fn signatures() {
    // Rows 106 to 111, 115 to 117 of the detection table.
    let cases: &[(&[u8], Option<SourceType>)] = &[
        (b"\xff\xd8\xff\xe0", Some(SourceType::Jpeg)),
        (b"\xff\xd8", None),
        (b"\x89PNG\r\n\x1a\n", Some(SourceType::Png)),
        (b"\x89PNG\r\n\x1a", None),
        (b"GIF87a", Some(SourceType::Gif)),
        (b"GIF89a", Some(SourceType::Gif)),
        (b"GIF9xx", None),
        (b"RIFF\0\0\0\0WEBP", Some(SourceType::Webp)),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"\0\0\x01\0", Some(SourceType::Ico)),
        (b"\0\0\x02\0", None),
        (b"II*\0", Some(SourceType::Tiff)),
        (b"MM\0*", Some(SourceType::Tiff)),
        (b"BM", Some(SourceType::Bmp)),
        (b"\xff\x0a", Some(SourceType::Jxl)),
        (b"\0\0\0\x0cJXL \r\n\x87\n", Some(SourceType::Jxl)),
        (b"%PDF-1.7", None),
        (b"\x1f\x8b\x08", None),
        (b"", None),
        (b"<", None),
        (b"\0\0\0\0\0\0\0\0", None),
        (b"{\"a\":1}", None),
        (b"<!doctype html><p>hello", None),
    ];
    for (source, expected) in cases {
        assert_eq!(kind(source), *expected, "{}", source.escape_ascii());
    }
}

#[test]
fn brands_of_iso_media_files() {
    // Rows 112 to 114, with AVIF also by its compatible brands.
    let cases: &[(&[u8], Option<SourceType>)] = &[
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf", Some(SourceType::Avif)),
        (b"\0\0\0\x18ftypmif1\0\0\0\0miafavif", Some(SourceType::Avif)),
        (b"\0\0\0\x18ftypavis\0\0\0\0mif1miaf", Some(SourceType::Avif)),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Some(SourceType::Heic)),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", None),
        (b"\0\0\0\x18ftypmif1\0\0\0\0miafmiaf", None),
        (b"\0\0\0\x08ftypavif\0\0\0\0mif1miaf", None),
        (b"\0\0\0\x18ftypavif", None),
    ];
    for (source, expected) in cases {
        assert_eq!(kind(source), *expected, "{}", source.escape_ascii());
    }
}

#[test]
fn svg_is_told_by_its_root_element() {
    // Rows 110, 111 and the tricks that scan for `<svg` anywhere would fall for.
    let long = [b" ".repeat(5000).as_slice(), b"<svg/>"].concat();
    let cases: &[(&[u8], bool)] = &[
        (b"<svg>", true),
        (b"<svg/>", true),
        (b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\">", true),
        (b" \n<svg viewBox=\"0 0 1 1\">", true),
        (b"\xef\xbb\xbf<svg width='1'>", true),
        (b"<!-- c --><svg id='a'>", true),
        (b"<!--ftypavif--><svg id='a'>", true),
        (b"<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"x\"><svg id='a'>", true),
        (b"<!DOCTYPE svg [ <!ENTITY x \"y\"> ]><svg id='a'>", true),
        (b"<svg:svg xmlns:svg='x'>", true),
        (b"<SVG>", false),
        (b"<svgx>", false),
        (b"<svg", false),
        (b"<html><body><svg id='a'></svg>", false),
        (b"<?xml version=\"1.0\"?><html/>", false),
        (b"<!-- <svg> ", false),
        (&long, false),
    ];
    for (source, expected) in cases {
        assert_eq!(kind(source) == Some(SourceType::Svg), *expected, "{}", source.escape_ascii());
    }
}

#[test]
fn animation_is_told_by_structure() {
    // Row 123: an image block is counted, not bytes that look like one.
    let frame = b",\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0";
    let control = b"!\xf9\x04,,,,\0";
    let head = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff";
    let gif = |blocks: &[&[u8]]| probe(&[head.as_slice(), &blocks.concat(), b";"].concat()).map(|probe| probe.animated);
    assert_eq!(gif(&[control, frame]), Ok(false));
    assert_eq!(gif(&[control, frame, control, frame]), Ok(true));

    let chunk = |name: &[u8; 4], data: &[u8]| {
        [&u32::try_from(data.len()).unwrap().to_be_bytes(), name.as_slice(), data, &[0; 4]].concat()
    };
    let ihdr = chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0");
    let png = |chunks: &[Vec<u8>]| {
        probe(&[b"\x89PNG\r\n\x1a\n".to_vec(), ihdr.clone(), chunks.concat()].concat()).map(|probe| probe.animated)
    };
    assert_eq!(png(&[chunk(b"acTL", b"\0\0\0\x02\0\0\0\0")]), Ok(true));
    assert_eq!(png(&[chunk(b"acTL", b"\0\0\0\x01\0\0\0\0")]), Ok(false));
    assert_eq!(png(&[chunk(b"tEXt", b"acTL\0\0\0\x02"), chunk(b"IDAT", b"")]), Ok(false));

    let riff = |chunks: &[u8]| probe(&[b"RIFF\0\0\0\0WEBP", chunks].concat()).map(|probe| probe.animated);
    assert_eq!(riff(b"VP8X\x0a\0\0\0\x02\0\0\0\0\0\0\0\0\0"), Ok(true));
    assert_eq!(riff(b"VP8X\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0EXIF\x04\0\0\0ANIM"), Ok(false));
    assert_eq!(riff(b"VP8X\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0ANIM\x06\0\0\0\0\0\0\0\0\0"), Ok(true));
}

#[test]
fn a_second_frame_header_is_no_jpeg() {
    let frame = |side: u8| [0xff, 0xc0, 0, 11, 8, 0, side, 0, side, 1, 1, 0x11, 0].to_vec();
    let one = [b"\xff\xd8".to_vec(), frame(8), b"\xff\xda".to_vec()].concat();
    let two = [b"\xff\xd8".to_vec(), frame(8), frame(200), b"\xff\xda".to_vec()].concat();
    assert_eq!(probe(&one).map(|probe| (probe.width, probe.height)), Ok((8, 8)));
    assert_eq!(probe(&two), Err(Refusal::Corrupt));
}

#[test]
fn an_empty_picture_is_corrupt() {
    assert_eq!(probe(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\0\0\0\0\x01\x08\x02\0\0\0"), Err(Refusal::Corrupt));
}
