//! Pictures drawn by code, and files of every kind made from them.

use std::io::Cursor;

use edgeplane_optimizer::{Edits, Encoded, Fit, ImageFormat, Limits, Order, Position, optimize};

/// Amplify's limits.
pub(crate) const LIMITS: Limits =
    Limits { source_bytes: 11_000_000, side: 9000, output_bytes: 4_000_000, native: true };

/// An order for a width alone.
pub(crate) fn order(width: u32, format: ImageFormat) -> Order {
    Order {
        width: Some(width),
        height: None,
        fit: Fit::Cover,
        position: Position::Center,
        format,
        quality: 80,
        keep_p3: false,
        edits: Edits::default(),
    }
}

/// RGB pixels by a function of column and row.
pub(crate) fn rgb(width: u32, height: u32, mut pixel: impl FnMut(u32, u32) -> [u8; 3]) -> Vec<u8> {
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect()
}

/// RGBA pixels by a function of column and row.
pub(crate) fn rgba(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect()
}

/// Four flat corners: red, green, blue, yellow. Survives any lossy codec, and tells every orientation from every other.
pub(crate) fn corners(width: u32, height: u32) -> Vec<u8> {
    rgb(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => RED,
        (false, true) => GREEN,
        (true, false) => BLUE,
        (false, false) => YELLOW,
    })
}

pub(crate) const RED: [u8; 3] = [200, 30, 30];
pub(crate) const GREEN: [u8; 3] = [30, 180, 40];
pub(crate) const BLUE: [u8; 3] = [30, 40, 200];
pub(crate) const YELLOW: [u8; 3] = [220, 210, 40];

/// A PNG of any colour type and depth from packed rows.
pub(crate) fn png(width: u32, height: u32, color: png::ColorType, depth: png::BitDepth, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == png::ColorType::Indexed {
        encoder.set_palette([RED, GREEN, BLUE, YELLOW].concat());
    }
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    bytes
}

/// An 8-bit RGB PNG.
pub(crate) fn png_rgb(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    png(width, height, png::ColorType::Rgb, png::BitDepth::Eight, pixels)
}

/// A JPEG, with an EXIF block where an orientation is given.
pub(crate) fn jpeg(width: u16, height: u16, pixels: &[u8], orientation: Option<u16>, progressive: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 92);
    encoder.set_progressive(progressive);
    if let Some(orientation) = orientation {
        encoder.add_exif_metadata(&exif(orientation)).unwrap();
    }
    encoder.encode(pixels, width, height, jpeg_encoder::ColorType::Rgb).unwrap();
    bytes
}

/// A TIFF block with nothing but an orientation.
pub(crate) fn exif(orientation: u16) -> Vec<u8> {
    let mut block = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".to_vec();
    block.extend(orientation.to_be_bytes());
    block.extend([0; 6]);
    block
}

/// A chunk as PNG wants it.
pub(crate) fn png_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = !0_u32;
    for byte in name.iter().chain(data) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let length = u32::try_from(data.len()).unwrap();
    [&length.to_be_bytes(), name.as_slice(), data, &(!crc).to_be_bytes()].concat()
}

/// A PNG whose header claims a size that its few bytes do not hold.
pub(crate) fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let header = [width.to_be_bytes().as_slice(), &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    let data = [0x78, 0x9c, 0x63, 0, 0, 0, 1, 0, 1];
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in [(b"IHDR", &header[..]), (b"IDAT", &data), (b"IEND", &[])] {
        bytes.extend(png_chunk(name, data));
    }
    bytes
}

/// A lossy WebP.
pub(crate) fn webp(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    lossy_webp(&png_rgb(width, height, pixels))
}

/// A WebP with alpha.
pub(crate) fn webp_rgba(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    lossy_webp(&png(width, height, png::ColorType::Rgba, png::BitDepth::Eight, pixels))
}

/// Our own is the only encoder of lossy WebP at hand.
fn lossy_webp(source: &[u8]) -> Vec<u8> {
    let order = Order { width: None, quality: 90, ..order(1, ImageFormat::Webp) };
    optimize(source, &order, &LIMITS, |_| ()).unwrap().bytes
}

/// A WebP without loss, with alpha.
pub(crate) fn webp_lossless(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    image_webp::WebPEncoder::new(&mut bytes).encode(pixels, width, height, image_webp::ColorType::Rgba8).unwrap();
    bytes
}

/// Decodes what the optimizer wrote (not AVIF) to RGBA.
pub(crate) fn seen(encoded: &Encoded) -> Vec<[u8; 4]> {
    let bytes = Cursor::new(encoded.bytes.as_slice());
    let (pixels, channels) = match encoded.format {
        ImageFormat::Png => {
            let mut decoder = png::Decoder::new(bytes);
            decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            assert_eq!((info.width, info.height), (encoded.width, encoded.height));
            (pixels, info.color_type.samples())
        }
        ImageFormat::Webp => {
            let mut decoder = image_webp::WebPDecoder::new(bytes).unwrap();
            assert_eq!(decoder.dimensions(), (encoded.width, encoded.height));
            let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
            decoder.read_image(&mut pixels).unwrap();
            (pixels, if decoder.has_alpha() { 4 } else { 3 })
        }
        ImageFormat::Jpeg => {
            let mut decoder = zune_jpeg::JpegDecoder::new(zune_core::bytestream::ZCursor::new(&encoded.bytes));
            let pixels = decoder.decode().unwrap();
            let info = decoder.info().unwrap();
            assert_eq!((u32::from(info.width), u32::from(info.height)), (encoded.width, encoded.height));
            (pixels, 3)
        }
        ImageFormat::Avif => panic!("AVIF is not decoded"),
    };
    let color = |pixel: &[u8]| match *pixel {
        [grey] => [grey, grey, grey, 0xff],
        [grey, alpha] => [grey, grey, grey, alpha],
        [red, green, blue] => [red, green, blue, 0xff],
        [red, green, blue, alpha] => [red, green, blue, alpha],
        _ => panic!("{channels} channels"),
    };
    pixels.chunks_exact(channels).map(color).collect()
}

/// The colour in the middle of each quarter, in reading order.
pub(crate) fn quarters(encoded: &Encoded) -> [[u8; 3]; 4] {
    let pixels = seen(encoded);
    let at = |x: u32, y: u32| {
        let [red, green, blue, _] = pixels[(y * encoded.width + x) as usize];
        [red, green, blue]
    };
    let (left, right) = (encoded.width / 4, encoded.width * 3 / 4);
    let (top, bottom) = (encoded.height / 4, encoded.height * 3 / 4);
    [at(left, top), at(right, top), at(left, bottom), at(right, bottom)]
}

/// Whether two colours are the same to the eye, each channel within `tolerance`.
pub(crate) fn near(one: [u8; 3], other: [u8; 3], tolerance: u8) -> bool {
    one.iter().zip(other).all(|(one, other)| one.abs_diff(other) <= tolerance)
}
