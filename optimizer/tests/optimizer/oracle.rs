//! The same edits by ipx and sharp, the programs that AWS's parameters are named after: equal sizes, and pixels within a
//! stated distance. `expect.mjs` draws the pictures and says for each case what the oracle made and how near it must be.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use edgeplane_optimizer::{Encoded, ImageFormat, Order, optimize};

use crate::sample::{LIMITS, seen};

/// The packages, installed where `make bench` also wants them.
fn packages() -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("bench-tools");
    if !tools.join("node_modules/sharp/package.json").is_file() {
        fs::create_dir_all(&tools).unwrap();
        let status = Command::new("npm")
            .args(["install", "--no-fund", "--no-audit", "--no-save", "--loglevel=error", "--prefix"])
            .arg(&tools)
            .args(["ipx@3.1.1", "sharp@0.35.5"])
            .status()
            .unwrap();
        assert!(status.success(), "npm could not install the oracle");
    }
    tools
}

struct Difference {
    mean: f64,
    most: u8,
}

/// How far apart two pictures are, as they look: colours count as far as their alpha lets them be seen.
fn difference(one: &[[u8; 4]], other: &[[u8; 4]]) -> Difference {
    let shown = |[red, green, blue, alpha]: [u8; 4]| {
        let weigh = |channel: u8| u32::from(channel) * u32::from(alpha) / 255;
        [weigh(red), weigh(green), weigh(blue), u32::from(alpha)]
    };
    let mut counts = [0_usize; 256];
    for (one, other) in one.iter().zip(other) {
        for (one, other) in shown(*one).into_iter().zip(shown(*other)) {
            counts[usize::try_from(one.abs_diff(other)).unwrap()] += 1;
        }
    }
    let all: usize = counts.iter().sum();
    let sum: usize = counts.iter().enumerate().map(|(difference, count)| difference * count).sum();
    let mut below = 0;
    let most = counts.iter().position(|count| {
        below += count;
        below * 100 >= all * 99
    });
    let mean = f64::from(u32::try_from(sum).unwrap()) / f64::from(u32::try_from(all).unwrap());
    Difference { mean, most: u8::try_from(most.unwrap()).unwrap() }
}

fn size(png: &[u8]) -> (u32, u32) {
    let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (side(16), side(20))
}

#[test]
fn every_edit_looks_as_it_does_in_ipx_and_sharp() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle");
    fs::create_dir_all(&folder).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/optimizer/expect.mjs");
    let status = Command::new("node").arg(script).arg(packages()).arg(&folder).status().unwrap();
    assert!(status.success(), "the oracle did not answer");
    let cases = fs::read_to_string(folder.join("cases.txt")).unwrap();
    assert!(cases.lines().count() > 200);
    let mut wrong = Vec::new();
    for case in cases.lines() {
        let [name, picture, mean, most, order] = case.split('|').collect::<Vec<_>>().try_into().unwrap();
        // Below 100 a PNG has 256 colours, which no oracle chose.
        let order: Order = Order { quality: 100, ..order.parse().unwrap() };
        let source = fs::read(folder.join(picture).with_extension("source")).unwrap();
        let bytes = fs::read(folder.join(format!("{name}.png"))).unwrap();
        let (width, height) = size(&bytes);
        let expected = Encoded { bytes, format: ImageFormat::Png, width, height };
        let made = match optimize(&source, &order, &LIMITS, |_| ()) {
            Ok(made) => made,
            Err(refusal) => {
                wrong.push(format!("{name}: {refusal}"));
                continue;
            }
        };
        if (made.width, made.height) != (width, height) {
            wrong.push(format!("{name}: {}x{} and not {width}x{height}", made.width, made.height));
            continue;
        }
        let found = difference(&seen(&made), &seen(&expected));
        if found.mean > mean.parse().unwrap() || found.most > most.parse().unwrap() {
            wrong.push(format!("{name}: mean {:.3}, 99 % within {} ({mean}, {most})", found.mean, found.most));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.lines().count(), wrong.join("\n"));
}
