//! A file in memory: the only `unsafe` of the data plane outside `child/`.

use std::{fs::File, io, ops::Range, sync::Arc};

use bytes::Bytes;
use memmap2::{Advice, Mmap};

/// Bytes read into memory ahead of the first request: all of most deployments, and not all of the largest.
const READ_AHEAD_BYTES: usize = 64 * 1024 * 1024;

/// A pack file, mapped for reading.
///
/// # Contract
/// While a mapping lives, nobody may write to or truncate the file behind it: a changed byte would change under a
/// `&[u8]`, and a read beyond the new end would raise SIGBUS. Renaming, replacing and unlinking are harmless, because
/// the mapping holds the inode and not the name.
#[derive(Clone, Debug)]
pub(super) struct Mapping(Arc<Mmap>);

impl Mapping {
    /// Maps a whole file. An empty file cannot be mapped.
    #[expect(unsafe_code, reason = "a memory map is unsafe by nature; the argument is with the block")]
    pub(super) fn open(file: &File) -> io::Result<Self> {
        // JUSTIFICATION: the alternatives are a copy of every file in our heap, which restarts and deployments would
        // pay for again and again, or `read` calls on the request path.
        //
        // SAFETY: the contract above holds by how packs come to be. A pack is written under another name, synced, and
        // given its name only when it is complete; no code of ours opens a pack for writing afterwards, and packs are
        // removed by unlinking. The file is ours (0600 in a 0700 directory that one process locks), so only our own
        // user or root could break the contract, and they could as well write to our memory. A pack named by
        // `--pack` is the operator's promise of the same. This reasoning ends where that promise is broken.
        let mapping = unsafe { Mmap::map(file)? };
        // A page that is not in memory yet would hold up every connection of the thread that touches it. That the
        // kernel may decline is no reason not to serve.
        let _ = mapping.advise_range(Advice::WillNeed, 0, mapping.len().min(READ_AHEAD_BYTES));
        Ok(Self(Arc::new(mapping)))
    }

    /// All of it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// A part of it as `Bytes` that keep the mapping alive; empty where the range exceeds the file.
    ///
    /// Each window counts its own clones, so that processors which serve different files share no counter.
    pub(super) fn window(&self, range: Range<usize>) -> Bytes {
        Bytes::from_owner(Window { mapping: self.clone(), range })
    }
}

/// What a window's `Bytes` own.
struct Window {
    mapping: Mapping,
    range: Range<usize>,
}

impl AsRef<[u8]> for Window {
    fn as_ref(&self) -> &[u8] {
        self.mapping.bytes().get(self.range.clone()).unwrap_or_default()
    }
}
