//! Any edits together: an image within its bounds or a refusal that says why, and nothing else.

use edgeplane_optimizer::{Edits, Extend, Extract, ImageFormat, Limits, Millionths, Order, Refusal, Rgb, optimize};
use png::{BitDepth, ColorType};
use proptest::{option, prelude::*};

use crate::sample::*;

fn any_edits() -> impl Strategy<Value = Edits> {
    let between = |range: std::ops::RangeInclusive<u32>| option::of(range.prop_map(Millionths));
    let extract = option::of([0..30_u32, 0..20, 1..30, 1..20]);
    let extend = option::of(prop::array::uniform4(0..40_u32));
    let placing = (between(1..=359_999_999), between(0..=255_000_000), extract, extend);
    let mixing = (
        between(300_000..=1_000_000_000),
        between(1..=10_000_000),
        between(1_000_001..=3_000_000),
        option::of(2..40_u16),
    );
    let color = || option::of(any::<[u8; 3]>().prop_map(Rgb));
    (any::<[bool; 5]>(), placing, mixing, option::of(1..=255_u8), color(), color()).prop_map(
        |([flip, flop, normalize, grayscale, negate], placing, mixing, threshold, tint, background)| {
            let (rotate, trim, extract, extend) = placing;
            let (blur, sharpen, gamma, median) = mixing;
            Edits {
                flip,
                flop,
                rotate,
                trim,
                extract: extract.map(|[left, top, width, height]| Extract { left, top, width, height }),
                extend: extend.map(|[top, right, bottom, left]| Extend { top, right, bottom, left }),
                median,
                threshold,
                blur,
                sharpen,
                gamma,
                normalize,
                grayscale,
                tint,
                negate,
                background,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_edits_together_give_an_image_or_a_refusal(
        edits in any_edits(),
        width in 1..40_u32,
        height in option::of(1..40_u32),
        orientation in 1..=8_u16,
        alpha: bool,
    ) {
        let source = if alpha {
            let pixels = rgba(24, 16, |x, y| [x * 9, y * 9, x ^ y, x * y].map(|channel| channel.to_le_bytes()[0]));
            png(24, 16, ColorType::Rgba, BitDepth::Eight, &pixels)
        } else {
            jpeg(24, 16, &corners(24, 16), Some(orientation), false)
        };
        let order = Order { height, edits, ..order(width, ImageFormat::Png) };
        let limits = Limits { side: 90, ..LIMITS };
        match optimize(&source, &order, &limits, |_| ()) {
            Ok(encoded) => prop_assert!(encoded.width <= 90 && encoded.height <= 90),
            Err(Refusal::ExtractOutside) => prop_assert!(edits.extract.is_some()),
            Err(Refusal::TooManyPixels(width, height)) => prop_assert!(width > 90 || height > 90),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
