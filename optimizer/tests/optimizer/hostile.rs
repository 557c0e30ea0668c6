//! What must not happen, whatever the bytes: no panic, no allocation that the header did not announce, no half picture.

use crate::sample::*;
use edgeplane_optimizer::{Fit, ImageFormat, Limits, Order, Refusal, optimize, price, probe};
use png::{BitDepth, ColorType};
use proptest::prelude::*;

#[test]
fn a_bomb_is_refused_by_its_header() {
    let bomb = png_claiming(50_000, 50_000);
    let refusal = optimize(&bomb, &order(64, ImageFormat::Webp), &LIMITS, |_| ()).unwrap_err();
    assert_eq!(refusal, Refusal::TooManyPixels(50_000, 50_000));
    let priced = probe(&bomb).unwrap();
    assert!(priced.memory_bytes >= 50_000 * 50_000 * 4, "{priced:?}");
}

#[test]
fn the_side_limit_is_exact() {
    let source = png_rgb(101, 1, &corners(101, 1));
    let at = |side| optimize(&source, &order(64, ImageFormat::Png), &Limits { side, ..LIMITS }, |_| ());
    assert!(at(101).is_ok());
    assert_eq!(at(100).unwrap_err(), Refusal::TooManyPixels(101, 1));
}

#[test]
fn a_box_above_the_side_limit_is_refused() {
    let source = png_rgb(10, 10, &corners(10, 10));
    let order = Order { height: Some(9001), ..order(64, ImageFormat::Png) };
    assert_eq!(optimize(&source, &order, &LIMITS, |_| ()).unwrap_err(), Refusal::TooManyPixels(64, 9001));
}

#[test]
fn a_source_above_the_byte_limit_is_refused_unread() {
    let limits = Limits { source_bytes: 3, ..LIMITS };
    assert_eq!(
        optimize(b"text", &order(64, ImageFormat::Png), &limits, |_| ()).unwrap_err(),
        Refusal::SourceTooLarge(4)
    );
}

#[test]
fn a_large_picture_hidden_in_a_small_webp_canvas_is_corrupt() {
    let inner = webp(64, 64, &corners(64, 64));
    let canvas = [10, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let body = [b"WEBPVP8X\x0a\0\0\0".as_slice(), &canvas, &inner[12..]].concat();
    let bytes = [b"RIFF".as_slice(), &u32::try_from(body.len()).unwrap().to_le_bytes(), &body].concat();
    assert_eq!(probe(&bytes).unwrap_err(), Refusal::Corrupt);
}

#[test]
fn what_was_cut_short_is_corrupt_and_never_half_a_picture() {
    let pixels = rgb(64, 64, |x, y| [x * 3, y * 3, x ^ y].map(|c| c.to_le_bytes()[0]));
    let sources = [
        jpeg(64, 64, &pixels, None, false),
        jpeg(64, 64, &pixels, None, true),
        png_rgb(64, 64, &pixels),
        webp(64, 64, &pixels),
    ];
    for (kind, source) in sources.iter().enumerate() {
        for part in 1..8 {
            let cut = &source[..source.len() * part / 8];
            let refusal = optimize(cut, &order(32, ImageFormat::Png), &LIMITS, |_| ()).unwrap_err();
            assert_eq!(refusal, Refusal::Corrupt, "source {kind}, {part}/8 of it");
        }
    }
}

#[test]
fn nonsense_after_a_signature_is_corrupt() {
    for source in [b"\xff\xd8\xff\xe0".as_slice(), b"\x89PNG\r\n\x1a\n0000", b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0"] {
        assert_eq!(
            optimize(source, &order(32, ImageFormat::Png), &LIMITS, |_| ()).unwrap_err(),
            Refusal::Corrupt,
            "{source:?}"
        );
    }
}

#[test]
fn what_we_do_not_decode_is_said_to_be_so() {
    for source in [b"GIF89a\x01\0\x01\0\0\0\0;".as_slice(), b"<svg/>", b"BM"] {
        let refusal = optimize(source, &order(8, ImageFormat::Png), &LIMITS, |_| ()).unwrap_err();
        assert_eq!(refusal, Refusal::Unsupported);
    }
}

#[test]
fn a_sequential_jpeg_of_several_subsampled_scans_is_not_decoded_wrongly() {
    let file = |sampling| {
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 80);
        encoder.set_sampling_factor(sampling);
        // This encoder writes one scan per component when it fits the tables.
        encoder.set_optimized_huffman_tables(true);
        encoder.encode(&corners(64, 64), 64, 64, jpeg_encoder::ColorType::Rgb).unwrap();
        bytes
    };
    let result = |sampling| optimize(&file(sampling), &order(32, ImageFormat::Png), &LIMITS, |_| ());
    assert_eq!(result(jpeg_encoder::SamplingFactor::R_4_2_0).unwrap_err(), Refusal::Unsupported);
    assert!(near(quarters(&result(jpeg_encoder::SamplingFactor::R_4_4_4).unwrap())[0], RED, 14));
}

#[test]
fn the_price_is_of_the_picture_that_comes_out() {
    // 12 megapixels to a page's width: the decoded source is most of it.
    let large = probe(&png_claiming(4000, 3000)).unwrap();
    let priced = price(&large, &order(640, ImageFormat::Avif));
    assert!((4000 * 3000 * 4..140_000_000).contains(&priced), "{priced}");
    let padded = Order { height: Some(9000), fit: Fit::Contain, ..order(9000, ImageFormat::Png) };
    assert!(price(&probe(&png_claiming(10, 10)).unwrap(), &padded) > 9000 * 9000 * 4);
}

#[test]
fn the_price_covers_the_pixels_and_grows_with_the_format() {
    let source = jpeg(640, 480, &corners(640, 480), None, false);
    let progressive = jpeg(640, 480, &corners(640, 480), None, true);
    let probe_of = |bytes: &[u8]| probe(bytes).unwrap();
    let webp = price(&probe_of(&source), &order(320, ImageFormat::Webp));
    assert!(webp > 640 * 480 * 3);
    assert!(price(&probe_of(&source), &order(320, ImageFormat::Avif)) > webp);
    assert!(price(&probe_of(&progressive), &order(320, ImageFormat::Webp)) > webp);
}

/// Small files of every kind the optimizer reads.
fn seeds() -> Vec<Vec<u8>> {
    let pixels = corners(24, 16);
    let alpha = rgba(24, 16, |x, y| [x, y, x ^ y, x * 10].map(|c| c.to_le_bytes()[0]));
    vec![
        jpeg(24, 16, &pixels, Some(6), false),
        jpeg(24, 16, &pixels, None, true),
        png_rgb(24, 16, &pixels),
        png(24, 16, ColorType::Rgba, BitDepth::Eight, &alpha),
        webp(24, 16, &pixels),
        webp_rgba(24, 16, &alpha),
        webp_lossless(24, 16, &alpha),
        b"GIF89a\x02\0\x02\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x02\0\x02\0\0\x02\x02\x44\x0a\0;".to_vec(),
        include_bytes!("avif/420.avif").to_vec(),
        include_bytes!("avif/premultiplied.avif").to_vec(),
        b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a 'b'>]><!-- --><svg xmlns='x'/>".to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Bytes changed, cut and repeated anywhere: an image within its bounds or a refusal, and nothing else.
    #[test]
    fn mutated_files_give_an_image_or_a_refusal(
        seed in 0..11_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        keep_whole in any::<bool>(),
    ) {
        let mut bytes = seeds().swap_remove(seed);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if !keep_whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        // Small, so that a header changed to a large picture is refused and the cases stay quick.
        let limits = Limits { side: 512, ..LIMITS };
        if let Ok(encoded) = optimize(&bytes, &order(16, ImageFormat::Webp), &limits, |_| ()) {
            prop_assert!(encoded.width <= 16 && encoded.height <= 512);
            prop_assert!(encoded.bytes.len() <= limits.output_bytes);
        }
    }

    #[test]
    fn any_bytes_can_be_probed(
        signature in prop::sample::select(vec![
            b"".as_slice(), b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X", b"<svg", b"<!--",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [signature, &rest].concat();
        if let Ok(probe) = probe(&bytes) {
            prop_assert!(!probe.source_type.is_decoded() || (probe.width > 0 && probe.height > 0));
        }
    }
}
