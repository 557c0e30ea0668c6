//! Pages in memory, bounded by their bytes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::HeaderName;
use indexmap::IndexSet;
use moka::{Expiry, notification::RemovalCause, ops::compute::Op, sync::Cache};

use super::{page::Page, purge::Purge};

/// What stands under a key.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    /// An answer.
    Page(Arc<Page>),
    /// There are several answers, each under a key of its own that holds what the request says in these fields.
    Varies(Arc<[HeaderName]>),
}

/// How long a list of names is kept; those who need room throw it out before.
const NAMES_FOR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The pages of all sites, least useful first to go.
#[derive(Debug)]
pub(super) struct Memory {
    entries: Cache<[u8; 32], Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    kept: Kept,
    keep: Duration,
}

impl Memory {
    /// At most `bytes`. What has to go for want of room is given to `evicted`.
    pub(super) fn new(bytes: u64, evicted: impl Fn([u8; 32], Kept) + Send + Sync + 'static) -> Self {
        let evicted = move |key: Arc<[u8; 32]>, entry: Entry, cause| {
            if cause == RemovalCause::Size {
                evicted(*key, entry.kept);
            }
        };
        let entries =
            Cache::builder().max_capacity(bytes).weigher(weight).expire_after(Keep).eviction_listener(evicted).build();
        Self { entries }
    }

    pub(super) fn get(&self, key: &[u8; 32]) -> Option<Kept> {
        self.entries.get(key).map(|entry| entry.kept)
    }

    /// Keeps a page for so long.
    pub(super) fn insert(&self, key: [u8; 32], page: Arc<Page>, keep: Duration) {
        if !keep.is_zero() {
            self.entries.insert(key, Entry { kept: Kept::Page(page), keep });
        }
    }

    /// Counts a page anew that has grown, where it is still the one that is kept.
    pub(super) fn weigh(&self, key: [u8; 32], page: &Arc<Page>, keep: Duration) {
        let is_kept = |entry: &Entry| matches!(&entry.kept, Kept::Page(kept) if Arc::ptr_eq(kept, page));
        self.entries.entry(key).and_compute_with(|entry| match entry {
            Some(entry) if is_kept(entry.value()) => Op::Put(Entry { keep, ..entry.into_value() }),
            _ => Op::Nop,
        });
    }

    pub(super) fn insert_names(&self, key: [u8; 32], names: Arc<[HeaderName]>) {
        self.entries.insert(key, Entry { kept: Kept::Varies(names), keep: NAMES_FOR });
    }

    pub(super) fn contains(&self, key: &[u8; 32]) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn remove(&self, key: &[u8; 32]) {
        self.entries.invalidate(key);
    }

    /// Removes what a purge means and says what stood where.
    pub(super) fn purge(&self, purge: &Purge) -> IndexSet<[u8; 32]> {
        let meant = self.entries.iter().filter(|(_, entry)| match &entry.kept {
            Kept::Page(page) => purge.means(&page.name),
            Kept::Varies(_) => false,
        });
        let meant: IndexSet<_> = meant.map(|(key, _)| *key).collect();
        meant.iter().for_each(|key| self.entries.invalidate(key));
        meant
    }

    /// Bytes and entries, as last counted.
    pub(super) fn used(&self) -> (u64, u64) {
        (self.entries.weighted_size(), self.entries.entry_count())
    }

    #[cfg(test)]
    pub(super) fn settle(&self) {
        self.entries.run_pending_tasks();
    }
}

fn weight(_: &[u8; 32], entry: &Entry) -> u32 {
    let bytes = match &entry.kept {
        Kept::Page(page) => page.weight(),
        Kept::Varies(names) => 256 + names.len() * 64,
    };
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Every entry carries its own time.
struct Keep;

impl Expiry<[u8; 32], Entry> for Keep {
    fn expire_after_create(&self, _: &[u8; 32], entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.keep)
    }

    fn expire_after_update(&self, _: &[u8; 32], entry: &Entry, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(entry.keep)
    }
}
