//! Which records are on disk, how large they are and when they were last asked for. All of it can be found again by
//! looking at the files, so none of it is written.

use indexmap::IndexMap;

use super::Digest;

/// What a file costs beside its content at least: space is handed out in blocks.
const BLOCK_BYTES: u64 = 4096;
/// Entries looked at to find one to evict: the least recently used of these is about that of all.
const SAMPLE: usize = 12;

#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: IndexMap<Digest, Slot>,
    bytes: u64,
    /// Where the last sample was taken.
    at: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    bytes: u64,
    /// In seconds since 1970: the file's own time at first, and then when it was asked for.
    used: u64,
}

impl Index {
    /// Adds a file, or counts it anew.
    pub(crate) fn insert(&mut self, digest: Digest, len: u64, used: u64) {
        let bytes = len.div_ceil(BLOCK_BYTES).max(1) * BLOCK_BYTES;
        let before = self.entries.insert(digest, Slot { bytes, used });
        self.bytes = self.bytes.saturating_sub(before.map_or(0, |slot| slot.bytes)).saturating_add(bytes);
    }

    /// Whether it is there; it counts as used.
    pub(crate) fn touch(&mut self, digest: &Digest, now: u64) -> bool {
        let slot = self.entries.get_mut(digest);
        slot.map(|slot| slot.used = now).is_some()
    }

    pub(crate) fn contains(&self, digest: &Digest) -> bool {
        self.entries.contains_key(digest)
    }

    pub(crate) fn remove(&mut self, digest: &Digest) {
        if let Some(slot) = self.entries.swap_remove(digest) {
            self.bytes = self.bytes.saturating_sub(slot.bytes);
        }
    }

    /// Takes one out that was not used lately, if the files have more than `most` bytes.
    pub(crate) fn evict(&mut self, most: u64) -> Option<Digest> {
        if self.bytes <= most {
            return None;
        }
        let count = self.entries.len() as u64;
        let sample = (0..SAMPLE).filter_map(|_| {
            // A walk in steps of a large odd number visits all places before it repeats itself.
            self.at = self.at.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let place = usize::try_from(self.at % count.max(1)).ok()?;
            self.entries.get_index(place).map(|(digest, slot)| (slot.used, *digest))
        });
        let (_, oldest) = sample.min_by_key(|(used, _)| *used)?;
        self.remove(&oldest);
        Some(oldest)
    }

    /// Bytes and entries.
    pub(crate) fn used(&self) -> (u64, u64) {
        (self.bytes, self.entries.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u32) -> Digest {
        Digest(*blake3::hash(&number.to_le_bytes()).as_bytes())
    }

    #[test]
    fn bytes_are_counted_in_blocks_and_once() {
        let mut index = Index::default();
        for len in [1, 4096, 4097, 0] {
            index.insert(digest(1), len, 0);
            assert_eq!(index.used(), (len.div_ceil(4096).max(1) * 4096, 1), "{len}");
        }
        index.remove(&digest(2));
        index.remove(&digest(1));
        assert_eq!(index.used(), (0, 0));
    }

    #[test]
    fn what_was_asked_for_lately_stays() {
        let mut index = Index::default();
        for number in 0..1000 {
            index.insert(digest(number), 4096, 1);
        }
        for number in 0..100 {
            assert!(index.touch(&digest(number), 2));
        }
        let mut evicted = 0;
        while index.evict(500 * 4096).is_some() {
            evicted += 1;
        }
        assert_eq!((evicted, index.used()), (500, (500 * 4096, 500)));
        let kept = (0..100).filter(|number| index.contains(&digest(*number))).count();
        assert!(kept >= 95, "{kept} of 100");
    }
}
