//! How each format looks at each quality: `cargo run --release --example curves -- WIDTH PHOTO...`
//!
//! Prints a line for photograph, format and quality: bytes, milliseconds of one thread and the SSIMULACRA2 against the
//! lossless result of the same resize. The numbers in `src/encode/quality.rs` come from here.

use std::{env, fs, time::Instant};

use edgeplane_optimizer::{Edits, Fit, ImageFormat, Limits, Order, Position, Reference, Stage, optimize};

const LIMITS: Limits = Limits { source_bytes: 100_000_000, side: 20_000, output_bytes: 100_000_000, native: true };
const FORMATS: [ImageFormat; 4] = [ImageFormat::Webp, ImageFormat::Jpeg, ImageFormat::Avif, ImageFormat::Png];
const QUALITIES: [u8; 8] = [1, 25, 50, 60, 75, 85, 90, 99];

#[expect(clippy::print_stdout, reason = "it is a command")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let width: u32 = arguments.next().ok_or("a width is missing")?.parse()?;
    for photo in arguments {
        let source = fs::read(&photo)?;
        let order = |format, quality| Order {
            width: Some(width),
            height: None,
            fit: Fit::Cover,
            position: Position::Center,
            format,
            quality,
            keep_p3: false,
            edits: Edits::default(),
        };
        let lossless = optimize(&source, &order(ImageFormat::Png, 100), &LIMITS, |_| ())?;
        let reference = Reference::read(&lossless.bytes, &LIMITS)?;
        for format in FORMATS {
            for quality in QUALITIES {
                let mut resized = Instant::now();
                let heard = |stage| {
                    if stage == Stage::Resize {
                        resized = Instant::now();
                    }
                };
                let began = Instant::now();
                let encoded = optimize(&source, &order(format, quality), &LIMITS, heard)?;
                let (all, encoding) = (began.elapsed().as_secs_f64() * 1e3, resized.elapsed().as_secs_f64() * 1e3);
                let score =
                    reference.score(&encoded.bytes, &LIMITS).map_or_else(|_| "-".to_owned(), |s| format!("{s:.2}"));
                let bytes = encoded.bytes.len();
                println!("{photo}\t{width}\t{format:?}\t{quality}\t{bytes}\t{all:.0}\t{encoding:.0}\t{score}");
            }
        }
    }
    Ok(())
}
