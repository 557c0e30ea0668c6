//! The price of a job covers what the job really takes, libraries in C included: each is run in a process of its own,
//! and the kernel is asked for the most that process ever held.
#![expect(clippy::unwrap_used, reason = "in a test an unwrap that fails is the failure")]

use std::{env, fs, process::Command};

use edgeplane_optimizer::{Edits, Fit, ImageFormat, Limits, Order, Position, optimize, price, probe};

/// Set for the process that does the work: a [`Job`], or the name of its source alone for a process that only reads that.
const WORK: &str = "EDGEPLANE_TEST_WORK";
const LIMITS: Limits = Limits { source_bytes: 50_000_000, side: 9000, output_bytes: 50_000_000, native: true };
/// What tables, code pages and threads add to any process that encodes, whatever the picture.
const FIXED: usize = 12 << 20;

/// Of which source, in which format, at which quality.
type Job = (&'static str, ImageFormat, u8);

/// The dearest sources for each way of coding: the price is the same for all that are as large.
const JOBS: [Job; 13] = [
    ("opaque", ImageFormat::Avif, 75),
    ("opaque", ImageFormat::Webp, 75),
    ("opaque", ImageFormat::Jpeg, 75),
    ("opaque", ImageFormat::Png, 75),
    ("noise", ImageFormat::Webp, 80),
    ("noise", ImageFormat::Webp, 81),
    ("noise", ImageFormat::Webp, 90),
    ("noise", ImageFormat::Webp, 100),
    ("transparent", ImageFormat::Webp, 75),
    ("transparent", ImageFormat::Webp, 90),
    ("veiled noise", ImageFormat::Webp, 75),
    ("veiled noise", ImageFormat::Webp, 90),
    ("veiled noise", ImageFormat::Webp, 100),
];

#[test]
fn the_price_covers_the_peak_of_every_encoder() {
    if let Ok(job) = env::var(WORK) {
        return work(&job);
    }
    let mut wrong = Vec::new();
    for (name, format, quality) in JOBS {
        let source = source(name);
        let priced = price(&probe(&source).unwrap(), &order(format, quality));
        let taken = peak(&format!("{name}|{}", order(format, quality))).saturating_sub(peak(name));
        let told = format!("{name}, {format:?} at {quality}: {taken} bytes taken, {priced} priced");
        if taken > priced + FIXED {
            wrong.push(format!("{told}: too little"));
        }
        // A price far above the truth would turn work away for nothing.
        if priced > (taken + FIXED) * 3 {
            wrong.push(format!("{told}: too much"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The most memory that a process of this test held for a job.
fn peak(job: &str) -> usize {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "the_price_covers_the_peak_of_every_encoder", "--nocapture"]).env(WORK, job);
    let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let line = told.lines().find_map(|line| line.split_once("VmHWM:")).unwrap_or_else(|| panic!("{told}")).1;
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

fn work(job: &str) {
    let (name, order) = job.split_once('|').unwrap_or((job, ""));
    let source = source(name);
    if !order.is_empty() {
        optimize(&source, &order.parse().unwrap(), &LIMITS, |_| ()).unwrap();
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    print_peak(status.lines().find(|line| line.starts_with("VmHWM:")).unwrap());
}

#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn print_peak(line: &str) {
    println!("\n{line}");
}

fn order(format: ImageFormat, quality: u8) -> Order {
    let (fit, position, edits) = (Fit::Cover, Position::Center, Edits::default());
    Order { width: Some(1600), height: None, fit, position, format, quality, keep_p3: false, edits }
}

/// A picture with something in it everywhere, or with nothing that could be foreseen.
fn source(name: &str) -> Vec<u8> {
    let (width, height) = (1600_u32, 1200_u32);
    let mut state = 1_u32;
    let mut noise = || {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state >> 8
    };
    let is_noise = name.ends_with("noise");
    let is_opaque = !matches!(name, "transparent" | "veiled noise");
    let mut pixels = Vec::with_capacity((width * height * 4) as usize);
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
        let shown = [x * y / 777, (x ^ y) & 0xff, (x * 3 + y * 5) / 16, (x + y) / 9];
        let pixel = if is_noise { [(); 4].map(|()| noise()) } else { shown };
        let pixel = pixel.map(|channel| channel.to_le_bytes()[0]);
        pixels.extend_from_slice(if is_opaque { &pixel[..3] } else { &pixel });
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(if is_opaque { png::ColorType::Rgb } else { png::ColorType::Rgba });
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}
