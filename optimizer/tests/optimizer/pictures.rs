//! What comes out: exact sizes, and pixels within a tolerance that the lossy codecs need.

use crate::sample::*;
use edgeplane_optimizer::{Fit, ImageFormat, Limits, Order, Position, Refusal, SourceType, optimize, probe};
use png::{BitDepth, ColorType};

const FORMATS: [ImageFormat; 4] = [ImageFormat::Avif, ImageFormat::Webp, ImageFormat::Jpeg, ImageFormat::Png];

/// The format a file is in by its own bytes.
fn format_of(bytes: &[u8]) -> SourceType {
    probe(bytes).unwrap().source_type
}

#[test]
fn every_source_becomes_every_format_at_the_exact_size() {
    // Row 118.
    let pixels = corners(100, 50);
    let sources = [jpeg(100, 50, &pixels, None, false), png_rgb(100, 50, &pixels), webp(100, 50, &pixels)];
    let types = [SourceType::Avif, SourceType::Webp, SourceType::Jpeg, SourceType::Png];
    for source in &sources {
        for (format, source_type) in FORMATS.into_iter().zip(types) {
            let encoded = optimize(source, &order(64, format), &LIMITS, |_| ()).unwrap();
            assert_eq!((encoded.width, encoded.height), (64, 32), "{format:?}");
            assert_eq!(format_of(&encoded.bytes), source_type);
            if format != ImageFormat::Avif {
                let corners = quarters(&encoded);
                let expected = [RED, GREEN, BLUE, YELLOW];
                assert!(corners.iter().zip(expected).all(|(seen, drawn)| near(*seen, drawn, 14)), "{corners:?}");
            }
        }
    }
}

#[test]
fn nothing_is_enlarged() {
    // Row 119.
    let source = png_rgb(100, 50, &corners(100, 50));
    for (width, height, fit) in [
        (640, None, Fit::Cover),
        (640, Some(640), Fit::Cover),
        (640, Some(640), Fit::Fill),
        (640, Some(640), Fit::Inside),
    ] {
        let order = Order { height, fit, ..order(width, ImageFormat::Png) };
        let encoded = optimize(&source, &order, &LIMITS, |_| ()).unwrap();
        assert_eq!((encoded.width, encoded.height), (100, 50), "{fit:?}");
    }
}

#[test]
fn equal_orders_give_equal_bytes() {
    let source = jpeg(120, 80, &corners(120, 80), None, false);
    for format in FORMATS {
        let bytes = || optimize(&source, &order(60, format), &LIMITS, |_| ()).unwrap().bytes;
        assert_eq!(bytes(), bytes(), "{format:?}");
    }
}

#[test]
fn each_orientation_is_turned_upright_and_its_tag_is_gone() {
    // Row 122. What stands in the four quarters once a viewer has obeyed the tag.
    let upright = [
        [RED, GREEN, BLUE, YELLOW],
        [GREEN, RED, YELLOW, BLUE],
        [YELLOW, BLUE, GREEN, RED],
        [BLUE, YELLOW, RED, GREEN],
        [RED, BLUE, GREEN, YELLOW],
        [BLUE, RED, YELLOW, GREEN],
        [YELLOW, GREEN, BLUE, RED],
        [GREEN, YELLOW, RED, BLUE],
    ];
    for (orientation, expected) in (1..).zip(upright) {
        let source = jpeg(100, 50, &corners(100, 50), Some(orientation), false);
        let encoded = optimize(&source, &order(40, ImageFormat::Jpeg), &LIMITS, |_| ()).unwrap();
        let size = if orientation < 5 { (40, 20) } else { (40, 80) };
        assert_eq!((encoded.width, encoded.height), size, "orientation {orientation}");
        let corners = quarters(&encoded);
        assert!(corners.iter().zip(expected).all(|(seen, drawn)| near(*seen, drawn, 25)), "{orientation}: {corners:?}");
        assert!(!encoded.bytes.windows(4).any(|window| window == b"Exif"), "orientation {orientation}");
    }
}

#[test]
fn a_crop_of_a_turned_picture_keeps_the_right_side() {
    // Stored lying on its side; upright it is 50 wide and 100 high, blue and red above yellow and green.
    let source = jpeg(100, 50, &corners(100, 50), Some(6), false);
    for (position, expected) in [(Position::Top, [BLUE, RED]), (Position::Bottom, [YELLOW, GREEN])] {
        let order = Order { height: Some(40), position, ..order(40, ImageFormat::Png) };
        let encoded = optimize(&source, &order, &LIMITS, |_| ()).unwrap();
        assert_eq!((encoded.width, encoded.height), (40, 40));
        let [left, right, ..] = quarters(&encoded);
        assert!(near(left, expected[0], 25) && near(right, expected[1], 25), "{position:?}: {left:?} {right:?}");
    }
}

#[test]
fn orientation_is_also_read_from_png_and_webp() {
    let pixels = corners(100, 50);
    let mut png = png_rgb(100, 50, &pixels);
    let after_header = 8 + 25;
    png.splice(after_header..after_header, png_chunk(b"eXIf", &exif(6)));
    let webp = with_exif(&webp(100, 50, &pixels), 100, 50, &exif(6));
    for source in [png, webp] {
        let encoded = optimize(&source, &order(640, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
        assert_eq!((encoded.width, encoded.height), (50, 100));
        assert!(near(quarters(&encoded)[0], BLUE, 14));
    }
}

/// Wraps a simple WebP into an extended one with an EXIF chunk.
fn with_exif(simple: &[u8], width: u32, height: u32, exif: &[u8]) -> Vec<u8> {
    let chunk = |name: &[u8; 4], data: &[u8]| {
        let mut chunk = [name.as_slice(), &u32::try_from(data.len()).unwrap().to_le_bytes(), data].concat();
        chunk.resize(chunk.len().next_multiple_of(2), 0);
        chunk
    };
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    let header = [vec![0b0000_1000, 0, 0, 0], side(width), side(height)].concat();
    let body = [b"WEBP".to_vec(), chunk(b"VP8X", &header), simple[12..].to_vec(), chunk(b"EXIF", exif)].concat();
    chunk(b"RIFF", &body)
}

#[test]
fn every_kind_of_png_is_read() {
    // Row 131.
    let quarter = |x: u32, y: u32| usize::from(x >= 8) + 2 * usize::from(y >= 8);
    let grey = [20_u8, 90, 160, 230];
    let at = |index: usize| (u32::try_from(index % 16).unwrap(), u32::try_from(index / 16).unwrap());
    let each = |bytes: &dyn Fn(usize) -> Vec<u8>| {
        (0..256)
            .flat_map(|index| {
                let (x, y) = at(index);
                bytes(quarter(x, y))
            })
            .collect::<Vec<u8>>()
    };
    let colors = [RED, GREEN, BLUE, YELLOW];
    let two_bits: Vec<u8> = each(&|quarter| vec![u8::try_from(quarter).unwrap()])
        .chunks_exact(4)
        .map(|four| four.iter().fold(0, |byte, index| byte << 2 | index))
        .collect();
    let cases = [
        (ColorType::Rgb, BitDepth::Eight, each(&|q| colors[q].to_vec()), true),
        (ColorType::Rgb, BitDepth::Sixteen, each(&|q| colors[q].iter().flat_map(|c| [*c, 77]).collect()), true),
        (ColorType::Indexed, BitDepth::Two, two_bits, true),
        (ColorType::Grayscale, BitDepth::Eight, each(&|q| vec![grey[q]]), false),
        (ColorType::Grayscale, BitDepth::Sixteen, each(&|q| vec![grey[q], 77]), false),
        (ColorType::GrayscaleAlpha, BitDepth::Eight, each(&|q| vec![grey[q], 255]), false),
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen, each(&|q| vec![grey[q], 77, 255, 255]), false),
        (
            ColorType::Rgba,
            BitDepth::Sixteen,
            each(&|q| colors[q].iter().chain(&[255]).flat_map(|c| [*c, *c]).collect()),
            true,
        ),
    ];
    for (color, depth, data, colored) in cases {
        let source = png(16, 16, color, depth, &data);
        let encoded = optimize(&source, &order(640, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
        let expected = if colored { colors } else { grey.map(|grey| [grey; 3]) };
        assert_eq!(quarters(&encoded), expected, "{color:?} {depth:?}");
    }
}

#[test]
fn interlaced_png_is_read() {
    // Row 131. Adam7 with one row and column per pass is easiest to write for a picture of one colour.
    let mut header = [16_u32.to_be_bytes(), 16_u32.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 1]);
    let passes = [(2, 2), (2, 2), (4, 2), (4, 4), (8, 4), (8, 8), (16, 8)];
    let mut raw = Vec::new();
    for (width, height) in passes {
        for _ in 0..height {
            raw.push(0);
            raw.extend(GREEN.repeat(width));
        }
    }
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", header), (b"IDAT", stored_zlib(&raw)), (b"IEND", Vec::new())] {
        bytes.extend(png_chunk(name, &data));
    }
    let encoded = optimize(&bytes, &order(640, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
    assert_eq!(quarters(&encoded), [GREEN; 4]);
}

/// A zlib stream of one stored block (RFC 1950, RFC 1951 3.2.4).
fn stored_zlib(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in data {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    let sum = (high << 16 | low).to_be_bytes();
    [&[0x78, 0x01, 1], length.to_le_bytes().as_slice(), &(!length).to_le_bytes(), data, &sum].concat()
}

#[test]
fn grey_progressive_and_cmyk_jpegs_are_read() {
    // Row 131.
    let progressive = jpeg(64, 64, &corners(64, 64), None, true);
    let encoded = optimize(&progressive, &order(32, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
    assert!(near(quarters(&encoded)[0], RED, 20));

    let mut grey = Vec::new();
    let pixels = vec![120; 64 * 64];
    jpeg_encoder::Encoder::new(&mut grey, 90).encode(&pixels, 64, 64, jpeg_encoder::ColorType::Luma).unwrap();
    let encoded = optimize(&grey, &order(32, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
    assert!(near(quarters(&encoded)[3], [120; 3], 3));

    let mut cmyk = Vec::new();
    // No ink but yellow and magenta: red.
    let pixels = [0, 255, 255, 0].repeat(64 * 64);
    jpeg_encoder::Encoder::new(&mut cmyk, 90).encode(&pixels, 64, 64, jpeg_encoder::ColorType::Cmyk).unwrap();
    let encoded = optimize(&cmyk, &order(32, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
    let [red, green, blue] = quarters(&encoded)[0];
    assert!(red > 200 && green < 60 && blue < 60, "{red} {green} {blue}");
}

#[test]
fn transparent_colours_do_not_bleed() {
    // Row 130. Transparent white beside opaque black, in stripes of one pixel: any mixing of hidden white shows as grey.
    let pixels = rgba(64, 64, |x, _| if x % 2 == 0 { [255, 255, 255, 0] } else { [0, 0, 0, 255] });
    let source = png(64, 64, ColorType::Rgba, BitDepth::Eight, &pixels);
    let encoded = optimize(&source, &order(16, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
    let pixels = seen(&encoded);
    assert!(pixels.iter().all(|[red, green, blue, _]| *red < 8 && *green < 8 && *blue < 8), "{:?}", &pixels[..4]);
    assert!(pixels.iter().all(|[.., alpha]| (100..160).contains(alpha)), "{:?}", &pixels[..4]);
}

#[test]
fn transparency_is_laid_on_white_for_jpeg_and_kept_elsewhere() {
    // Row 130.
    let pixels = rgba(32, 32, |_, _| [0, 0, 0, 0]);
    let source = png(32, 32, ColorType::Rgba, BitDepth::Eight, &pixels);
    let jpeg = optimize(&source, &order(16, ImageFormat::Jpeg), &LIMITS, |_| ()).unwrap();
    assert!(near(quarters(&jpeg)[0], [255; 3], 2));
    for format in [ImageFormat::Png, ImageFormat::Webp] {
        let kept = optimize(&source, &order(16, format), &LIMITS, |_| ()).unwrap();
        assert!(seen(&kept).iter().all(|[.., alpha]| *alpha < 3), "{format:?}");
    }
}

#[test]
fn webp_sources_keep_their_alpha() {
    let pixels = rgba(32, 32, |x, _| [200, 30, 30, if x < 16 { 0 } else { 255 }]);
    let source = webp_rgba(32, 32, &pixels);
    assert!(probe(&source).unwrap().alpha);
    let encoded = optimize(&source, &order(640, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
    let pixels = seen(&encoded);
    assert!(pixels[4][3] < 5 && pixels[28][3] > 250, "{:?} {:?}", pixels[4], pixels[28]);
}

#[test]
fn contain_pads_to_the_box_with_black() {
    let source = png_rgb(100, 50, &rgb(100, 50, |_, _| YELLOW));
    let order =
        Order { height: Some(64), fit: Fit::Contain, position: Position::Bottom, ..order(64, ImageFormat::Png) };
    let encoded = optimize(&source, &order, &LIMITS, |_| ()).unwrap();
    assert_eq!((encoded.width, encoded.height), (64, 64));
    assert_eq!(quarters(&encoded), [[0; 3], [0; 3], YELLOW, YELLOW]);
}

#[test]
fn a_result_above_the_limit_is_refused() {
    let noise =
        rgb(64, 64, |x, y| [x.wrapping_mul(97) ^ y.wrapping_mul(31), x * y, x ^ (y * 7)].map(|c| c.to_le_bytes()[0]));
    let source = png_rgb(64, 64, &noise);
    let limits = Limits { output_bytes: 200, ..LIMITS };
    for format in FORMATS {
        let refusal = optimize(&source, &order(64, format), &limits, |_| ()).unwrap_err();
        assert!(matches!(refusal, Refusal::OutputTooLarge(bytes) if bytes > 200), "{format:?}: {refusal:?}");
    }
}

#[test]
fn the_mean_of_very_many_pixels_is_still_their_mean() {
    // One pixel of the result stands for more of the source's than 32 bits of light can be added up of.
    let white = png_rgb(40, 9000, &rgb(40, 9000, |_, _| [0xff; 3]));
    let order = Order { height: Some(1), fit: Fit::Fill, ..order(1, ImageFormat::Png) };
    let encoded = optimize(&white, &order, &LIMITS, |_| ()).unwrap();
    assert_eq!((encoded.width, encoded.height, seen(&encoded)[0]), (1, 1, [0xff; 4]));
}
