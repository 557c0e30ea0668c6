//! A large file that is not in memory, read while small ones are asked for: does the disk hold up everybody?

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use super::Scenario;
use crate::{
    failure::Failure,
    load::{self, Body, Download, Load, Request},
    outcome::{Judge, Limit, Metric, OURS, Outcome, Subject, Target},
    peer::{Edgeplane, Launch, Nginx, Peer, Role, Running},
    site::{Site, noise, pack, write},
    stage::Stage,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "cold-read", run };

/// Of the large file, and of it in a smoke run.
const LARGE_MIB: usize = 1024;
const SMALL_MIB: usize = 32;
/// How fast it is read: faster than any visitor reads, and slow enough that the cores are not what everybody waits for.
const BYTES_PER_SECOND: f64 = 256.0 * 1024.0 * 1024.0;
/// Small requests a second meanwhile.
const RATE: f64 = 5000.0;
const CONNECTIONS: usize = 32;
const PAIRS: usize = 7;
/// p99 beside the reading to p99 without.
const MOST: f64 = 2.0;
/// Of the file, what may stay in memory for it to count as cold.
const WARM_MAX: f64 = 0.1;

const MANIFEST: &str = r#"{
  "version": 1,
  "framework": { "name": "bench", "version": "1.0.0" },
  "routes": [{ "path": "/*", "target": { "kind": "Static" } }]
}
"#;

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    let mebibytes = stage.extent.of(LARGE_MIB, SMALL_MIB);
    let (site, large) = site(stage, mebibytes)?;
    let what = format!(
        "`/1k.css` {RATE} times a second while a file of {mebibytes} MiB that is not in memory is read at 256 MiB/s; \
         beside it the same without the reading."
    );
    let mut outcome = Outcome::new("cold-read", "Small files while a cold large file is read", what);
    let mut readers = Vec::new();
    for (peer, file) in [(&Edgeplane as &dyn Peer, &site.pack), (&Nginx, &large)] {
        outcome.targets.extend(target(peer.name(), &idle(peer.name())));
        if peer.version(&stage.programs).is_some() {
            readers.push((peer, file));
        } else {
            outcome.remarks.push(Failure::Absent { peer: peer.name().into() }.told());
        }
    }
    for _ in 0..stage.extent.pairs(PAIRS) {
        for (peer, file) in &readers {
            if let Err(failure) = round(stage, &site, *peer, file, mebibytes, &mut outcome) {
                outcome.void = Some(format!("{}: {}", peer.name(), failure.told()));
                return Ok(vec![outcome]);
            }
        }
    }
    let told: Vec<_> = readers.iter().filter_map(|(peer, _)| compared(&outcome, peer.name())).collect();
    outcome.remarks.extend(told);
    Ok(vec![outcome])
}

/// The name of a peer's rounds without the reading.
fn idle(name: &str) -> String {
    format!("{name}, idle")
}

/// What the same reading does to everybody, which tells what of it is the machine's.
fn compared(outcome: &Outcome, name: &str) -> Option<String> {
    let judged = outcome.judge(&beside(name, &idle(name)));
    let (figure, interval) = (judged.figure?, judged.interval);
    let interval = interval.map_or_else(String::new, |sure| format!(" ({:.2} to {:.2})", sure.low, sure.high));
    Some(format!("{name}: p99 beside the reading is {figure:.2}{interval} times p99 without."))
}

/// Ours alone has one; nginx stands beside it for comparison.
fn target(name: &str, idle: &str) -> Option<Target> {
    (name == OURS).then(|| beside(name, idle))
}

fn beside(name: &str, idle: &str) -> Target {
    let subject = Subject::Ratio { of: name.into(), to: idle.into() };
    let what = "p99 against p99 without the reading".to_owned();
    Target { what, metric: Metric::P99, subject, limit: Limit::AtMost(MOST), judge: Judge::Median }
}

/// Idle, then with the reading. Pages that are mapped cannot be dropped, so each round has a server of its own.
fn round(
    stage: &Stage,
    site: &Site,
    peer: &dyn Peer,
    file: &Path,
    mebibytes: usize,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let small = Request::get("/1k.css", &[]).expecting(200, Body::Exact(site.bytes("1k.css")?));
    let load = Load::of(small, CONNECTIONS);
    drop_pages(file, outcome)?;
    let server = Running::start(peer, &Launch::pinned(Role::Static(site)), stage)?;
    let length = (mebibytes as u64) << 20;
    let request = Request::get("/large.bin", &[]).expecting(200, Body::Length(length));
    let warm_up = Duration::from_millis(200);
    load::open(server.address, &load, RATE, warm_up)?;
    let quiet = load::open(server.address, &load, RATE, stage.extent.seconds)?;
    quiet.record_latency(outcome, &idle(peer.name()));
    let download = Download { request, bytes_per_second: BYTES_PER_SECOND };
    let beside = load::open_beside(server.address, &load, RATE, &download)?;
    beside.record_latency(outcome, peer.name());
    Ok(())
}

/// A site with the large file in it. nginx reads the file itself, Edgeplane its pack.
fn site(stage: &Stage, mebibytes: usize) -> Result<(Site, PathBuf), Failure> {
    let folder = stage.folder("cold")?;
    let bundle = folder.join("bundle");
    let files = bundle.join("static");
    write(&bundle.join("deploy-manifest.json"), MANIFEST.as_bytes())?;
    write(&files.join("1k.css"), &stage.site()?.bytes("1k.css")?)?;
    let large = files.join("large.bin");
    write_large(&large, mebibytes).map_err(Failure::file("write", &large))?;
    let site = Site { fallback_bundle: bundle.clone(), pack: folder.join("cold.pack"), bundle, files };
    pack(&stage.programs.edgeplane, &site.bundle, &site.pack)?;
    Ok((site, large))
}

fn write_large(path: &Path, mebibytes: usize) -> std::io::Result<()> {
    let piece = noise(1 << 20);
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    for _ in 0..mebibytes {
        file.write_all(&piece)?;
    }
    file.flush()
}

/// Takes the file out of memory, and says so if that did not work.
fn drop_pages(path: &Path, outcome: &mut Outcome) -> Result<(), Failure> {
    let file = File::open(path).map_err(Failure::file("open", path))?;
    // What is not on the disk yet cannot be dropped.
    file.sync_all().map_err(Failure::file("write", path))?;
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)
        .map_err(|errno| Failure::file("drop the pages of", path)(errno.into()))?;
    let length = fs::metadata(path).map_err(Failure::file("read", path))?.len();
    match resident(path) {
        Some(bytes) if bytes <= load::count(length) * WARM_MAX => {}
        Some(bytes) => return Err(Failure::void(format!("{bytes} bytes stay in memory"))),
        None => {
            let remark = "Whether the file was cold was not checked: there is no fincore.".to_owned();
            if !outcome.remarks.contains(&remark) {
                outcome.remarks.push(remark);
            }
        }
    }
    Ok(())
}

/// Bytes of the file in memory.
fn resident(path: &Path) -> Option<f64> {
    let told = Command::new("fincore").args(["--bytes", "--noheadings", "--output", "RES"]).arg(path).output().ok()?;
    String::from_utf8_lossy(&told.stdout).trim().parse().ok()
}
