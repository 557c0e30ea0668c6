//! The levels of the cache, asked one after the other: what is nearer is quicker and smaller.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Release},
        },
    },
    time::{Duration, Instant},
};

use tokio::sync::RwLock;

use super::{
    Disk, DiskUse, Identity, Key, Memory, Name, Outcome, Purge, Purged,
    memory::Entry,
    purge::{PurgeError, Recent},
    shared::{ShareError, Shared},
};
use crate::image::{
    events::{ImageEvents, LEVELS},
    picture::Picture,
    refusal::Refusal,
};

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

impl Level {
    /// Its name, as metrics tell it.
    pub(in crate::image) fn as_str(self) -> &'static str {
        LEVELS[self as usize + 1]
    }
}

/// The images of all sites.
#[derive(Debug)]
pub(in crate::image) struct Cache {
    memory: Memory,
    disk: Option<Disk>,
    /// There is to be a disk, and its folder could not be used.
    no_disk: bool,
    shared: Option<Shared>,
    recent: Arc<Recent>,
    /// Closed while a purge is noted: whatever is put into memory is put there before that, and is searched, or after it,
    /// and knows of it.
    gate: RwLock<()>,
    /// How long after its lifetime a picture is still of use.
    stale_max: Duration,
    /// Raised by every purge, for those who keep copies and for work that others may join.
    generation: AtomicU64,
}

impl Cache {
    /// `work_max` is the longest that anything may be under way.
    pub(in crate::image) fn new(memory: Memory, stale_max: Duration, work_max: Duration) -> Self {
        let recent = Arc::new(Recent::new(work_max));
        let (gate, generation) = (RwLock::default(), AtomicU64::new(0));
        Self { memory, disk: None, no_disk: false, shared: None, recent, gate, stale_max, generation }
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
            self.no_disk = self.disk.is_none();
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
            } else if !self.recent.forbid_found(&name, begun) {
                let (picture, name) = (Arc::new(picture), Arc::new(name));
                self.hold(key, Ok(Arc::clone(&picture)), &name, None, begun).await;
                return Some((picture, Level::Disk));
            }
        }
        let shared = self.shared.as_ref().filter(|_| is_shared(key))?;
        let (picture, name) = shared.get(&digest).await?;
        if self.left(&picture).is_zero() || self.recent.forbid_found(&name, begun) {
            return None;
        }
        let (picture, name) = (Arc::new(picture), Arc::new(name));
        self.hold(key, Ok(Arc::clone(&picture)), &name, None, begun).await;
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
        self.hold(key, Ok(Arc::clone(picture)), name, None, begun).await;
        if let Some(disk) = &self.disk {
            disk.put(key.digest(), Arc::clone(picture), Arc::clone(name), begun);
        }
        if let Some(shared) = self.shared.as_ref().filter(|_| is_shared(key)) {
            shared.put(key.digest(), Arc::clone(picture), Arc::clone(name), self.left(picture), begun);
        }
    }

    /// Keeps for longer what was found from `looked` on and is still right, unless it was purged meanwhile.
    pub(in crate::image) async fn extend(&self, key: &Key, picture: &Arc<Picture>, name: &Arc<Name>, looked: Instant) {
        if !self.recent.forbid_found(name, looked) {
            self.keep(key, picture, name, looked).await;
        }
    }

    /// Remembers for `ttl` that there is no picture, as was found out from `begun` on.
    pub(in crate::image) async fn keep_refusal(
        &self,
        key: &Key,
        refusal: Refusal,
        name: &Arc<Name>,
        ttl: Duration,
        begun: Instant,
    ) {
        self.hold(key, Err(refusal), name, Some(ttl), begun).await;
    }

    /// Leaves the source of a picture that was found from `looked` on alone for so long, because it does not answer.
    pub(in crate::image) async fn rest(
        &self,
        key: &Key,
        picture: &Arc<Picture>,
        name: &Arc<Name>,
        rest: Duration,
        looked: Instant,
    ) {
        if !self.recent.forbid_found(name, looked) {
            self.hold(key, Ok(Arc::clone(picture)), name, Some(rest), looked).await;
        }
    }

    /// Keeps in memory what was `begun` then, unless it was purged meanwhile. A refusal is kept for `rest`, and a picture's
    /// source is left alone for that time.
    async fn hold(&self, key: &Key, outcome: Outcome, name: &Arc<Name>, rest: Option<Duration>, begun: Instant) {
        let keep = match &outcome {
            Ok(picture) => self.left(picture),
            Err(_) => rest.unwrap_or_default(),
        };
        let _open = self.gate.read().await;
        if !self.recent.forbid_made(name, begun) {
            self.memory.insert(key.clone(), outcome, Arc::clone(name), keep, rest).await;
        }
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

    /// Forgets what a purge names, also what is still being made, and says how many images that were and where some may
    /// be left.
    pub(in crate::image) async fn purge(&self, purge: Purge) -> Purged {
        // From here on nobody joins work that began before. Raised first: work that began under the new number may be
        // taken for older than the purge, and not the other way round.
        self.generation.fetch_add(1, Release);
        let under_way = {
            let _closed = self.gate.write().await;
            self.recent.begin(purge)
        };
        let purge = under_way.purge();
        let mut purged = Purged::default();
        purged.add((self.memory.purge(purge).await, Ok(())));
        // Whoever was given a picture out of memory meanwhile keeps no copy of it.
        self.generation.fetch_add(1, Release);
        if let Some(disk) = &self.disk {
            purged.add(disk.purge(Arc::clone(purge)).await);
        }
        if self.no_disk {
            purged.add((0, Err(PurgeError::NoDisk)));
        }
        if let Some(shared) = &self.shared {
            purged.add(shared.purge(purge).await);
        }
        purged
    }

    /// Raised by every purge, when it begins and when nothing that it names is in memory any more.
    pub(in crate::image) fn generation(&self) -> u64 {
        self.generation.load(Acquire)
    }

    /// Bytes and entries in memory, and what the disk holds.
    pub(in crate::image) fn used(&self) -> ((u64, u64), DiskUse) {
        (self.memory.used(), self.disk.as_ref().map(Disk::used).unwrap_or_default())
    }

    /// A purge that has not come to any level yet.
    #[cfg(test)]
    pub(super) fn hold_purge(&self, purge: Purge) -> super::purge::UnderWay<'_> {
        self.recent.begin(purge)
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
