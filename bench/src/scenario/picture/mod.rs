//! Pictures against sharp as Next.js drives it: the time of the whole job on one thread, and the bytes at equal looks.
//!
//! Looks are SSIMULACRA2, taken three times: against each program's own resize without loss, and end to end against
//! two references that neither made, one mixed in gamma space and one in linear light. The worst of the three counts.

mod first;
mod memory;
mod photograph;
mod search;
mod sharp;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use edgeplane_config::ImageFormat;
use edgeplane_optimizer::{Edits, Fit, Limits, Order, Position, Reference, optimize};
use nix::time::{ClockId, clock_gettime};
use serde_json::json;

use super::Scenario;
use crate::{
    failure::Failure,
    load::count,
    outcome::{Metric, OURS, Outcome, Target, Unit},
    stage::Stage,
};
use search::{Point, bytes_at};
use sharp::{NAME, Sharp};

pub(crate) const SCENARIO: Scenario = Scenario { name: "picture", run };

const QUALITY: u8 = 75;
/// Whoever measures is no stranger.
const LIMITS: Limits = Limits { source_bytes: usize::MAX, side: 20_000, output_bytes: usize::MAX, native: true };

const CPU: Metric = Metric::less("CPU of the job", Unit::Milliseconds);
const BYTES: Metric = Metric::less("bytes", Unit::Bytes);
const EQUAL: Metric = Metric::less("bytes at equal looks", Unit::Bytes);

/// A format at some widths, and what is promised of it.
struct Task {
    id: &'static str,
    format: ImageFormat,
    widths: &'static [u32],
    targets: &'static [(&'static Metric, f64)],
}

const TASKS: &[Task] = &[
    Task { id: "webp", format: ImageFormat::Webp, widths: &[1080, 1920], targets: &[(&CPU, 0.60), (&EQUAL, 0.95)] },
    Task { id: "webp-640", format: ImageFormat::Webp, widths: &[640], targets: &[(&CPU, 0.70), (&EQUAL, 0.95)] },
    Task { id: "jpeg", format: ImageFormat::Jpeg, widths: &[640, 1080, 1920], targets: &[(&CPU, 0.80), (&EQUAL, 1.0)] },
    Task { id: "avif", format: ImageFormat::Avif, widths: &[640, 1080, 1920], targets: &[(&CPU, 1.0), (&EQUAL, 1.10)] },
    Task { id: "png", format: ImageFormat::Png, widths: &[640, 1080, 1920], targets: &[(&CPU, 0.7), (&BYTES, 1.05)] },
];

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    let mut outcomes: Vec<Outcome> = TASKS.iter().map(|task| outcome(stage, task)).collect();
    let Some(mut sharp) = Sharp::start(stage)? else {
        for outcome in &mut outcomes {
            outcome.remarks.push(Failure::Absent { peer: NAME.into() }.told());
        }
        return Ok(outcomes);
    };
    let photographs = photograph::all(stage, &mut sharp)?;
    for (task, outcome) in TASKS.iter().zip(&mut outcomes) {
        outcome.remarks.extend(photographs.remark.clone());
        for photograph in &photographs.files {
            for width in widths(stage, task) {
                let bench = Bench { source: photograph, width, format: task.format, folder: stage.folder("pictures")? };
                if let Err(failure) = bench.measure(&mut sharp, stage.extent.rounds, outcome) {
                    outcome.void = Some(failure.told());
                }
            }
        }
    }
    outcomes.push(first::run(stage, &mut sharp, &photographs.files)?);
    if let Some(largest) = photographs.files.first() {
        outcomes.push(memory::run(stage, largest)?);
    }
    Ok(outcomes)
}

fn outcome(stage: &Stage, task: &Task) -> Outcome {
    let widths: Vec<String> = widths(stage, task).iter().map(u32::to_string).collect();
    let name = task.format.extension().to_uppercase();
    let what = format!(
        "Photographs become {name}, {} pixels wide, quality {QUALITY}: decoding, resizing and encoding on one thread. \
         sharp does what Next.js 16 tells it to.",
        widths.join(", ")
    );
    let title = format!("{name} beside sharp{}", if task.id.ends_with("640") { ", small" } else { "" });
    let mut outcome = Outcome::new(format!("picture-{}", task.id), title, what);
    if !stage.extent.smoke {
        outcome.targets = task.targets.iter().map(|(metric, most)| Target::ratio(metric, NAME, *most)).collect();
    }
    outcome
}

fn widths(stage: &Stage, task: &Task) -> Vec<u32> {
    stage.extent.of(task.widths, &[320]).to_vec()
}

/// One photograph, one width, one format.
struct Bench<'a> {
    source: &'a Path,
    width: u32,
    format: ImageFormat,
    folder: PathBuf,
}

impl Bench<'_> {
    fn measure(&self, sharp: &mut Sharp, rounds: usize, outcome: &mut Outcome) -> Result<(), Failure> {
        let source = fs::read(self.source).map_err(Failure::file("read", self.source))?;
        let theirs = self.folder.join("theirs");
        let question = json!({
            "do": "make", "source": self.source, "width": self.width, "format": name(self.format),
            "quality": QUALITY, "out": theirs,
        });
        // The first of each loads and warms what the others find.
        for round in 0..=rounds {
            let cost = sharp.make(&question)?;
            let before = used()?;
            let made = self.make(&source, QUALITY)?;
            let cpu = used()?.saturating_sub(before);
            if round > 0 {
                outcome.record(NAME, &CPU, cost.cpu_ms);
                outcome.record(OURS, &CPU, cpu.as_secs_f64() * 1e3);
                outcome.record(NAME, &BYTES, cost.bytes);
                outcome.record(OURS, &BYTES, count(made.len() as u64));
            }
        }
        if self.format != ImageFormat::Png {
            self.looks(sharp, &source, &theirs, outcome)?;
        }
        Ok(())
    }

    /// The bytes we need to look as good as sharp's file does.
    fn looks(&self, sharp: &mut Sharp, source: &[u8], theirs: &Path, outcome: &mut Outcome) -> Result<(), Failure> {
        let bytes = count(fs::metadata(theirs).map_err(Failure::file("read", theirs))?.len());
        let theirs = self.decoded(sharp, theirs)?;
        let resized = self.reference(sharp, json!({ "do": "resize" }))?;
        let gamma = self.reference(sharp, json!({ "do": "reference", "linear": false }))?;
        let linear = self.reference(sharp, json!({ "do": "reference", "linear": true }))?;
        let lossless = Order { format: ImageFormat::Png, ..self.order(100) };
        let lossless = optimize(source, &lossless, &LIMITS, |_| ()).map_err(refused)?.bytes;
        let lossless = Reference::read(&lossless, &LIMITS).map_err(refused)?;
        let mut made: BTreeMap<u8, (f64, Vec<u8>)> = BTreeMap::new();
        let mut worst: Option<f64> = None;
        for (goal, reference) in [(&resized, &lossless), (&gamma, &gamma), (&linear, &linear)] {
            let goal = goal.score(&theirs, &LIMITS).map_err(refused)?;
            let needed = bytes_at(goal, |quality| {
                let (bytes, picture) = match made.entry(quality) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => {
                        let file = self.make(source, quality)?;
                        let path = self.folder.join("ours");
                        fs::write(&path, &file).map_err(Failure::file("write", &path))?;
                        place.insert((count(file.len() as u64), self.decoded(sharp, &path)?))
                    }
                };
                Ok(Point { bytes: *bytes, score: reference.score(picture, &LIMITS).map_err(refused)? })
            })?;
            let Some(needed) = needed else {
                outcome.remarks.push(format!("{}: no quality of ours has a score of {goal:.1}.", self.told()));
                return Ok(());
            };
            worst = Some(worst.map_or(needed, |worst| worst.max(needed)));
        }
        if let Some(worst) = worst {
            outcome.record(NAME, &EQUAL, bytes);
            outcome.record(OURS, &EQUAL, worst);
        }
        Ok(())
    }

    fn order(&self, quality: u8) -> Order {
        let (fit, position) = (Fit::default(), Position::default());
        let edits = Edits::default();
        let width = Some(self.width);
        Order { width, height: None, fit, position, format: self.format, quality, keep_p3: false, edits }
    }

    fn make(&self, source: &[u8], quality: u8) -> Result<Vec<u8>, Failure> {
        Ok(optimize(source, &self.order(quality), &LIMITS, |_| ()).map_err(refused)?.bytes)
    }

    /// A picture without loss that sharp makes of the source.
    fn reference(&self, sharp: &mut Sharp, mut question: serde_json::Value) -> Result<Reference, Failure> {
        let out = self.folder.join("reference.png");
        question["source"] = json!(self.source);
        question["width"] = json!(self.width);
        question["out"] = json!(out);
        sharp.ask(&question)?;
        let file = fs::read(&out).map_err(Failure::file("read", &out))?;
        Reference::read(&file, &LIMITS).map_err(refused)
    }

    /// The file as a PNG, by the same decoder for both sides.
    fn decoded(&self, sharp: &mut Sharp, file: &Path) -> Result<Vec<u8>, Failure> {
        let out = self.folder.join("decoded.png");
        sharp.ask(&json!({ "do": "decode", "source": file, "out": out }))?;
        fs::read(&out).map_err(Failure::file("read", &out))
    }

    fn told(&self) -> String {
        format!("{}, {} wide", self.source.file_name().unwrap_or_default().to_string_lossy(), self.width)
    }
}

fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Avif => "avif",
        ImageFormat::Webp => "webp",
        ImageFormat::Jpeg => "jpeg",
        ImageFormat::Png => "png",
    }
}

/// CPU time of this process so far, all threads together.
fn used() -> Result<Duration, Failure> {
    let now = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    now.map(Duration::from).map_err(|errno| Failure::system("read the CPU clock")(errno.into()))
}

fn refused(refusal: edgeplane_optimizer::Refusal) -> Failure {
    Failure::void(format!("the optimizer refuses: {refusal}"))
}
