//! Finished images in memory, bounded by their bytes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use moka::{Expiry, future::Cache as Moka};

use super::{Identity, Key, Name, Outcome, Purge};
use crate::image::events::ImageEvents;

/// A kept outcome and how long it is kept.
#[derive(Clone, Debug)]
pub(in crate::image) struct Entry {
    pub(in crate::image) outcome: Outcome,
    pub(in crate::image) name: Arc<Name>,
    /// Until then nobody is asked whether it has changed: the last one who was did not answer.
    pub(in crate::image) rest: Option<Instant>,
    keep: Duration,
}

/// The images of all sites, least useful first to go.
#[derive(Debug)]
pub(in crate::image) struct Memory {
    entries: Moka<Key, Entry>,
}

impl Memory {
    /// At most `bytes`.
    pub(in crate::image) fn new(bytes: u64, events: Arc<ImageEvents>) -> Self {
        let evicted = move |_, _: Entry, cause: moka::notification::RemovalCause| {
            if cause == moka::notification::RemovalCause::Size {
                events.evict_memory();
            }
        };
        let entries =
            Moka::builder().max_capacity(bytes).weigher(weight).expire_after(Keep).eviction_listener(evicted).build();
        Self { entries }
    }

    pub(in crate::image) async fn get(&self, key: &Key) -> Option<Entry> {
        self.entries.get(key).await
    }

    /// Keeps an outcome for so long; with `rest`, its source is left alone for that time.
    pub(in crate::image) async fn insert(
        &self,
        key: Key,
        outcome: Outcome,
        name: Arc<Name>,
        keep: Duration,
        rest: Option<Duration>,
    ) {
        if !keep.is_zero() {
            let rest = rest.map(|rest| Instant::now() + rest);
            self.entries.insert(key, Entry { outcome, name, rest, keep }).await;
        }
    }

    pub(in crate::image) async fn remove(&self, key: &Key) {
        self.entries.invalidate(key).await;
    }

    /// Removes what a purge names and says how much that was.
    pub(super) async fn purge(&self, purge: &Purge) -> usize {
        let named = self.entries.iter().filter(|(_, entry)| purge.names(&entry.name));
        let named: Vec<_> = named.map(|(key, _)| key).collect();
        for key in &named {
            self.entries.invalidate(key.as_ref()).await;
        }
        named.len()
    }

    /// Bytes and entries, as last counted.
    pub(in crate::image) fn used(&self) -> (u64, u64) {
        (self.entries.weighted_size(), self.entries.entry_count())
    }

    #[cfg(test)]
    pub(super) async fn weighed(&self) -> u64 {
        self.entries.run_pending_tasks().await;
        self.entries.weighted_size()
    }
}

/// Bytes of content, and a round number for the key and the bookkeeping, so that small entries count as well.
fn weight(key: &Key, entry: &Entry) -> u32 {
    const OVERHEAD: usize = 512;
    let source = match &key.identity {
        Identity::Content(_) => 0,
        Identity::Compute { site, deployment, places } => {
            let places: usize =
                places.iter().map(|place| place.path.len() + place.query.as_ref().map_or(0, String::len)).sum();
            site.len() + deployment.len() + places
        }
        Identity::Remote { site, url } => site.len() + url.len(),
    };
    let content = entry.outcome.as_ref().map_or(0, |picture| picture.bytes.len());
    let name = entry.name.site.len() + entry.name.url.len();
    u32::try_from(OVERHEAD + source + name + content).unwrap_or(u32::MAX)
}

/// Every entry carries its own time.
struct Keep;

impl Expiry<Key, Entry> for Keep {
    fn expire_after_create(&self, _: &Key, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.keep)
    }

    fn expire_after_update(&self, _: &Key, entry: &Entry, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(entry.keep)
    }
}
