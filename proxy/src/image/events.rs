//! Hot: what the telemetry reads, counted without a lock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use edgeplane_config::ImageFormat;
use parking_lot::Mutex;

/// Counters since the start. Owned by what they measure; telemetry reads them through [`ImageEvents::snapshot`].
#[derive(Debug, Default)]
pub struct ImageEvents {
    hits: [AtomicU64; LEVELS.len()],
    misses: AtomicU64,
    joined: AtomicU64,
    stale: AtomicU64,
    interim: AtomicU64,
    revalidated: AtomicU64,
    refresh_failures: AtomicU64,
    passed: AtomicU64,
    refused: AtomicU64,
    busy: AtomicU64,
    abandoned: AtomicU64,
    panics: AtomicU64,
    fetches: AtomicU64,
    fetch_failures: AtomicU64,
    fetch_micros: AtomicU64,
    evicted: [AtomicU64; 2],
    disk_faults: [AtomicU64; DISK_FAULTS.len()],
    shared: [AtomicU64; SHARED_RESULTS.len()],
    made: [Made; FORMATS.len()],
    workers_started: AtomicU64,
    workers_ended: [AtomicU64; WorkerEnd::ALL.len()],
    /// Hits that the threads count for themselves.
    fronts: Mutex<Vec<Arc<AtomicU64>>>,
}

/// What was made in one format.
#[derive(Debug, Default)]
struct Made {
    count: AtomicU64,
    source_bytes: AtomicU64,
    bytes: AtomicU64,
    saved_bytes: AtomicU64,
    micros: [AtomicU64; STAGES.len()],
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageSnapshot {
    /// Answers from the cache, by [`LEVELS`].
    pub hits: [u64; LEVELS.len()],
    /// Answers that started the work themselves.
    pub misses: u64,
    /// Answers that waited for work somebody else had started.
    pub joined: u64,
    /// Answers from the cache that were past their lifetime.
    pub stale: u64,
    /// Answers in another format, while the best one was still being made.
    pub interim: u64,
    /// Sources that were found unchanged, so that nothing had to be made.
    pub revalidated: u64,
    /// Sources that were to be looked at again and could not be.
    pub refresh_failures: u64,
    /// Sources passed through unmodified.
    pub passed: u64,
    /// Requests without an image, whatever the reason.
    pub refused: u64,
    /// Of these, because the queue was full.
    pub busy: u64,
    /// Jobs dropped because nobody waited any more, or because others came first for too long.
    pub abandoned: u64,
    /// Jobs that ended in a panic of a codec.
    pub panics: u64,
    /// Sources asked for over the network or of Compute.
    pub fetches: u64,
    /// Of these, without success.
    pub fetch_failures: u64,
    /// Time that took.
    pub fetch_time: Duration,
    /// Images given up for others, in memory and on disk.
    pub evicted: [u64; 2],
    /// What the disk did wrong, by [`DISK_FAULTS`].
    pub disk_faults: [u64; DISK_FAULTS.len()],
    /// What became of questions to the shared cache, by [`SHARED_RESULTS`].
    pub shared: [u64; SHARED_RESULTS.len()],
    /// Results per format, by [`FORMATS`].
    pub made: [MadeSnapshot; FORMATS.len()],
    /// Worker processes started.
    pub workers_started: u64,
    /// Worker processes ended, by [`WorkerEnd::ALL`].
    pub workers_ended: [u64; WorkerEnd::ALL.len()],
}

/// What was made in one format, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MadeSnapshot {
    /// Images.
    pub count: u64,
    /// Bytes of their sources.
    pub source_bytes: u64,
    /// Bytes of the results.
    pub bytes: u64,
    /// Bytes that the results have less than their sources, where they have less.
    pub saved_bytes: u64,
    /// Time spent, by [`STAGES`].
    pub time: [Duration; STAGES.len()],
}

/// The formats in the order of the counters.
pub const FORMATS: [ImageFormat; 4] = [ImageFormat::Avif, ImageFormat::Webp, ImageFormat::Jpeg, ImageFormat::Png];

/// The parts of a job in the order of the counters, as labels.
pub const STAGES: [&str; 4] = ["queue", "decode", "resize", "encode"];

/// Where pictures are found, as labels, in the order of the counters.
pub const LEVELS: [&str; 4] = ["front", "memory", "disk", "shared"];

/// What a disk does wrong, as labels, in the order of the counters.
pub const DISK_FAULTS: [&str; 4] = ["read", "write", "corrupt", "skipped"];

/// What becomes of questions to the shared cache, as labels, in the order of the counters.
pub const SHARED_RESULTS: [&str; 7] = ["hit", "miss", "stored", "forged", "error", "timeout", "skipped"];

/// What became of a question to the shared cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SharedResult {
    /// A good record.
    Hit,
    /// None.
    Miss,
    /// A record was written.
    Stored,
    /// A record that is not the fleet's, or not whole.
    Forged,
    /// It could not be reached, or did not understand.
    Error,
    /// It did not answer in time.
    Timeout,
    /// It was not asked, because it failed lately or because too much waits for it.
    Skipped,
}

/// What a disk did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DiskFault {
    /// A record could not be read.
    Read,
    /// A record could not be written or removed.
    Write,
    /// A file is no record of ours, or not whole.
    Corrupt,
    /// More records waited to be written than may.
    Skipped,
}

/// How long the parts of a job took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    /// Waiting for a worker.
    pub(super) queue: Duration,
    /// Bytes to pixels.
    pub(super) decode: Duration,
    /// To the size and the shape that is wanted.
    pub(super) resize: Duration,
    /// Pixels to bytes.
    pub(super) encode: Duration,
}

impl ImageEvents {
    /// Reads all counters; each is exact, together they may be a moment apart.
    pub fn snapshot(&self) -> ImageSnapshot {
        let get = |count: &AtomicU64| count.load(Relaxed);
        let mut hits = self.hits.each_ref().map(get);
        hits[0] += self.fronts.lock().iter().map(|front| get(front)).sum::<u64>();
        ImageSnapshot {
            hits,
            misses: get(&self.misses),
            joined: get(&self.joined),
            stale: get(&self.stale),
            interim: get(&self.interim),
            revalidated: get(&self.revalidated),
            refresh_failures: get(&self.refresh_failures),
            passed: get(&self.passed),
            refused: get(&self.refused),
            busy: get(&self.busy),
            abandoned: get(&self.abandoned),
            panics: get(&self.panics),
            fetches: get(&self.fetches),
            fetch_failures: get(&self.fetch_failures),
            fetch_time: Duration::from_micros(get(&self.fetch_micros)),
            evicted: self.evicted.each_ref().map(get),
            disk_faults: self.disk_faults.each_ref().map(get),
            shared: self.shared.each_ref().map(get),
            workers_started: get(&self.workers_started),
            workers_ended: self.workers_ended.each_ref().map(get),
            made: self.made.each_ref().map(|made| MadeSnapshot {
                count: get(&made.count),
                source_bytes: get(&made.source_bytes),
                bytes: get(&made.bytes),
                saved_bytes: get(&made.saved_bytes),
                time: made.micros.each_ref().map(|micros| Duration::from_micros(get(micros))),
            }),
        }
    }

    pub(super) fn worker_start(&self) {
        one(&self.workers_started);
    }

    pub(super) fn worker_end(&self, why: WorkerEnd) {
        one(&self.workers_ended[why as usize]);
    }

    /// An answer came from the level at this place of [`LEVELS`].
    pub(super) fn hit(&self, level: usize) {
        one(&self.hits[level]);
    }

    /// The count of hits of one more thread. It is kept for ever: a total does not fall when a thread ends.
    pub(super) fn front(&self) -> Arc<AtomicU64> {
        let front = Arc::default();
        self.fronts.lock().push(Arc::clone(&front));
        front
    }

    pub(super) fn miss(&self, joined: bool) {
        one(if joined { &self.joined } else { &self.misses });
    }

    pub(super) fn stale(&self) {
        one(&self.stale);
    }

    pub(super) fn interim(&self) {
        one(&self.interim);
    }

    pub(super) fn revalidate(&self) {
        one(&self.revalidated);
    }

    pub(super) fn refresh_failure(&self) {
        one(&self.refresh_failures);
    }

    pub(super) fn pass(&self) {
        one(&self.passed);
    }

    pub(super) fn refusal(&self, busy: bool) {
        one(&self.refused);
        if busy {
            one(&self.busy);
        }
    }

    pub(super) fn abandon(&self) {
        one(&self.abandoned);
    }

    pub(super) fn panic(&self) {
        one(&self.panics);
    }

    pub(super) fn fetch(&self, failed: bool, took: Duration) {
        one(&self.fetches);
        self.fetch_micros.fetch_add(micros(took), Relaxed);
        if failed {
            one(&self.fetch_failures);
        }
    }

    pub(super) fn evict_memory(&self) {
        one(&self.evicted[0]);
    }

    pub(super) fn evict_disk(&self) {
        one(&self.evicted[1]);
    }

    pub(super) fn disk_fault(&self, fault: DiskFault) {
        one(&self.disk_faults[fault as usize]);
    }

    pub(super) fn shared(&self, result: SharedResult) {
        one(&self.shared[result as usize]);
    }

    pub(super) fn encode(&self, format: ImageFormat, source: usize, encoded: usize, times: Times) {
        let Some(slot) = FORMATS.iter().position(|one| *one == format) else { return };
        let made = &self.made[slot];
        one(&made.count);
        made.source_bytes.fetch_add(source as u64, Relaxed);
        made.bytes.fetch_add(encoded as u64, Relaxed);
        made.saved_bytes.fetch_add(source.saturating_sub(encoded) as u64, Relaxed);
        let Times { queue, decode, resize, encode } = times;
        for (spent, took) in made.micros.iter().zip([queue, decode, resize, encode]) {
            spent.fetch_add(micros(took), Relaxed);
        }
    }
}

fn one(count: &AtomicU64) {
    count.fetch_add(1, Relaxed);
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
