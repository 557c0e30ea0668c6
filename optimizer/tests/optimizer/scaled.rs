//! JPEGs decoded at a scale look as if every pixel had been decoded, and whatever is wrong with one is answered alike.

use edgeplane_optimizer::{Encoded, ImageFormat, Limits, Order, Refusal, optimize};
use jpeg_encoder::{ColorType, Encoder};

use crate::sample::*;

/// Every pixel is decoded, by memory-safe code.
const WHOLE: Limits = Limits { native: false, ..LIMITS };

/// Four hues with something going on in them, no two sides alike, and sides that no block divides.
fn picture(orientation: u16, progressive: bool) -> Vec<u8> {
    let pixels = rgb(1611, 1249, |x, y| {
        let ground = match (x < 804, y < 622) {
            (true, true) => RED,
            (false, true) => GREEN,
            (true, false) => BLUE,
            (false, false) => YELLOW,
        };
        let wave = ((x + y * y / 640) % 512).abs_diff(256) / 8;
        ground.map(|channel| u8::try_from(u32::from(channel) * 3 / 4 + wave).unwrap())
    });
    jpeg(1611, 1249, &pixels, Some(orientation), progressive)
}

fn drawn(order: &str) -> Order {
    format!("{order}fit=cover,position=left,format=png,quality=100").parse().unwrap()
}

/// The mean difference of a channel.
fn distance(one: &Encoded, other: &Encoded) -> f64 {
    assert_eq!((one.width, one.height), (other.width, other.height));
    let (one, other) = (seen(one), seen(other));
    let sum: u32 = one.as_flattened().iter().zip(other.as_flattened()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    f64::from(sum) / f64::from(u32::try_from(one.len() * 3).unwrap())
}

#[test]
fn a_scaled_picture_looks_like_the_whole_one_however_it_is_turned_and_cut() {
    for (orientation, progressive) in (1..=8).zip([true, false].into_iter().cycle()) {
        let source = picture(orientation, progressive);
        let orders = ["width=160,", "width=387,", "width=120,height=240,", "height=125,"].map(String::from);
        let text = |edit: &str| format!("width=160,fit=cover,position=right,format=png,quality=100{edit}");
        let edits = ["", ",flip=true", ",flop=true,rotate=90", ",rotate=270", ",extract=28_360_1000_760", ",blur=1"];
        let edited = edits.map(|edit| text(edit).parse().unwrap());
        let all = orders.iter().map(|order| drawn(order)).chain(edited);
        // Every order meets orientations of both kinds; all of all would be many pixels.
        for order in all.skip(usize::from(orientation) % 3).step_by(3) {
            let scaled = optimize(&source, &order, &LIMITS, |_| ()).unwrap();
            let whole = optimize(&source, &order, &WHOLE, |_| ()).unwrap();
            assert_ne!(scaled.bytes, whole.bytes, "{orientation} {order}: every pixel was decoded");
            let distance = distance(&scaled, &whole);
            assert!(distance < 1.5, "{orientation} {order}: {distance}");
        }
    }
}

#[test]
fn what_needs_every_pixel_gets_it() {
    let source = picture(6, false);
    for edit in ["width=1249,", "width=880,"] {
        let order = drawn(edit);
        let [one, other] = [LIMITS, WHOLE].map(|limits| optimize(&source, &order, &limits, |_| ()).unwrap());
        assert_eq!(one.bytes, other.bytes, "{order}");
    }
    for edit in [",trim=10", ",rotate=30", ",extract=0_0_200_200"] {
        let order: Order = format!("width=160,fit=cover,position=left,format=png,quality=100{edit}").parse().unwrap();
        let [one, other] = [LIMITS, WHOLE].map(|limits| optimize(&source, &order, &limits, |_| ()).unwrap());
        assert_eq!(one.bytes, other.bytes, "{order}");
    }
}

#[test]
fn grey_is_scaled_and_four_inks_are_not() {
    let shades: Vec<u8> = rgba(2048, 1024, |x, y| [((x + y) / 16).to_le_bytes()[0]; 4]);
    let mut grey = Vec::new();
    let light: Vec<u8> = shades.iter().step_by(4).copied().collect();
    Encoder::new(&mut grey, 90).encode(&light, 2048, 1024, ColorType::Luma).unwrap();
    let mut inks = Vec::new();
    Encoder::new(&mut inks, 90).encode(&shades, 2048, 1024, ColorType::Cmyk).unwrap();
    for (source, is_scaled) in [(grey, true), (inks, false)] {
        let [one, other] =
            [LIMITS, WHOLE].map(|limits| optimize(&source, &drawn("width=240,"), &limits, |_| ()).unwrap());
        assert_eq!(one.bytes != other.bytes, is_scaled);
        assert!(distance(&one, &other) < 4.0, "{}", distance(&one, &other));
    }
}

#[test]
fn a_damaged_file_is_answered_as_without_the_scale() {
    for progressive in [false, true] {
        let source = picture(1, progressive);
        let mut scaled = 0;
        for at in (600..source.len() - 60).step_by(source.len() / 12) {
            let mut damaged = source.clone();
            damaged.drain(at..at + 50);
            let answers = [LIMITS, WHOLE].map(|limits| optimize(&damaged, &drawn("width=160,"), &limits, |_| ()));
            match answers {
                [Ok(one), Ok(other)] => scaled += usize::from(one.bytes != other.bytes),
                [one, other] => assert_eq!(one.map(|_| ()), other.map(|_| ())),
            }
        }
        // Nobody can tell where a few bytes are missing that leave a stream that reads well.
        assert!(scaled <= 4, "{scaled}");
        let cut = &source[..source.len() / 2];
        assert_eq!(optimize(cut, &drawn("width=160,"), &LIMITS, |_| ()).unwrap_err(), Refusal::Corrupt);
    }
}

#[test]
fn avif_is_read_by_native_decoders_or_not_at_all() {
    let source = include_bytes!("avif/420.avif");
    assert!(optimize(source, &order(24, ImageFormat::Png), &LIMITS, |_| ()).is_ok());
    assert_eq!(optimize(source, &order(24, ImageFormat::Png), &WHOLE, |_| ()).unwrap_err(), Refusal::Unsupported);
}
