//! Hot: a count that one thread raises and any thread reads.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count with one writer.
///
/// Raising it is a load and a store: an atomic addition would lock the cache line, which costs twenty times as much
/// and guards against a second writer that does not exist. Should there be one, counts are lost and nothing else.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds `n`, and gives what it was before.
    pub(super) fn add(&self, n: u64) -> u64 {
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before.wrapping_add(n), Ordering::Relaxed);
        before
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
