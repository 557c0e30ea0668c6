//! Hot: what is being compressed, bounded, and what came of it, for the telemetry.

use std::sync::{
    Arc,
    atomic::{
        AtomicU64, AtomicUsize,
        Ordering::{AcqRel, Acquire, Relaxed},
    },
};

use edgeplane_config::CompressionSettings;

use super::{ContentCoding, Plain};

/// The codings, in the order of their counts.
pub const CODINGS: [&str; 3] = ["br", "zstd", "gzip"];
/// Where bytes went, in the order of their counts.
pub const DIRECTIONS: [&str; 2] = ["in", "out"];

/// Counters since the start, and what is under way.
#[derive(Debug, Default)]
pub struct Counts {
    pub(super) streams: AtomicUsize,
    event_streams: AtomicUsize,
    answers: [AtomicU64; CODINGS.len()],
    bytes: [[AtomicU64; DIRECTIONS.len()]; CODINGS.len()],
    plain: [AtomicU64; Plain::ALL.len()],
}

impl Counts {
    /// Answers that were compressed, by [`CODINGS`].
    pub fn answers(&self) -> [u64; CODINGS.len()] {
        self.answers.each_ref().map(|count| count.load(Relaxed))
    }

    /// Their bytes, before and after, by [`CODINGS`] and [`DIRECTIONS`].
    pub fn bytes(&self) -> [[u64; DIRECTIONS.len()]; CODINGS.len()] {
        self.bytes.each_ref().map(|both| both.each_ref().map(|count| count.load(Relaxed)))
    }

    /// Answers that were not, by [`Plain::ALL`].
    pub fn plain(&self) -> [u64; Plain::ALL.len()] {
        self.plain.each_ref().map(|count| count.load(Relaxed))
    }

    pub(super) fn left_alone(&self, why: Plain) {
        if let Some(count) = self.plain.get(why as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    fn compressed(&self, coding: ContentCoding, bytes: [u64; DIRECTIONS.len()]) {
        let Some(at) = (coding as usize).checked_sub(1) else { return };
        self.answers[at].fetch_add(1, Relaxed);
        for (count, n) in self.bytes[at].iter().zip(bytes) {
            count.fetch_add(n, Relaxed);
        }
    }
}

/// Leave to compress one answer, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Leave {
    counts: Arc<Counts>,
    events: bool,
}

impl Leave {
    /// None where as many are being compressed as may be.
    pub(super) fn take(counts: &Arc<Counts>, settings: &CompressionSettings, events: bool) -> Option<Self> {
        if !enter(&counts.streams, settings.streams_max) {
            return None;
        }
        if events && !enter(&counts.event_streams, settings.event_streams_max) {
            counts.streams.fetch_sub(1, AcqRel);
            return None;
        }
        Some(Self { counts: Arc::clone(counts), events })
    }

    /// Counts the answer that it was for.
    pub(super) fn count(&self, coding: ContentCoding, bytes: [u64; DIRECTIONS.len()]) {
        self.counts.compressed(coding, bytes);
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.counts.streams.fetch_sub(1, AcqRel);
        if self.events {
            self.counts.event_streams.fetch_sub(1, AcqRel);
        }
    }
}

fn enter(count: &AtomicUsize, most: usize) -> bool {
    count.fetch_update(AcqRel, Acquire, |n| (n < most).then_some(n + 1)).is_ok()
}
