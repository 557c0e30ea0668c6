//! Progressive JPEG by mozjpeg's libjpeg; transparency is laid on white first.

use super::{
    foreign::mozjpeg::{self, Tables},
    quality,
};
use crate::{Refusal, picture::Picture};

pub(super) fn encode(picture: Picture, nominal: u8) -> Result<Vec<u8>, Refusal> {
    let Picture { width, height, pixels, .. } = picture.on_white();
    mozjpeg::encode(&pixels, width, height, &tables(quality::jpeg(nominal)))
}

/// The steps of all frequencies at a coarseness of 1: they grow from `mean` with the frequency, and faster or slower
/// as `bend` is above or below 1.
struct Growth {
    mean: f64,
    base: f64,
    slope: f64,
    bend: f64,
}

/// Found by trying: each number was moved at random and kept where photographs got smaller at equal SSIMULACRA2
/// (`bench/NOTES.md`, "Pictures"). The tables of T.81's annex K need an eighth more bytes.
const LUMA: Growth = Growth { mean: 0.683, base: 1.0, slope: 5.963, bend: 1.144 };
const CHROMA: Growth = Growth { mean: 0.931, base: 0.931, slope: 2.400, bend: 0.444 };
/// How much finer a frequency is that is both across and down than one that is twice as high in one direction alone.
const DIAGONAL: f64 = 0.485;

/// Highest frequency along one side of a block.
const HIGHEST: f64 = 7.0;
/// Steps of 8 bits, which every decoder reads (T.81 B.2.4.1).
const STEP_MAX: f64 = 255.0;

/// The quantization tables of a coarseness.
fn tables(coarseness: f64) -> Tables {
    [LUMA, CHROMA].map(|growth| {
        let mut table = [0; 64];
        for (index, step) in (0_u8..).zip(&mut table) {
            let (down, across) = (f64::from(index / 8), f64::from(index % 8));
            let frequency = (down * down + across * across + DIAGONAL * down * across).sqrt() / HIGHEST;
            let scale = if index == 0 { growth.mean } else { growth.base + growth.slope * frequency.powf(growth.bend) };
            *step = rounded(scale * coarseness);
        }
        table
    })
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to a byte above zero")]
fn rounded(step: f64) -> u32 {
    step.round().clamp(1.0, STEP_MAX) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_with_the_frequency_and_with_the_coarseness() {
        for table in tables(8.0) {
            assert!(table[1..8].is_sorted() && table[0] <= table[1] && table[63] == *table.iter().max().unwrap());
            // Across and down alike.
            assert!((0..64).all(|index| table[index] == table[index % 8 * 8 + index / 8]));
        }
        for (fine, coarse) in tables(4.0).iter().flatten().zip(tables(9.0).iter().flatten()) {
            assert!(fine < coarse);
        }
        assert_eq!(tables(0.01), [[1; 64]; 2]);
        assert!(tables(1e6).iter().flatten().all(|step| *step == 255));
    }
}
