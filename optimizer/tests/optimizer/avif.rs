//! AVIF sources. The files in `avif/` were made with libavif from four flat corners of 24 x 16 pixels, because our own
//! encoder writes one layout only.

use edgeplane_optimizer::{ImageFormat, Refusal, optimize, probe};

use crate::sample::*;

const LAYOUTS: [(&str, &[u8]); 4] = [
    ("4:2:0", include_bytes!("avif/420.avif")),
    ("4:2:2", include_bytes!("avif/422.avif")),
    ("4:4:4", include_bytes!("avif/444.avif")),
    ("4:0:0", include_bytes!("avif/400.avif")),
];

#[test]
fn every_layout_gives_its_colours_back() {
    for (layout, source) in LAYOUTS {
        let seen = probe(source).unwrap();
        assert_eq!((seen.width, seen.height, seen.alpha, seen.animated), (24, 16, false, false), "{layout}");
        let encoded = optimize(source, &order(24, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
        let corners = quarters(&encoded);
        let grey = |[red, green, blue]: [u8; 3]| {
            let luma = (299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue)) / 1000;
            [luma.to_le_bytes()[0]; 3]
        };
        let drawn = [RED, GREEN, BLUE, YELLOW].map(|color| if layout == "4:0:0" { grey(color) } else { color });
        assert!(corners.iter().zip(drawn).all(|(seen, drawn)| near(*seen, drawn, 14)), "{layout}: {corners:?}");
    }
}

#[test]
fn what_we_write_we_read() {
    let source = png_rgb(64, 48, &corners(64, 48));
    let avif = optimize(&source, &order(64, ImageFormat::Avif), &LIMITS, |_| ()).unwrap().bytes;
    let back = optimize(&avif, &order(64, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
    let seen = quarters(&back);
    assert!(seen.iter().zip([RED, GREEN, BLUE, YELLOW]).all(|(seen, drawn)| near(*seen, drawn, 14)), "{seen:?}");
    let alpha = rgba(64, 48, |x, _| [RED[0], RED[1], RED[2], (x * 4).to_le_bytes()[0]]);
    let source = png(64, 48, png::ColorType::Rgba, png::BitDepth::Eight, &alpha);
    let avif = optimize(&source, &order(64, ImageFormat::Avif), &LIMITS, |_| ()).unwrap().bytes;
    let back = seen_alpha(&optimize(&avif, &order(64, ImageFormat::Png), &LIMITS, |_| ()).unwrap());
    assert!(back.iter().enumerate().all(|(at, alpha)| alpha.abs_diff(((at % 64) * 4).to_le_bytes()[0]) < 8));
}

#[test]
fn ten_bits_are_brought_down_to_eight() {
    let avif = include_bytes!("avif/10bit.avif");
    let seen = quarters(&optimize(avif, &order(24, ImageFormat::Png), &LIMITS, |_| ()).unwrap());
    assert!(seen.iter().zip([RED, GREEN, BLUE, YELLOW]).all(|(seen, drawn)| near(*seen, drawn, 6)), "{seen:?}");
}

fn seen_alpha(encoded: &edgeplane_optimizer::Encoded) -> Vec<u8> {
    seen(encoded).iter().map(|pixel| pixel[3]).collect()
}

#[test]
fn alpha_is_an_item_of_its_own_multiplied_in_or_not() {
    let whole: [&[u8]; 2] = [include_bytes!("avif/alpha.avif"), include_bytes!("avif/premultiplied.avif")];
    for source in whole {
        assert!(probe(source).unwrap().alpha);
        let pixels = seen(&optimize(source, &order(24, ImageFormat::Png), &LIMITS, |_| ()).unwrap());
        // Alpha rises from top to bottom; the colours stay.
        let rows: Vec<u8> = pixels.iter().step_by(24).map(|pixel| pixel[3]).collect();
        assert!(rows.is_sorted() && rows[0] < 20 && rows[15] > 235, "{rows:?}");
        let [red, green, blue, _] = pixels[24 * 15 + 20];
        assert!(near([red, green, blue], YELLOW, 16), "{red} {green} {blue}");
    }
}

#[test]
fn the_container_turns_the_picture() {
    let turned: [(&[u8], [[u8; 3]; 4]); 4] = [
        (include_bytes!("avif/orientation2.avif"), [GREEN, RED, YELLOW, BLUE]),
        (include_bytes!("avif/orientation5.avif"), [RED, BLUE, GREEN, YELLOW]),
        (include_bytes!("avif/orientation6.avif"), [BLUE, RED, YELLOW, GREEN]),
        (include_bytes!("avif/orientation7.avif"), [YELLOW, GREEN, BLUE, RED]),
    ];
    for (number, (source, expected)) in turned.into_iter().enumerate() {
        let encoded = optimize(source, &order(24, ImageFormat::Png), &LIMITS, |_| ()).unwrap();
        let upright = if number == 0 { (24, 16) } else { (16, 24) };
        assert_eq!((encoded.width, encoded.height), upright, "{number}");
        let seen = quarters(&encoded);
        assert!(seen.iter().zip(expected).all(|(seen, drawn)| near(*seen, drawn, 14)), "{number}: {seen:?}");
    }
}

#[test]
fn what_was_cut_short_or_promises_another_size_is_refused() {
    let source = LAYOUTS[0].1;
    for end in 0..source.len() {
        assert!(optimize(&source[..end], &order(24, ImageFormat::Png), &LIMITS, |_| ()).is_err(), "{end}");
    }
    // The size in the container, but not in the stream.
    let at = source.windows(4).position(|bytes| bytes == b"ispe").unwrap() + 8;
    for (width, refusal) in [(23_u32, Refusal::Corrupt), (9001, Refusal::TooManyPixels(9001, 16))] {
        let mut source = source.to_vec();
        source[at..at + 4].copy_from_slice(&width.to_be_bytes());
        assert_eq!(optimize(&source, &order(24, ImageFormat::Png), &LIMITS, |_| ()).unwrap_err(), refusal);
    }
}
