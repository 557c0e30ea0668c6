//! That a job holds no more than its price, measured as the kernel sees it: each job in a process of its own.

use std::{env, fs, path::Path, process::Command};

use edgeplane_optimizer::{Order, optimize, price, probe};
use png::{BitDepth, ColorType};

use crate::sample::*;

const JOB: &str = "EDGEPLANE_TEST_MEMORY_JOB";

/// A line of `/proc/self/status` in bytes.
fn status(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let kilobytes: usize = line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
    kilobytes << 10
}

/// In the child: does the job and says how much more memory the process ever had than before.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn work(job: &str) {
    let (path, order) = job.split_once('|').unwrap();
    let source = fs::read(path).unwrap();
    let order: Order = order.parse().unwrap();
    let before = status("VmRSS:");
    optimize(&source, &order, &LIMITS, |_| ()).unwrap();
    println!("peak {}", status("VmHWM:") - before);
}

fn peak(path: &Path, order: &str) -> usize {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "memory::a_job_holds_no_more_than_its_price", "--nocapture"])
        .env(JOB, format!("{}|{order}", path.display()))
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let peak = output.split("peak ").nth(1).unwrap_or_else(|| panic!("{output}"));
    peak.lines().next().unwrap().parse().unwrap()
}

#[test]
fn a_job_holds_no_more_than_its_price() {
    if let Ok(job) = env::var(JOB) {
        return work(&job);
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("memory");
    fs::create_dir_all(&folder).unwrap();
    let (width, height) = (2400, 1800);
    let shade = |x: u32, y: u32| [x ^ y, x / 7, y / 5].map(|channel| channel.to_le_bytes()[0]);
    let colors = rgb(width, height, shade);
    let alphas = rgba(width, height, |x, y| [x, y, x / 9, 255 - (x + y) / 32].map(|channel| channel.to_le_bytes()[0]));
    let mut cmyk = Vec::new();
    jpeg_encoder::Encoder::new(&mut cmyk, 80).encode(&alphas, 2400, 1800, jpeg_encoder::ColorType::Cmyk).unwrap();
    let sources = [
        ("baseline.jpg", jpeg(2400, 1800, &colors, Some(6), false)),
        ("progressive.jpg", jpeg(2400, 1800, &colors, None, true)),
        ("cmyk.jpg", cmyk),
        ("rgba.png", png(width, height, ColorType::Rgba, BitDepth::Eight, &alphas)),
        ("grey.png", png(width, height, ColorType::Grayscale, BitDepth::Eight, &vec![77; colors.len() / 3])),
        ("rgba.webp", webp_rgba(width, height, &alphas)),
    ];
    let basic = "fit=cover,position=center,format=png,quality=75";
    for (name, source) in sources {
        let path = folder.join(name);
        fs::write(&path, &source).unwrap();
        for order in ["", ",rotate=30", ",trim=10", ",blur=5,sharpen=1", ",normalize=true,median=9"] {
            let order = format!("width=900,{basic}{order}");
            let priced = price(&probe(&source).unwrap(), &order.parse().unwrap());
            let peak = peak(&path, &order);
            assert!(peak > width as usize * height as usize, "{name} {order}: {peak} is too little to be true");
            assert!(peak <= priced, "{name} {order}: {} KiB, priced {} KiB", peak >> 10, priced >> 10);
        }
    }
}
