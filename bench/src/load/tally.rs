//! What a run of the generator saw.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::{
    failure::Failure,
    outcome::{Metric, Outcome},
};

/// Latencies from a microsecond's hundredth to a minute, with three digits.
const LOWEST_NS: u64 = 10;
const HIGHEST_NS: u64 = 60_000_000_000;
const DIGITS: u8 = 3;

/// Counts and latencies of one run.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    /// Of bodies.
    pub(crate) bytes: u64,
    pub(crate) elapsed: Duration,
    /// In nanoseconds.
    pub(crate) latency: Histogram<u64>,
}

impl Tally {
    pub(super) fn new() -> Result<Self, Failure> {
        let latency = Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, DIGITS)
            .map_err(|error| Failure::void(format!("no histogram: {error}")))?;
        Ok(Self { requests: 0, bytes: 0, elapsed: Duration::ZERO, latency })
    }

    pub(super) fn add(&mut self, bytes: u64, took: Duration) {
        self.requests += 1;
        self.bytes += bytes;
        self.latency.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(HIGHEST_NS));
    }

    pub(crate) fn per_second(&self) -> f64 {
        count(self.requests) / self.elapsed.as_secs_f64()
    }

    /// In microseconds.
    pub(crate) fn quantile(&self, quantile: f64) -> f64 {
        count(self.latency.value_at_quantile(quantile)) / 1e3
    }

    /// Adds p50, p99 and p99.9 of this round.
    pub(crate) fn record_latency(&self, outcome: &mut Outcome, peer: &str) {
        for (metric, quantile) in [(Metric::P50, 0.5), (Metric::P99, 0.99), (Metric::P999, 0.999)] {
            outcome.record(peer, &metric, self.quantile(quantile));
        }
    }
}

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "below 2^53, or only shown")]
pub(crate) const fn count(n: u64) -> f64 {
    n as f64
}
