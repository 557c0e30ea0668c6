//! Finished images in memory, bounded by their bytes.

use std::{sync::Arc, time::Duration, time::Instant};

use edgeplane_optimizer::{Edits, Fit, ImageFormat, Order, Position};
use moka::{Expiry, future::Cache as Moka};

use super::{locator::LocalPath, negotiate::Choice, picture::Picture, query::Query, refusal::Refusal};

/// What work on one key comes to.
pub(super) type Outcome = Result<Arc<Picture>, Refusal>;

/// Everything that decides the bytes of an answer, and nothing else: no header, no spelling, no host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The optimizer's version: other code may make other bytes.
    pub(super) version: u32,
    /// Which source.
    pub(super) identity: Identity,
    /// What is done to it.
    pub(super) recipe: Recipe,
}

/// Which source, as precisely as it can be known without fetching it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    /// A file, by its content: it outlives deployments, and two sites may share it.
    Content([u8; 32]),
    /// What a deployment's Compute answers at these places.
    Compute {
        /// The site.
        site: String,
        /// The deployment.
        deployment: String,
        /// The places, in their order.
        places: Vec<LocalPath>,
    },
    /// A URL as the standard writes it.
    Remote {
        /// The site: what one app fetched is no answer for another.
        site: String,
        /// The URL, without fragment.
        url: String,
    },
}

/// What is asked for, normalised. The format is settled once the source is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Recipe {
    pub(super) width: u32,
    pub(super) height: Option<u32>,
    pub(super) fit: Fit,
    pub(super) position: Position,
    pub(super) quality: u8,
    pub(super) keep_p3: bool,
    pub(super) edits: Edits,
    pub(super) choice: Choice,
}

impl Recipe {
    pub(super) fn of(query: &Query, choice: Choice) -> Self {
        let Query { width, height, quality, fit, position, keep_p3, edits, .. } = *query;
        Self { width, height, fit, position, quality, keep_p3, edits, choice }
    }

    /// What the optimizer is asked for, once the format is settled.
    pub(super) fn order(&self, format: ImageFormat) -> Order {
        let Self { width, height, fit, position, quality, keep_p3, edits, .. } = *self;
        Order { width: Some(width), height, fit, position, format, quality, keep_p3, edits }
    }
}

/// A kept outcome and how long it is kept.
#[derive(Clone, Debug)]
struct Entry {
    outcome: Outcome,
    keep: Duration,
}

/// The images of all sites, least useful first to go.
#[derive(Debug)]
pub(super) struct Cache {
    entries: Moka<Key, Entry>,
}

impl Cache {
    /// A cache of at most `bytes`.
    pub(super) fn new(bytes: u64) -> Self {
        let entries = Moka::builder().max_capacity(bytes).weigher(weight).expire_after(Keep).build();
        Self { entries }
    }

    pub(super) async fn get(&self, key: &Key) -> Option<Outcome> {
        self.entries.get(key).await.map(|entry| entry.outcome)
    }

    pub(super) async fn insert(&self, key: Key, outcome: Outcome, keep: Duration) {
        if !keep.is_zero() {
            self.entries.insert(key, Entry { outcome, keep }).await;
        }
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
    u32::try_from(OVERHEAD + source + content).unwrap_or(u32::MAX)
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

#[cfg(test)]
mod tests;
