//! The levels of the cache, asked one after the other: what is nearer is quicker and smaller.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::{
    Disk, DiskUse, Identity, Key, Memory, Name, Purge,
    memory::Entry,
    purge::Recent,
    shared::{ShareError, Shared},
};
use crate::image::{events::ImageEvents, picture::Picture, refusal::Refusal};

/// Where a picture was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::image) enum Level {
    /// In memory.
    Memory,
    /// On disk.
    Disk,
    /// On the shared server.
    Shared,
}

/// The images of all sites.
#[derive(Debug)]
pub(in crate::image) struct Cache {
    memory: Memory,
    disk: Option<Disk>,
    shared: Option<Shared>,
    recent: Arc<Recent>,
    /// How long after its lifetime a picture is still of use.
    stale_max: Duration,
    /// Raised by every purge, for those who keep copies.
    generation: AtomicU64,
}

impl Cache {
    /// `work_max` is the longest that anything may be under way.
    pub(in crate::image) fn new(memory: Memory, stale_max: Duration, work_max: Duration) -> Self {
        let recent = Arc::new(Recent::new(work_max));
        Self { memory, disk: None, shared: None, recent, stale_max, generation: AtomicU64::new(0) }
    }

    /// Keeps images on disk, too.
    pub(in crate::image) fn with_disk(
        mut self,
        path: &Path,
        bytes_max: u64,
        content_bytes_max: usize,
        events: &Arc<ImageEvents>,
    ) -> Self {
        if bytes_max > 0 {
            self.disk = Disk::start(path, bytes_max, content_bytes_max, Arc::clone(&self.recent), Arc::clone(events));
        }
        self
    }

    /// Shares images with others, through the server at `url` and with the secret in `key_file`.
    ///
    /// # Errors
    /// When address or secret are not what they should be. Whether the server is there is not asked.
    pub(in crate::image) fn with_shared(
        mut self,
        url: &str,
        key_file: &Path,
        timeout: Duration,
        content_bytes_max: usize,
        events: &Arc<ImageEvents>,
    ) -> Result<Self, ShareError> {
        let (recent, events) = (Arc::clone(&self.recent), Arc::clone(events));
        self.shared = Some(Shared::new(url, key_file, timeout, content_bytes_max, recent, events)?);
        Ok(self)
    }

    /// What is in memory, which takes no time.
    pub(in crate::image) async fn at_hand(&self, key: &Key) -> Option<Entry> {
        self.memory.get(key).await
    }

    /// Looks where it takes time, and brings what is found nearer.
    pub(in crate::image) async fn find(&self, key: &Key, begun: Instant) -> Option<(Arc<Picture>, Level)> {
        let digest = key.digest();
        if let Some(disk) = &self.disk
            && let Some((picture, name)) = disk.get(digest).await
        {
            if self.left(&picture).is_zero() {
                disk.remove(digest);
            } else if !self.recent.forbid(&name, begun) {
                let (picture, name) = (Arc::new(picture), Arc::new(name));
                self.hold(key, Arc::clone(&picture), name, None).await;
                return Some((picture, Level::Disk));
            }
        }
        let shared = self.shared.as_ref().filter(|_| is_shared(key))?;
        let (picture, name) = shared.get(&digest).await?;
        if self.left(&picture).is_zero() || self.recent.forbid(&name, begun) {
            return None;
        }
        let (picture, name) = (Arc::new(picture), Arc::new(name));
        self.hold(key, Arc::clone(&picture), Arc::clone(&name), None).await;
        if let Some(disk) = &self.disk {
            disk.put(digest, Arc::clone(&picture), name, begun);
        }
        Some((picture, Level::Shared))
    }

    /// For how long a picture is still of use.
    fn left(&self, picture: &Picture) -> Duration {
        picture.freshness.ttl.saturating_add(self.stale_max).saturating_sub(picture.age())
    }

    /// Keeps a picture that was `begun` then, unless it was purged meanwhile.
    pub(in crate::image) async fn keep(&self, key: &Key, picture: &Arc<Picture>, name: &Arc<Name>, begun: Instant) {
        if self.recent.forbid(name, begun) {
            return;
        }
        self.hold(key, Arc::clone(picture), Arc::clone(name), None).await;
        if let Some(disk) = &self.disk {
            disk.put(key.digest(), Arc::clone(picture), Arc::clone(name), begun);
        }
        if let Some(shared) = self.shared.as_ref().filter(|_| is_shared(key)) {
            shared.put(key.digest(), Arc::clone(picture), Arc::clone(name), self.left(picture), begun);
        }
    }

    /// Remembers for `ttl` that there is no picture.
    pub(in crate::image) async fn keep_refusal(&self, key: &Key, refusal: Refusal, name: &Arc<Name>, ttl: Duration) {
        self.memory.insert(key.clone(), Err(refusal), Arc::clone(name), ttl, None).await;
    }

    /// Leaves the source of a picture alone for so long, because it does not answer.
    pub(in crate::image) async fn rest(&self, key: &Key, picture: &Arc<Picture>, name: &Arc<Name>, rest: Duration) {
        self.hold(key, Arc::clone(picture), Arc::clone(name), Some(rest)).await;
    }

    async fn hold(&self, key: &Key, picture: Arc<Picture>, name: Arc<Name>, rest: Option<Duration>) {
        let keep = self.left(&picture);
        self.memory.insert(key.clone(), Ok(picture), name, keep, rest).await;
    }

    /// Forgets a picture.
    pub(in crate::image) async fn forget(&self, key: &Key) {
        self.memory.remove(key).await;
        if let Some(disk) = &self.disk {
            disk.remove(key.digest());
        }
        if let Some(shared) = self.shared.as_ref().filter(|_| is_shared(key)) {
            shared.remove(&key.digest());
        }
    }

    /// Forgets what a purge names, also what is still being made, and says how many images that were.
    pub(in crate::image) async fn purge(&self, purge: Purge) -> u64 {
        self.recent.note(&purge);
        self.generation.fetch_add(1, Relaxed);
        let in_memory = self.memory.purge(&purge).await;
        let on_disk = match &self.disk {
            Some(disk) => disk.purge(purge.clone()).await,
            None => 0,
        };
        let shared = match &self.shared {
            Some(shared) => shared.purge(&purge).await,
            None => 0,
        };
        // Most are in all of them.
        in_memory.max(on_disk).max(shared) as u64
    }

    /// Raised by every purge.
    pub(in crate::image) fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    /// Bytes and entries in memory, and what the disk holds.
    pub(in crate::image) fn used(&self) -> ((u64, u64), DiskUse) {
        (self.memory.used(), self.disk.as_ref().map(Disk::used).unwrap_or_default())
    }

    /// Waits until what was kept is written.
    #[cfg(test)]
    pub(in crate::image) async fn settle(&self) {
        if let Some(disk) = &self.disk {
            disk.settle().await;
        }
    }
}

/// What Compute answers belongs to one start of one deployment, which no other node has.
fn is_shared(key: &Key) -> bool {
    !matches!(key.identity, Identity::Compute { .. })
}
