//! The price of a job covers what the job really takes, libraries in C included: each is run in a process of its own,
//! and the kernel is asked for the most that process ever held.
#![expect(clippy::unwrap_used, reason = "in a test an unwrap that fails is the failure")]

use std::{env, fs, process::Command};

use edgeplane_optimizer::{Edits, Fit, ImageFormat, Limits, Order, Position, optimize, price, probe};

/// Set for the process that does the work; names the format, or nothing for a process that only reads the source.
const WORK: &str = "EDGEPLANE_TEST_WORK";
const LIMITS: Limits = Limits { source_bytes: 50_000_000, side: 9000, output_bytes: 50_000_000, native: true };
const FORMATS: [(&str, ImageFormat); 4] =
    [("avif", ImageFormat::Avif), ("webp", ImageFormat::Webp), ("jpeg", ImageFormat::Jpeg), ("png", ImageFormat::Png)];
/// What tables, code pages and threads add to any process that encodes, whatever the picture.
const FIXED: usize = 12 << 20;

#[test]
fn the_price_covers_the_peak_of_every_encoder() {
    let source = source();
    if let Ok(name) = env::var(WORK) {
        return work(&source, &name);
    }
    let idle = peak("");
    for (name, format) in FORMATS {
        let order = order(format);
        let priced = price(&probe(&source).unwrap(), &order);
        let taken = peak(name).saturating_sub(idle);
        assert!(taken <= priced + FIXED, "{name}: {taken} bytes taken, {priced} priced");
        // A price far above the truth would turn work away for nothing.
        assert!(priced <= (taken + FIXED) * 3, "{name}: {taken} bytes taken, {priced} priced");
    }
}

/// The most memory that a process of this test held for one format.
fn peak(name: &str) -> usize {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "the_price_covers_the_peak_of_every_encoder", "--nocapture"]).env(WORK, name);
    let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let line = told.lines().find_map(|line| line.split_once("VmHWM:")).unwrap_or_else(|| panic!("{told}")).1;
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

fn work(source: &[u8], name: &str) {
    if let Some((_, format)) = FORMATS.iter().find(|(known, _)| *known == name) {
        optimize(source, &order(*format), &LIMITS, |_| ()).unwrap();
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    print_peak(status.lines().find(|line| line.starts_with("VmHWM:")).unwrap());
}

#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn print_peak(line: &str) {
    println!("\n{line}");
}

fn order(format: ImageFormat) -> Order {
    let (fit, position, edits) = (Fit::Cover, Position::Center, Edits::default());
    Order { width: Some(1600), height: None, fit, position, format, quality: 75, keep_p3: false, edits }
}

/// A picture with something in it everywhere.
fn source() -> Vec<u8> {
    let (width, height) = (1600_u32, 1200_u32);
    let pixels: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .flat_map(|(x, y)| [x * y / 777, (x ^ y) & 0xff, (x * 3 + y * 5) / 16].map(|channel| channel.to_le_bytes()[0]))
        .collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}
