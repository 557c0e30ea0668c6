//! One job of the optimizer, with the time each of its stages took.

use std::time::{Duration, Instant};

use edgeplane_optimizer::{Encoded, Limits, Order, Refusal, Stage, optimize};

/// What a job came to.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) encoded: Encoded,
    /// How long each stage took.
    pub(super) stages: [Duration; Stage::ALL.len()],
    /// SSIMULACRA2 against the same picture without loss, where that is asked for and can be told.
    pub(super) score: Option<f64>,
}

/// Runs the optimizer with a clock beside it.
pub(super) fn make(source: &[u8], order: &Order, limits: &Limits) -> Result<Made, Refusal> {
    let mut stages = [Duration::ZERO; Stage::ALL.len()];
    let mut since = Instant::now();
    let encoded = optimize(source, order, limits, |stage| {
        let now = Instant::now();
        stages[stage as usize] = now - since;
        since = now;
    })?;
    Ok(Made { encoded, stages, score: None })
}
