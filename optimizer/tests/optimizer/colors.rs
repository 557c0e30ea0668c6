//! What colours come out: profiles, inks and what files say without a profile.

use crate::sample::*;
use edgeplane_optimizer::{Edits, ImageFormat, Order, Rgb, optimize, probe};
use png::{BitDepth, ColorType};

/// A PNG of one colour with more chunks behind its header.
fn png_with(color: [u8; 3], chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut bytes = png_rgb(16, 16, &rgb(16, 16, |_, _| color));
    let chunks: Vec<u8> = chunks.iter().flat_map(|(name, data)| png_chunk(name, data)).collect();
    bytes.splice(33..33, chunks);
    bytes
}

fn shown(source: &[u8], order: &Order) -> [u8; 4] {
    seen(&optimize(source, order, &LIMITS, |_| ()).unwrap())[0]
}

fn png_order() -> Order {
    order(640, ImageFormat::Png)
}

/// Numbers as `gAMA` and `cHRM` hold them.
fn hundred_thousandths(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

#[test]
fn a_png_that_says_it_is_linear_is_shown_so_unless_it_says_srgb() {
    let linear = (b"gAMA", hundred_thousandths(&[100_000]));
    let [red, ..] = shown(&png_with([55; 3], std::slice::from_ref(&linear)), &png_order());
    assert!(red.abs_diff(128) <= 2, "{red}");
    let usual = png_with([55; 3], &[(b"gAMA", hundred_thousandths(&[45_455]))]);
    assert_eq!(shown(&usual, &png_order())[0], 55);
    let srgb = png_with([55; 3], &[(b"sRGB", vec![0]), linear]);
    assert_eq!(shown(&srgb, &png_order())[0], 55);
}

#[test]
fn primaries_of_a_png_count() {
    // Adobe RGB's, with white of D65: its green is greener than sRGB's.
    let wide = [31_270, 32_900, 64_000, 33_000, 21_000, 71_000, 15_000, 6000];
    let chunks = [(b"gAMA", hundred_thousandths(&[45_455])), (b"cHRM", hundred_thousandths(&wide))];
    let [red, green, blue, _] = shown(&png_with([100, 200, 100], &chunks), &png_order());
    assert!(red < 60 && green.abs_diff(200) < 8 && blue < 100, "{red} {green} {blue}");
}

#[test]
fn numbers_of_a_png_count_before_its_other_chunks() {
    let linear = (b"gAMA", hundred_thousandths(&[100_000]));
    let shown = |code: [u8; 4], others: &[(&[u8; 4], Vec<u8>)]| {
        let chunks = [&[(b"cICP", code.to_vec())], others].concat();
        shown(&png_with([200, 100, 100], &chunks), &png_order())
    };
    let [red, green, ..] = shown([12, 13, 0, 1], std::slice::from_ref(&linear));
    assert!(red.abs_diff(215) <= 2 && green.abs_diff(93) <= 2, "{red} {green}");
    assert_eq!(shown([1, 13, 0, 1], std::slice::from_ref(&linear))[0], 200);
    // What they cannot mean here, and what we do not make, leaves the word to the others.
    for code in [[12, 13, 0, 0], [9, 16, 0, 1], [9, 18, 0, 1]] {
        assert_eq!(shown(code, &[])[0], 200, "{code:?}");
        assert!(shown(code, std::slice::from_ref(&linear))[0].abs_diff(229) <= 2, "{code:?}");
    }
}

#[test]
fn a_transparent_colour_of_a_png_is_transparent() {
    let source = png_with([9, 8, 7], &[(b"tRNS", vec![0, 9, 0, 8, 0, 7])]);
    assert!(probe(&source).unwrap().alpha);
    assert_eq!(shown(&source, &png_order())[3], 0);
}

/// A profile chunk or segment is in a file.
fn has_profile(bytes: &[u8]) -> bool {
    [b"iCCP".as_slice(), b"ICCP", b"ICC_PROFILE"].iter().any(|name| bytes.windows(name.len()).any(|seen| seen == *name))
}

#[test]
fn display_p3_is_kept_with_its_profile_where_the_order_says_so() {
    // A file of ours in P3 is the first one's source: a picture that says so in its `cHRM`.
    let p3 = [31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6000];
    let chunks = [(b"gAMA", hundred_thousandths(&[45_455])), (b"cHRM", hundred_thousandths(&p3))];
    let source = png_with([200, 100, 100], &chunks);
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Webp, ImageFormat::Avif] {
        let kept = Order { keep_p3: true, quality: 95, ..order(640, format) };
        let encoded = optimize(&source, &kept, &LIMITS, |_| ()).unwrap();
        // An AVIF names its colours by number.
        assert_eq!(has_profile(&encoded.bytes), format != ImageFormat::Avif, "{format:?}");
        assert_eq!(probe(&encoded.bytes).unwrap().source_type.extension(), format.extension());
        if format != ImageFormat::Avif {
            let [red, green, blue, _] = seen(&encoded)[0];
            assert!(near([red, green, blue], [200, 100, 100], 3), "{format:?} {red} {green} {blue}");
        }
        // Read again and brought into sRGB, the red is redder and the profile gone.
        let again = optimize(&encoded.bytes, &png_order(), &LIMITS, |_| ()).unwrap();
        let [red, green, ..] = seen(&again)[0];
        assert!(red > 207 && green < 97 && !has_profile(&again.bytes), "{format:?} {red} {green}");
    }
    assert!(!has_profile(&optimize(&source, &png_order(), &LIMITS, |_| ()).unwrap().bytes));
}

#[test]
fn metadata_does_not_reach_the_result() {
    let note = (b"tEXt", b"Comment\0secret".to_vec());
    let source = png_with([1, 2, 3], &[note, (b"eXIf", exif(1))]);
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Webp] {
        let encoded = optimize(&source, &order(640, format), &LIMITS, |_| ()).unwrap();
        for word in [b"secret".as_slice(), b"eXIf", b"EXIF", b"Exif"] {
            assert!(!encoded.bytes.windows(word.len()).any(|seen| seen == word), "{format:?}");
        }
    }
}

#[test]
fn edits_of_a_picture_with_transparency_keep_it() {
    let pixels = rgba(16, 16, |_, _| [200, 100, 50, 128]);
    let source = png(16, 16, ColorType::Rgba, BitDepth::Eight, &pixels);
    let edited = |edits| shown(&source, &Order { edits, ..png_order() });
    assert_eq!(edited(Edits { negate: true, ..Edits::default() }), [55, 155, 205, 128]);
    assert_eq!(edited(Edits { grayscale: true, ..Edits::default() })[3], 128);
    assert_eq!(edited(Edits { tint: Some(Rgb([0, 0, 255])), ..Edits::default() })[3], 128);
}
