//! Hot: what the telemetry reads, counted without a lock.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use parking_lot::Mutex;

use super::page::CacheStatus;

/// What became of requests for Compute, in the order of their counts.
pub const RESULTS: [&str; 4] = ["hit", "miss", "stale", "bypass"];
/// The levels, in the order of their counts.
pub const LEVELS: [&str; 2] = ["memory", "disk"];
/// What became of fetches, in the order of their counts.
pub const FETCHES: [&str; 5] = ["kept", "unchanged", "not_kept", "too_large", "lost"];

/// What can go wrong with pages on disk, in the order of their counts.
pub const DISK_FAULTS: [&str; 4] = ["read", "write", "corrupt", "skipped"];

/// Counters since the start.
#[derive(Debug, Default)]
pub struct EdgeEvents {
    results: [AtomicU64; RESULTS.len()],
    joined: AtomicU64,
    fetches: [AtomicU64; FETCHES.len()],
    evicted: [AtomicU64; LEVELS.len()],
    disk_faults: [AtomicU64; DISK_FAULTS.len()],
    invalidated: AtomicU64,
    /// Hits that the threads count for themselves.
    fronts: Mutex<Vec<Arc<AtomicU64>>>,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EdgeSnapshot {
    /// Requests, by [`RESULTS`].
    pub results: [u64; RESULTS.len()],
    /// Requests that waited for somebody else's fetch.
    pub joined: u64,
    /// Fetches that could have been kept, by [`FETCHES`].
    pub fetches: [u64; FETCHES.len()],
    /// Pages given up to make room, by [`LEVELS`].
    pub evicted: [u64; LEVELS.len()],
    /// What the disk did wrong, by [`DISK_FAULTS`].
    pub disk_faults: [u64; DISK_FAULTS.len()],
    /// URIs whose pages an unsafe request made invalid.
    pub invalidated: u64,
}

/// What the disk did wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum DiskFault {
    Read,
    Write,
    /// A file that is no whole record of ours.
    Corrupt,
    /// It does not keep up.
    Skipped,
}

/// What became of a fetch.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fetched {
    Kept,
    Unchanged,
    NotKept,
    TooLarge,
    Lost,
}

impl EdgeEvents {
    /// The counters now.
    pub fn snapshot(&self) -> EdgeSnapshot {
        let get = |count: &AtomicU64| count.load(Relaxed);
        let mut results = self.results.each_ref().map(get);
        results[0] += self.fronts.lock().iter().map(|front| get(front)).sum::<u64>();
        EdgeSnapshot {
            results,
            joined: get(&self.joined),
            fetches: self.fetches.each_ref().map(get),
            disk_faults: self.disk_faults.each_ref().map(get),
            evicted: self.evicted.each_ref().map(get),
            invalidated: get(&self.invalidated),
        }
    }

    /// A counter of hits for one thread.
    pub(super) fn front(&self) -> Arc<AtomicU64> {
        let front = Arc::default();
        self.fronts.lock().push(Arc::clone(&front));
        front
    }

    /// A request was answered.
    pub fn answered(&self, status: CacheStatus) {
        one(&self.results[match status {
            CacheStatus::Hit => 0,
            CacheStatus::Miss => 1,
            CacheStatus::Stale => 2,
            CacheStatus::Bypass => 3,
        }]);
    }

    pub(super) fn joined(&self) {
        one(&self.joined);
    }

    pub(super) fn fetched(&self, fetched: Fetched) {
        one(&self.fetches[fetched as usize]);
    }

    pub(super) fn evicted(&self, level: usize) {
        one(&self.evicted[level]);
    }

    pub(super) fn disk_fault(&self, fault: DiskFault) {
        one(&self.disk_faults[fault as usize]);
    }

    pub(super) fn invalidated(&self) {
        one(&self.invalidated);
    }
}

fn one(count: &AtomicU64) {
    count.fetch_add(1, Relaxed);
}
