//! Finished images on disk: bounded, checked when read, found again after a restart however the last run ended.
//!
//! Files are touched on threads that may wait, a bounded number at a time, so that neither requests nor file
//! descriptors pile up behind a slow disk. Whatever the disk does wrong is counted, said once, and costs nothing but
//! the images that it would have saved.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Instant, SystemTime},
};

use parking_lot::Mutex;
use tokio::{runtime::Handle, sync::Semaphore};

use super::{
    Digest, Name, Purge,
    purge::{PurgeError, Recent},
    record,
};
use crate::image::{
    events::{DiskFault, ImageEvents},
    picture::Picture,
};
use crate::shelf::{Folder, Index, seconds};

/// Records read at once, each with a file descriptor.
const READS: usize = 8;
/// Records written at once, likewise.
const WRITES: usize = 2;
/// Records that wait to be written, in memory. What comes while so many wait is not kept: the disk does not keep up.
const WAITING_MAX: usize = 64;
/// Entries that make room at once when the disk has none left before we have reached our own bound.
const MAKE_ROOM: usize = 16;

/// The images on disk.
#[derive(Clone, Debug)]
pub(in crate::image) struct Disk(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    folder: Folder,
    index: Mutex<Index>,
    /// Held by whoever brings the index in line with a file: one at a time, and never by a request, which only asks the
    /// index and must not wait for a disk.
    settling: Mutex<()>,
    /// Whether the index holds what earlier runs left. Until then a record that is not in it may be there all the same.
    complete: AtomicBool,
    bytes_max: u64,
    record_bytes_max: u64,
    reads: Semaphore,
    writes: Semaphore,
    waiting: Arc<Semaphore>,
    runtime: Handle,
    events: Arc<ImageEvents>,
    recent: Arc<Recent>,
    /// The first fault was said.
    said: AtomicBool,
}

/// How full it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUse {
    /// Bytes of blocks.
    pub bytes: u64,
    /// Records.
    pub entries: u64,
}

impl Disk {
    /// Uses the folder `path` for at most `bytes_max`, and looks at what is there behind the scenes. None where the
    /// folder cannot be used: that is said, and the service goes on without.
    ///
    /// Must run inside the runtime that outlives all requests.
    pub(super) fn start(
        path: &Path,
        bytes_max: u64,
        content_bytes_max: usize,
        recent: Arc<Recent>,
        events: Arc<ImageEvents>,
    ) -> Option<Self> {
        let runtime = Handle::try_current().ok()?;
        let folder = Folder::open(path).inspect_err(|error| {
            events.disk_fault(DiskFault::Write);
            tracing::warn!(%error, path = %path.display(), "images are not kept on disk");
        });
        let disk = Self(Arc::new(Shelf {
            folder: folder.ok()?,
            index: Mutex::default(),
            settling: Mutex::default(),
            complete: AtomicBool::new(false),
            bytes_max,
            record_bytes_max: (content_bytes_max + record::FRONT_BYTES_MAX) as u64,
            reads: Semaphore::new(READS),
            writes: Semaphore::new(WRITES),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            runtime,
            events,
            recent,
            said: AtomicBool::new(false),
        }));
        let looking = Arc::clone(&disk.0);
        let spawned = thread::Builder::new().name("image-index".to_owned()).spawn(move || looking.look());
        if let Err(error) = spawned {
            tracing::warn!(%error, "images that were kept on disk are found only when asked for");
        }
        Some(disk)
    }

    /// The picture that is kept under `digest`.
    pub(in crate::image) async fn get(&self, digest: Digest) -> Option<(Picture, Name)> {
        let shelf = Arc::clone(&self.0);
        if !shelf.index.lock().touch(&digest, seconds(SystemTime::now())) && shelf.complete.load(Relaxed) {
            return None;
        }
        let _permit = self.0.reads.acquire().await.ok()?;
        self.0.runtime.spawn_blocking(move || shelf.read(&digest)).await.ok()?
    }

    /// Keeps a picture that was `begun` then under `digest`, behind the scenes.
    pub(in crate::image) fn put(&self, digest: Digest, picture: Arc<Picture>, name: Arc<Name>, begun: Instant) {
        let shelf = Arc::clone(&self.0);
        let Ok(waiting) = Arc::clone(&shelf.waiting).try_acquire_owned() else {
            return shelf.events.disk_fault(DiskFault::Skipped);
        };
        self.0.runtime.spawn(async move {
            let _waiting = waiting;
            let Ok(_permit) = shelf.writes.acquire().await else { return };
            let writing = Arc::clone(&shelf);
            // A panic there is told by the hook; what was to be kept is not.
            let _ = shelf.runtime.spawn_blocking(move || writing.write(&digest, &picture, &name, begun)).await;
        });
    }

    /// Forgets what is kept under `digest`.
    pub(in crate::image) fn remove(&self, digest: Digest) {
        let shelf = Arc::clone(&self.0);
        drop(self.0.runtime.spawn_blocking(move || shelf.remove(&digest)));
    }

    /// Removes what a purge names and says how much that was, and whether it was all. All records are looked at: a purge
    /// is rare, and an index of names would be paid for by every image.
    pub(in crate::image) async fn purge(&self, purge: Arc<Purge>) -> (usize, Result<(), PurgeError>) {
        let shelf = Arc::clone(&self.0);
        // What is being written might be missed.
        let quiet = self.0.writes.acquire_many(u32::try_from(WRITES).unwrap_or(1)).await;
        let purged = self.0.runtime.spawn_blocking(move || shelf.purge(&purge)).await;
        drop(quiet);
        let (images, result) = purged.unwrap_or_else(|broken| (0, Err(io::Error::other(broken))));
        (images, result.map_err(PurgeError::Disk))
    }

    /// How full it is.
    pub(in crate::image) fn used(&self) -> DiskUse {
        let (bytes, entries) = self.0.index.lock().used();
        DiskUse { bytes, entries }
    }

    /// Waits until what was put is written.
    #[cfg(test)]
    pub(in crate::image) async fn settle(&self) {
        let all = self.0.waiting.acquire_many(u32::try_from(WAITING_MAX).expect("few")).await;
        drop(all);
        while !self.0.complete.load(Relaxed) {
            tokio::task::yield_now().await;
        }
    }
}

impl Shelf {
    /// Finds what earlier runs left.
    fn look(&self) {
        let looked = self.folder.walk(|found| {
            // What was written or asked for meanwhile is known better.
            if !self.index.lock().contains(&found.digest) {
                self.settle(&found.digest, found.written);
            }
        });
        if let Err(error) = looked {
            self.fault(DiskFault::Read, &error);
        }
        self.complete.store(true, Relaxed);
        self.make_room(self.bytes_max, usize::MAX);
    }

    fn read(&self, digest: &Digest) -> Option<(Picture, Name)> {
        let record = match self.folder.read(digest, self.record_bytes_max) {
            Ok(Some(record)) => record,
            Ok(None) => {
                self.settle(digest, 0);
                return None;
            }
            Err(error) => {
                self.fault(DiskFault::Read, &error);
                self.remove(digest);
                return None;
            }
        };
        let read = record::read(&record.into(), digest);
        if read.is_none() {
            self.events.disk_fault(DiskFault::Corrupt);
            self.remove(digest);
        } else if !self.index.lock().contains(digest) {
            self.settle(digest, seconds(SystemTime::now()));
        }
        read
    }

    fn write(&self, digest: &Digest, picture: &Picture, name: &Name, begun: Instant) {
        // No purge is under way now, so each either sees this record or is known here.
        if self.recent.forbid_made(name, begun) {
            return;
        }
        let Some(front) = record::front(digest, picture, name) else { return };
        let len = (front.len() + picture.bytes.len()) as u64;
        if len > self.bytes_max.min(self.record_bytes_max) {
            return;
        }
        match self.folder.write(digest, &front, &picture.bytes) {
            Ok(()) => {
                self.settle(digest, seconds(SystemTime::now()));
                self.make_room(self.bytes_max, usize::MAX);
            }
            Err(error) => {
                self.fault(DiskFault::Write, &error);
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
                    // Somebody else needs the space, so we have less than we were given.
                    self.make_room(0, MAKE_ROOM);
                }
            }
        }
    }

    fn remove(&self, digest: &Digest) {
        if let Err(error) = self.try_remove(digest) {
            self.fault(DiskFault::Write, &error);
        }
    }

    fn try_remove(&self, digest: &Digest) -> io::Result<()> {
        let removed = self.folder.remove(digest);
        match removed {
            Ok(()) => self.settle(digest, 0),
            // What cannot be removed is hidden at least.
            Err(_) => self.index.lock().remove(digest),
        }
        removed
    }

    /// Brings the index in line with what is there under `digest`, last used then.
    ///
    /// Called after everything that changes a file or finds one: whoever comes last sees the file as it is, so that no
    /// entry is left of a file that is gone, nor a file that no entry counts.
    fn settle(&self, digest: &Digest, used: u64) {
        let _alone = self.settling.lock();
        match self.folder.len(digest) {
            Ok(Some(len)) => self.index.lock().insert(*digest, len, used),
            Ok(None) => self.index.lock().remove(digest),
            // Nobody can tell; it is found out when it is read.
            Err(_) => {}
        }
    }

    /// Evicts until at most `most` bytes are left, or `at_once` records are gone.
    fn make_room(&self, most: u64, at_once: usize) {
        for _ in 0..at_once {
            let evicted = self.index.lock().evict(most);
            let Some(digest) = evicted else { return };
            self.events.evict_disk();
            self.remove(&digest);
        }
    }

    /// Removes what a purge names. It goes on past what fails, and gives the first failure.
    fn purge(&self, purge: &Purge) -> (usize, io::Result<()>) {
        let mut named = Vec::new();
        let mut result = self.folder.walk(|found| {
            // What cannot be read is no use to anybody.
            if self.name(&found.digest).is_none_or(|name| purge.names(&name)) {
                named.push(found.digest);
            }
        });
        if let Err(error) = &result {
            self.fault(DiskFault::Read, error);
        }
        let mut images = 0;
        for digest in &named {
            match self.try_remove(digest) {
                Ok(()) => images += 1,
                Err(error) => {
                    self.fault(DiskFault::Write, &error);
                    result = result.and(Err(error));
                }
            }
        }
        (images, result)
    }

    /// Whose record it is.
    fn name(&self, digest: &Digest) -> Option<Name> {
        let mut beginning = self.folder.beginning(digest, record::BEGINNING_BYTES).ok()?;
        if let Some(more) = record::more(&beginning) {
            beginning = self.folder.beginning(digest, more).ok()?;
        }
        record::name(&beginning)
    }

    fn fault(&self, fault: DiskFault, error: &io::Error) {
        self.events.disk_fault(fault);
        if !self.said.swap(true, Relaxed) {
            tracing::warn!(%error, "images cannot all be kept on disk; this is said once, and counted from now on");
        }
    }
}

#[cfg(test)]
mod tests;
