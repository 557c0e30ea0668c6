//! A quality is a look: the same number scores alike in every format that is read back here, and more is better.

use edgeplane_optimizer::{ImageFormat, Order, Reference, optimize};

use crate::sample::{LIMITS, order, png, png_rgb, rgb};

/// SSIMULACRA2 points between the best and the worst format. On photographs they lie within 5 of each other; a drawn
/// picture is nobody's median.
const TOLERANCE: f64 = 9.0;

#[test]
fn the_same_quality_looks_the_same_in_every_lossy_format() {
    let source = png_rgb(480, 320, &landscape(480, 320));
    let reference = Reference::read(&source, &LIMITS).unwrap();
    let score = |format, quality| {
        let encoded = optimize(&source, &Order { quality, ..order(480, format) }, &LIMITS, |_| ()).unwrap();
        reference.score(&encoded.bytes, &LIMITS).unwrap()
    };
    let mut last = f64::MIN;
    for quality in [50, 75, 90] {
        let scores = [ImageFormat::Webp, ImageFormat::Jpeg].map(|format| score(format, quality));
        let (worst, best) = (scores[0].min(scores[1]), scores[0].max(scores[1]));
        assert!(best - worst < TOLERANCE, "{quality}: {scores:?}");
        assert!(worst > last, "{quality}: {scores:?} after {last}");
        last = best;
    }
}

#[test]
fn a_webp_looks_alike_on_both_sides_of_where_its_effort_changes() {
    let source = png_rgb(480, 320, &landscape(480, 320));
    let reference = Reference::read(&source, &LIMITS).unwrap();
    let [below, above] = [80, 81].map(|quality| {
        let order = Order { quality, ..order(480, ImageFormat::Webp) };
        reference.score(&optimize(&source, &order, &LIMITS, |_| ()).unwrap().bytes, &LIMITS).unwrap()
    });
    assert!((below - above).abs() < 2.0, "{below} {above}");
}

#[test]
fn a_png_below_100_has_256_colours_and_one_of_100_has_all() {
    let source = png_rgb(480, 320, &landscape(480, 320));
    let reference = Reference::read(&source, &LIMITS).unwrap();
    let made =
        |quality| optimize(&source, &Order { quality, ..order(240, ImageFormat::Png) }, &LIMITS, |_| ()).unwrap().bytes;
    let (few, all) = (made(75), made(100));
    let kind = |bytes: &[u8]| png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap().info().color_type;
    assert_eq!((kind(&few), kind(&all)), (png::ColorType::Indexed, png::ColorType::Rgb));
    assert!(few.len() * 2 < all.len(), "{} {}", few.len(), all.len());
    let whole = optimize(&source, &Order { quality: 100, ..order(480, ImageFormat::Png) }, &LIMITS, |_| ()).unwrap();
    assert!(reference.score(&whole.bytes, &LIMITS).unwrap() > 99.9);
}

#[test]
fn a_format_without_transparency_is_scored_by_what_is_seen_on_white() {
    let opaque = landscape(240, 160);
    let pixels: Vec<u8> = opaque.chunks_exact(3).enumerate().flat_map(|(at, rgb)| veiled(at, rgb)).collect();
    let source = png(240, 160, png::ColorType::Rgba, png::BitDepth::Eight, &pixels);
    let reference = Reference::read(&source, &LIMITS).unwrap();
    let [jpeg, webp] = [ImageFormat::Jpeg, ImageFormat::Webp].map(|format| {
        let encoded = optimize(&source, &Order { quality: 90, ..order(240, format) }, &LIMITS, |_| ()).unwrap();
        reference.score(&encoded.bytes, &LIMITS).unwrap()
    });
    assert!((jpeg - webp).abs() < TOLERANCE && jpeg > 60.0, "{jpeg} {webp}");
}

/// A pixel that is the more transparent the further to the right it lies.
fn veiled(at: usize, rgb: &[u8]) -> [u8; 4] {
    [rgb[0], rgb[1], rgb[2], u8::MAX - u8::try_from(at % 240).unwrap()]
}

/// Slopes, edges and grain, in colour.
fn landscape(width: u32, height: u32) -> Vec<u8> {
    let mut noise = 9_u32;
    rgb(width, height, |x, y| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = noise >> 28;
        let ridge = 160.0 + (f64::from(x) / 37.0).sin() * 40.0 + (f64::from(x) / 11.0).cos() * 9.0;
        let sky = [80 + y / 3, 130 + y / 4, 230 - y / 5];
        let wood = [40 + (x * y / 97) % 50, 70 + (x / 5 + y / 3) % 60, 30 + (x ^ y) % 24];
        let seen = if f64::from(y) < ridge { sky } else { wood };
        seen.map(|channel| (channel + grain).to_le_bytes()[0])
    })
}
