//! Hot: the bytes of one file of a pack, in memory and on disk: what an answer sends.

use std::{
    fs::File,
    io,
    num::NonZeroU64,
    ops::Range,
    os::unix::fs::FileExt as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use rustix::fs::Advice;

use super::mapped::Mapping;

/// Bytes looked for in memory and read from the disk together: large enough that a disk reads them nearly as fast as
/// it can, small enough that a client waits for the first ones no longer than a moment.
const WINDOW_BYTES: usize = 1024 * 1024;

/// Bytes read at once where only their being in memory matters.
const SCRATCH_BYTES: usize = 64 * 1024;

/// A file of the pack, or a part of one. The pack stays open and mapped as long as any content of it is held.
#[derive(Clone, Debug)]
pub struct Content {
    whole: Arc<Whole>,
    /// Within the pack.
    range: Range<usize>,
}

/// What the parts of one file share. Being the file's own, it gives processors that serve different files no counter
/// to share.
#[derive(Debug)]
struct Whole {
    mapping: Mapping,
    /// Within the pack.
    range: Range<usize>,
    /// When each window was last seen in memory, in seconds since the pack was opened, and never 0 then.
    ///
    /// Asking the kernel about a window costs 15 us, a twelfth of sending it. What was in memory a second ago and is
    /// asked for all the time is in memory now.
    seen: Box<[AtomicU32]>,
}

impl Content {
    /// The bytes of a pack in a range, which is cut to the pack.
    pub(super) fn new(mapping: &Mapping, range: Range<usize>) -> Self {
        let end = range.end.min(mapping.bytes().len());
        let range = range.start.min(end)..end;
        let seen = (0..range.len().div_ceil(WINDOW_BYTES)).map(|_| AtomicU32::new(0)).collect();
        Self { whole: Arc::new(Whole { mapping: mapping.clone(), range: range.clone(), seen }), range }
    }

    /// All of it. A page that is not in memory holds up the thread that touches it.
    pub fn bytes(&self) -> &[u8] {
        self.whole.mapping.bytes().get(self.range.clone()).unwrap_or_default()
    }

    /// Bytes in it.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// Bytes in the whole file that it is, or is a part of.
    pub fn file_len(&self) -> usize {
        self.whole.range.len()
    }

    /// A part of it, without copying; cut to what there is.
    pub fn slice(&self, range: Range<usize>) -> Self {
        Self { whole: Arc::clone(&self.whole), range: self.within(range) }
    }

    /// The file it is in, beginning at [`offset`](Self::offset).
    pub fn file(&self) -> &File {
        self.whole.mapping.file()
    }

    /// Where it begins in the [`file`](Self::file).
    pub fn offset(&self) -> u64 {
        self.range.start as u64
    }

    /// From a position to the end of the window it is in: what [`is_resident`](Self::is_resident) and
    /// [`load`](Self::load) are best asked for. Empty at the end of the content.
    pub fn window(&self, at: usize) -> Range<usize> {
        let position = self.within(at..at).start - self.whole.range.start;
        let end = (position / WINDOW_BYTES + 1).saturating_mul(WINDOW_BYTES);
        at.min(self.len())..self.len().min(at.saturating_add(end - position))
    }

    /// Whether a part of it can be sent without waiting for the disk; what was seen in memory within this second is
    /// not looked for again.
    ///
    /// Always yes where the kernel does not tell: for a pack that belongs to somebody else and that we may not write
    /// to, as one in the image of a container may be. Then sending it can wait for the disk, as it would without this.
    pub fn is_resident(&self, range: Range<usize>) -> bool {
        let range = self.within(range);
        let Whole { mapping, range: whole, seen } = &*self.whole;
        let now = mapping.seconds();
        let mut at = range.start;
        while at < range.end {
            let n_window = (at - whole.start) / WINDOW_BYTES;
            let start = whole.start + n_window * WINDOW_BYTES;
            let window = start..whole.end.min(start + WINDOW_BYTES);
            let asked = at..range.end.min(window.end);
            at = asked.end;
            if seen[n_window].load(Relaxed) == now {
                continue;
            }
            if !mapping.is_resident(asked.clone()) {
                return false;
            }
            if asked == window {
                seen[n_window].store(now, Relaxed);
            }
        }
        true
    }

    /// Brings a part of it from the disk into memory, and blocks for as long as that takes.
    ///
    /// It is read and not touched in the mapping: a file that somebody truncated is an error then and no SIGBUS, and
    /// what is only passed on to a socket does not count as memory of ours.
    ///
    /// # Errors
    /// What the disk says, and `UnexpectedEof` for a file that was truncated.
    pub fn load(&self, range: Range<usize>) -> io::Result<()> {
        let range = self.within(range);
        let (mut at, end) = (range.start as u64, range.end as u64);
        let Some(len) = NonZeroU64::new(end - at) else { return Ok(()) };
        // One order to the disk instead of many small ones; without it the reads below do the same more slowly.
        let _ = rustix::fs::fadvise(self.file(), at, Some(len), Advice::WillNeed);
        let mut scratch = vec![0; range.len().min(SCRATCH_BYTES)];
        while at < end {
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(scratch.len());
            match self.file().read_at(&mut scratch[..wanted], at)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => at += n as u64,
            }
        }
        Ok(())
    }

    /// A range of this content as a range of the pack.
    fn within(&self, range: Range<usize>) -> Range<usize> {
        let at = |position: usize| self.range.start.saturating_add(position).min(self.range.end);
        at(range.start.min(range.end))..at(range.end)
    }
}

impl AsRef<[u8]> for Content {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}
