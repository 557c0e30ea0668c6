//! Hot: what the telemetry reads, counted without a lock.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use edgeplane_config::ImageFormat;

/// Counters since the start. Owned by what they measure; telemetry reads them through [`ImageEvents::snapshot`].
#[derive(Debug, Default)]
pub struct ImageEvents {
    hits: AtomicU64,
    misses: AtomicU64,
    joined: AtomicU64,
    passed: AtomicU64,
    refused: AtomicU64,
    busy: AtomicU64,
    abandoned: AtomicU64,
    panics: AtomicU64,
    fetches: AtomicU64,
    fetch_failures: AtomicU64,
    source_bytes: AtomicU64,
    encoded_bytes: AtomicU64,
    encode_micros: AtomicU64,
    encoded: [AtomicU64; 4],
    workers_started: AtomicU64,
    workers_ended: [AtomicU64; 4],
}

/// Why a worker process is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerEnd {
    /// Its job took longer than `image.timeout`.
    Deadline,
    /// Nobody waited for its job any more.
    Unwanted,
    /// It was killed by somebody else or by its bounds, or broken by its source.
    Died,
    /// It had done its share of jobs, held on to memory, or a codec had panicked in it.
    Replaced,
}

impl WorkerEnd {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Deadline, Self::Unwanted, Self::Died, Self::Replaced];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Unwanted => "unwanted",
            Self::Died => "died",
            Self::Replaced => "replaced",
        }
    }
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSnapshot {
    /// Answers from the cache.
    pub hits: u64,
    /// Answers that started the work themselves.
    pub misses: u64,
    /// Answers that waited for work somebody else had started.
    pub joined: u64,
    /// Sources passed through unmodified.
    pub passed: u64,
    /// Requests without an image, whatever the reason.
    pub refused: u64,
    /// Of these, because the queue was full.
    pub busy: u64,
    /// Jobs dropped from the queue because nobody waited any more.
    pub abandoned: u64,
    /// Jobs that ended in a panic of a codec.
    pub panics: u64,
    /// Sources asked for over the network or of Compute.
    pub fetches: u64,
    /// Of these, without success.
    pub fetch_failures: u64,
    /// Bytes of the sources that were optimized.
    pub source_bytes: u64,
    /// Bytes of the results.
    pub encoded_bytes: u64,
    /// Time the workers spent on jobs.
    pub encode_time: Duration,
    /// Results per format: AVIF, WebP, JPEG, PNG.
    pub encoded: [(ImageFormat, u64); 4],
    /// Worker processes started.
    pub workers_started: u64,
    /// Worker processes ended, and why.
    pub workers_ended: [(WorkerEnd, u64); 4],
}

/// The formats in the order of the counters.
const FORMATS: [ImageFormat; 4] = [ImageFormat::Avif, ImageFormat::Webp, ImageFormat::Jpeg, ImageFormat::Png];

impl ImageEvents {
    /// Reads all counters; each is exact, together they may be a moment apart.
    pub fn snapshot(&self) -> ImageSnapshot {
        let encoded = FORMATS.map(|format| (format, self.encoded[slot(format)].load(Relaxed)));
        ImageSnapshot {
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            joined: self.joined.load(Relaxed),
            passed: self.passed.load(Relaxed),
            refused: self.refused.load(Relaxed),
            busy: self.busy.load(Relaxed),
            abandoned: self.abandoned.load(Relaxed),
            panics: self.panics.load(Relaxed),
            fetches: self.fetches.load(Relaxed),
            fetch_failures: self.fetch_failures.load(Relaxed),
            source_bytes: self.source_bytes.load(Relaxed),
            encoded_bytes: self.encoded_bytes.load(Relaxed),
            encode_time: Duration::from_micros(self.encode_micros.load(Relaxed)),
            encoded,
            workers_started: self.workers_started.load(Relaxed),
            workers_ended: WorkerEnd::ALL.map(|why| (why, self.workers_ended[why as usize].load(Relaxed))),
        }
    }

    pub(super) fn worker_start(&self) {
        self.workers_started.fetch_add(1, Relaxed);
    }

    pub(super) fn worker_end(&self, why: WorkerEnd) {
        self.workers_ended[why as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Relaxed);
    }

    pub(super) fn miss(&self, joined: bool) {
        if joined { &self.joined } else { &self.misses }.fetch_add(1, Relaxed);
    }

    pub(super) fn pass(&self) {
        self.passed.fetch_add(1, Relaxed);
    }

    pub(super) fn refusal(&self, busy: bool) {
        self.refused.fetch_add(1, Relaxed);
        if busy {
            self.busy.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn abandon(&self) {
        self.abandoned.fetch_add(1, Relaxed);
    }

    pub(super) fn panic(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    pub(super) fn fetch(&self, failed: bool) {
        self.fetches.fetch_add(1, Relaxed);
        if failed {
            self.fetch_failures.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn encode(&self, format: ImageFormat, source: usize, encoded: usize, took: Duration) {
        self.encoded[slot(format)].fetch_add(1, Relaxed);
        self.source_bytes.fetch_add(source as u64, Relaxed);
        self.encoded_bytes.fetch_add(encoded as u64, Relaxed);
        self.encode_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }
}

fn slot(format: ImageFormat) -> usize {
    match format {
        ImageFormat::Avif => 0,
        ImageFormat::Webp => 1,
        ImageFormat::Jpeg => 2,
        ImageFormat::Png => 3,
    }
}
