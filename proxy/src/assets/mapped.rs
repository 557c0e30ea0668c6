//! A file in memory: the only `unsafe` of the data plane outside `child/`.

use std::{fs::File, io, ops::Range, sync::Arc, time::Instant};

use memmap2::{Advice, Mmap};

/// Bytes read into memory ahead of the first request: all of most deployments, and not all of the largest.
const READ_AHEAD_BYTES: usize = 64 * 1024 * 1024;

/// Pages asked about at once: a mebibyte of the usual ones, so that most questions are one.
const PAGES_ASKED: usize = 257;

/// A pack file, open and mapped for reading.
///
/// # Contract
/// While a mapping lives, nobody may write to or truncate the file behind it: a changed byte would change under a
/// `&[u8]`, and a read beyond the new end would raise SIGBUS. Renaming, replacing and unlinking are harmless, because
/// the mapping holds the inode and not the name.
#[derive(Clone, Debug)]
pub(super) struct Mapping(Arc<Mapped>);

#[derive(Debug)]
struct Mapped {
    bytes: Mmap,
    file: File,
    opened: Instant,
}

impl Mapping {
    /// Maps a whole file. An empty file cannot be mapped.
    #[expect(unsafe_code, reason = "a memory map is unsafe by nature; the argument is with the block")]
    pub(super) fn open(file: File) -> io::Result<Self> {
        // JUSTIFICATION: the alternatives are a copy of every file in our heap, which restarts and deployments would
        // pay for again and again, or `read` calls on the request path.
        //
        // SAFETY: the contract above holds by how packs come to be. A pack is written under another name, synced, and
        // given its name only when it is complete; no code of ours opens a pack for writing afterwards, and packs are
        // removed by unlinking. The file is ours (0600 in a 0700 directory that one process locks), so only our own
        // user or root could break the contract, and they could as well write to our memory. A pack named by
        // `--pack` is the operator's promise of the same. This reasoning ends where that promise is broken.
        let bytes = unsafe { Mmap::map(&file)? };
        // A page that is not in memory yet would hold up every connection of the thread that touches it. That the
        // kernel may decline is no reason not to serve.
        let _ = bytes.advise_range(Advice::WillNeed, 0, bytes.len().min(READ_AHEAD_BYTES));
        Ok(Self(Arc::new(Mapped { bytes, file, opened: Instant::now() })))
    }

    /// All of it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Whether every page of a range, which must lie in the file, is in memory.
    ///
    /// The kernel tells this only to those who may write to the file, and tells everybody else that all of it is: then
    /// the answer is always yes.
    #[expect(unsafe_code, reason = "no safe interface asks this; the argument is with the block")]
    pub(super) fn is_resident(&self, range: Range<usize>) -> bool {
        let page = rustix::param::page_size();
        let mut pages = [0; PAGES_ASKED];
        let mut start = range.start - range.start % page;
        while start < range.end {
            let Some(asked) = self.bytes().get(start..range.end.min(start + PAGES_ASKED * page)) else { return false };
            // JUSTIFICATION: the alternatives are to read the file on every request, or to be held up by the disk.
            //
            // SAFETY: `mincore` reads no memory of ours and writes one byte for each page of `asked`. `asked` lies in
            // the mapping, which `self` keeps, and begins with a page, because the mapping does and `start` is a
            // multiple of the page size. It has at most as many pages as `pages` has bytes.
            let told = unsafe { libc::mincore(asked.as_ptr().cast_mut().cast(), asked.len(), pages.as_mut_ptr()) };
            if told != 0 || pages[..asked.len().div_ceil(page)].iter().any(|page| page & 1 == 0) {
                return false;
            }
            start += asked.len();
        }
        true
    }

    /// Seconds since it was opened, beginning with 1.
    pub(super) fn seconds(&self) -> u32 {
        u32::try_from(self.0.opened.elapsed().as_secs()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The file behind it.
    pub(super) fn file(&self) -> &File {
        &self.0.file
    }
}
