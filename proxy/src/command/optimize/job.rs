//! Jobs of the optimizer on one file, with the time each stage of them took.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use edgeplane_config::ImageTuning;
use edgeplane_optimizer::{Encoded, Limits, Order, Probe, Refusal, SourceType, Stage, optimize, price};

use crate::{
    child::image::{Bounds, Reply, WorkerPlan, once},
    command::Failure,
};

/// A file to make pictures of.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) bytes: &'a [u8],
    pub(super) probe: Probe,
    pub(super) tuning: &'a ImageTuning,
}

/// What a job came to.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) encoded: Encoded,
    /// How long each stage took.
    pub(super) stages: [Duration; Stage::ALL.len()],
    /// SSIMULACRA2 against the same picture without loss, where that is asked for and can be told.
    pub(super) score: Option<f64>,
}

impl Source<'_> {
    /// Runs the optimizer with a clock beside it: here, or in a worker process where a server's decoder is not memory-safe
    /// Rust.
    pub(super) fn make(&self, order: &Order, limits: &Limits) -> Result<Made, Failure> {
        let (encoded, stages) = if matches!(self.probe.source_type, SourceType::Avif | SourceType::Jpeg) {
            self.confined(order, limits)?
        } else {
            timed(self.bytes, order, limits).map_err(|refusal| self.refused(refusal))?
        };
        Ok(Made { encoded, stages, score: None })
    }

    /// Why nothing is made of this file.
    pub(super) fn refused(&self, source: Refusal) -> Failure {
        Failure::Image { path: self.path.into(), source }
    }

    fn confined(&self, order: &Order, limits: &Limits) -> Result<(Encoded, [Duration; Stage::ALL.len()]), Failure> {
        let tuning = self.tuning;
        let plan = WorkerPlan::new(0, tuning.unsandboxed, tuning.worker_bytes);
        let memory_bytes = price(&self.probe, order);
        let bounds = Bounds { memory_bytes, deadline: Instant::now() + tuning.timeout };
        match once(&plan, order, self.bytes, limits, bounds) {
            Ok(Reply::Encoded(encoded, times)) => Ok((encoded, times.0)),
            Ok(Reply::Refused(refusal)) => Err(self.refused(refusal)),
            Ok(Reply::Panicked) => Err(self.refused(Refusal::Corrupt)),
            Err(lost) => Err(Failure::unavailable("optimize the image in a worker process", lost)),
        }
    }
}

fn timed(bytes: &[u8], order: &Order, limits: &Limits) -> Result<(Encoded, [Duration; Stage::ALL.len()]), Refusal> {
    let mut stages = [Duration::ZERO; Stage::ALL.len()];
    let mut since = Instant::now();
    let encoded = optimize(bytes, order, limits, |stage| {
        let now = Instant::now();
        stages[stage as usize] = now - since;
        since = now;
    })?;
    Ok((encoded, stages))
}
