//! Pages on disk: what memory has no room for any more, within a bound of its own.
//!
//! It is the cellar of one run: what an unsafe request made invalid is remembered as long as the process lives, and so is
//! what is kept here. A start throws away what another run has left.

use std::{
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::SystemTime,
};

use indexmap::IndexSet;
use parking_lot::Mutex;
use tokio::{runtime::Handle, sync::Semaphore};

use super::{
    events::{DiskFault, EdgeEvents},
    memory::Kept,
    purge::Purge,
    record,
};
use crate::shelf::{Digest, Folder, Index, seconds};

/// Records read at once, each with a file descriptor.
const READS: usize = 8;
/// Records written at once, likewise.
const WRITES: usize = 2;
/// Records that wait to be written, in memory. What comes while so many wait is not kept: the disk does not keep up.
const WAITING_MAX: usize = 64;

/// The pages on disk.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Cellar>);

#[derive(Debug)]
struct Cellar {
    folder: Folder,
    index: Mutex<Index>,
    bytes_max: u64,
    record_bytes_max: u64,
    reads: Semaphore,
    writes: Semaphore,
    waiting: Arc<Semaphore>,
    runtime: Handle,
    events: Arc<EdgeEvents>,
    /// The first fault was said.
    said: AtomicBool,
}

impl Disk {
    /// Uses the folder `path` for at most `bytes_max`. None where it cannot be used: that is said, and the service goes on
    /// without.
    ///
    /// Must run inside the runtime that outlives all requests.
    pub(super) fn start(path: &Path, bytes_max: u64, content_max: usize, events: Arc<EdgeEvents>) -> Option<Self> {
        let runtime = Handle::try_current().ok()?;
        let folder = emptied(path).and_then(|()| Folder::open(path)).inspect_err(|error| {
            events.disk_fault(DiskFault::Write);
            tracing::warn!(%error, path = %path.display(), "pages are not kept on disk");
        });
        Some(Self(Arc::new(Cellar {
            folder: folder.ok()?,
            index: Mutex::default(),
            bytes_max,
            record_bytes_max: (content_max + record::FRONT_BYTES_MAX) as u64,
            reads: Semaphore::new(READS),
            writes: Semaphore::new(WRITES),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            runtime,
            events,
            said: AtomicBool::new(false),
        })))
    }

    /// What is kept under a key; nothing is waited for where there is nothing.
    pub(super) async fn get(&self, key: [u8; 32]) -> Option<Kept> {
        let cellar = Arc::clone(&self.0);
        if !cellar.index.lock().touch(&Digest(key), seconds(SystemTime::now())) {
            return None;
        }
        let _permit = self.0.reads.acquire().await.ok()?;
        self.0.runtime.spawn_blocking(move || cellar.read(&Digest(key))).await.ok()?
    }

    /// Keeps something, behind the scenes, unless `wanted` says by then that nobody wants it any more.
    pub(super) fn put(&self, key: [u8; 32], kept: Kept, wanted: impl Fn() -> bool + Send + 'static) {
        let cellar = Arc::clone(&self.0);
        let Ok(waiting) = Arc::clone(&cellar.waiting).try_acquire_owned() else {
            return cellar.events.disk_fault(DiskFault::Skipped);
        };
        self.0.runtime.spawn(async move {
            let _waiting = waiting;
            let Ok(_permit) = cellar.writes.acquire().await else { return };
            let writing = Arc::clone(&cellar);
            let write = move || {
                // No purge is under way now, so each either sees this record or is known here.
                if wanted() {
                    writing.write(&Digest(key), &kept);
                }
                // What came meanwhile did not see it; what comes from now on does.
                if !wanted() {
                    writing.remove(&Digest(key));
                }
            };
            // A panic there is told by the hook; what was to be kept is not.
            let _ = cellar.runtime.spawn_blocking(write).await;
        });
    }

    /// Forgets what is kept under a key.
    pub(super) fn remove(&self, key: [u8; 32]) {
        if self.0.index.lock().contains(&Digest(key)) {
            let cellar = Arc::clone(&self.0);
            // At once for those who ask, and then the file.
            cellar.index.lock().remove(&Digest(key));
            drop(self.0.runtime.spawn_blocking(move || cellar.remove(&Digest(key))));
        }
    }

    /// Removes what a purge means and says how much of that was not `known`. All records are looked at: a purge is rare, and an index of
    /// names would be paid for by every page.
    ///
    /// # Errors
    /// When some may be left.
    pub(super) async fn purge(&self, purge: Purge, known: IndexSet<[u8; 32]>) -> (u64, io::Result<()>) {
        let cellar = Arc::clone(&self.0);
        // What is being written might be missed.
        let quiet = self.0.writes.acquire_many(u32::try_from(WRITES).unwrap_or(1)).await;
        let purged = self.0.runtime.spawn_blocking(move || cellar.purge(&purge, &known)).await;
        drop(quiet);
        purged.unwrap_or_else(|broken| (0, Err(io::Error::other(broken))))
    }

    /// Bytes of blocks, and records.
    pub(super) fn used(&self) -> (u64, u64) {
        self.0.index.lock().used()
    }

    /// Waits until what was put is written.
    #[cfg(test)]
    pub(super) async fn settle(&self) {
        drop(self.0.waiting.acquire_many(u32::try_from(WAITING_MAX).expect("few")).await);
    }
}

impl Cellar {
    fn read(&self, digest: &Digest) -> Option<Kept> {
        let read = match self.folder.read(digest, self.record_bytes_max) {
            Ok(Some(bytes)) => {
                let read = record::read(&bytes.into(), &digest.0);
                if read.is_none() {
                    self.events.disk_fault(DiskFault::Corrupt);
                }
                read
            }
            Ok(None) => None,
            Err(error) => {
                self.fault(DiskFault::Read, &error);
                None
            }
        };
        if read.is_none() {
            self.remove(digest);
        }
        read
    }

    fn write(&self, digest: &Digest, kept: &Kept) {
        let Some(front) = record::front(&digest.0, kept) else { return };
        let content = if let Kept::Page(page) = kept { &page.content()[..] } else { &[] };
        let len = (front.len() + content.len()) as u64;
        if len > self.bytes_max.min(self.record_bytes_max) {
            return;
        }
        match self.folder.write(digest, &front, content) {
            Ok(_) => {
                self.index.lock().insert(*digest, len, seconds(SystemTime::now()));
                while let Some(digest) = self.evicted() {
                    self.events.evicted(1);
                    self.remove(&digest);
                }
            }
            Err(error) => self.fault(DiskFault::Write, &error),
        }
    }

    fn evicted(&self) -> Option<Digest> {
        self.index.lock().evict(self.bytes_max)
    }

    fn remove(&self, digest: &Digest) {
        self.index.lock().remove(digest);
        if let Err(error) = self.folder.remove(digest) {
            self.fault(DiskFault::Write, &error);
        }
    }

    fn purge(&self, purge: &Purge, known: &IndexSet<[u8; 32]>) -> (u64, io::Result<()>) {
        let mut meant = Vec::new();
        let mut result = self.folder.walk(|found| {
            // What cannot be read is no use to anybody; names of fields are no page's.
            let beginning = self.folder.beginning(&found.digest, record::FRONT_BYTES_MAX).unwrap_or_default();
            let name = record::name(&beginning);
            if name.as_ref().is_none_or(|name| purge.means(name)) {
                meant.push((found.digest, name.is_some() && !known.contains(&found.digest.0)));
            }
        });
        let mut count = 0;
        for (digest, counts) in &meant {
            self.index.lock().remove(digest);
            match self.folder.remove(digest) {
                Ok(()) => count += u64::from(*counts),
                Err(error) => {
                    self.fault(DiskFault::Write, &error);
                    result = result.and(Err(error));
                }
            }
        }
        (count, result)
    }

    fn fault(&self, fault: DiskFault, error: &io::Error) {
        self.events.disk_fault(fault);
        if !self.said.swap(true, Relaxed) {
            tracing::warn!(%error, "pages cannot all be kept on disk; this is said once, and counted from now on");
        }
    }
}

fn emptied(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
