//! What the telemetry reads: who was turned away and why, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Refusal;

/// Why requests were turned away, in the order of their counts.
pub const REASONS: [&str; 5] = ["address", "rate", "password", "failures", "busy"];
/// What checked passwords were, in the order of their counts.
pub const CHECKS: [&str; 2] = ["right", "wrong"];

/// What a checked password was.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    Right = 0,
    Wrong = 1,
}

/// Counters since the start.
#[derive(Debug, Default)]
pub struct AccessEvents {
    refused: [AtomicU64; REASONS.len()],
    checked: [AtomicU64; CHECKS.len()],
}

impl AccessEvents {
    pub(super) fn refused(&self, refusal: &Refusal) {
        let place = match refusal {
            Refusal::Address => 0,
            Refusal::Rate { .. } => 1,
            Refusal::Password { .. } => 2,
            Refusal::Failures { .. } => 3,
            Refusal::Busy => 4,
        };
        self.refused[place].fetch_add(1, Relaxed);
    }

    pub(super) fn checked(&self, check: Check) {
        self.checked[check as usize].fetch_add(1, Relaxed);
    }

    /// Requests that were turned away, by [`REASONS`].
    pub fn refusals(&self) -> [u64; REASONS.len()] {
        self.refused.each_ref().map(|count| count.load(Relaxed))
    }

    /// Passwords that were checked, by [`CHECKS`].
    pub fn checks(&self) -> [u64; CHECKS.len()] {
        self.checked.each_ref().map(|count| count.load(Relaxed))
    }
}
