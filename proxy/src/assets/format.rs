//! The layout of a pack file, and the only code that reads or writes it.
//!
//! ```text
//! preamble   64 bytes: magic, version
//! contents   each at a multiple of 64 bytes, or of 4096 from 64 KiB on
//! index      every file: name, modification time, its variants: coding, offset, length, hash
//! trailer    64 bytes: offset and length of the index, hash over both and over the index, version, magic
//! ```
//!
//! Numbers are little-endian. The index comes last because contents are streamed before their hashes are known. A new
//! field means a new [`VERSION`]: packs are caches and are made again, never migrated. What is derived from the name
//! or from settings (media types, header fields) is not in the file, so that changing it does not need a new pack.

use crate::coding::ContentCoding;

/// Changes with every change of the layout, and whenever the same files would make other variants.
pub(super) const VERSION: u32 = 1;

/// Bytes before the first content.
pub(super) const PREAMBLE: usize = 64;

/// Bytes after the index.
pub(super) const TRAILER: usize = 64;

/// Bytes of the longest name: what Linux allows in a path.
pub(super) const NAME_BYTES_MAX: usize = 4096;

const MAGIC: [u8; 8] = *b"edgepack";

/// A blake3 hash.
pub(super) type Hash = [u8; 32];

/// One file of the index. Its first extent is the file itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// The name below `static/`: segments joined with `/`.
    pub(super) name: &'a [u8],
    /// Seconds since 1970.
    pub(super) modified: u64,
    /// Contents, each coding once, identity first.
    pub(super) extents: Vec<Extent>,
}

/// Where a content lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) coding: ContentCoding,
    pub(super) offset: u64,
    pub(super) len: u64,
    /// Of the encoded bytes.
    pub(super) hash: Hash,
}

/// Why bytes are not a pack of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("it is no asset pack")]
    Foreign,
    #[error("it is an asset pack of version {0}, and this program reads version {VERSION}")]
    Version(u32),
    #[error("its index is damaged: {0}")]
    Index(&'static str),
}

/// Whether a name can be asked for: a relative path that means the same to every reader.
pub(super) fn is_name(name: &[u8]) -> bool {
    name.len() <= NAME_BYTES_MAX
        && !name.iter().any(|byte| matches!(byte, 0 | b'\\'))
        && name.split(|byte| *byte == b'/').all(|segment| !matches!(segment, b"" | b"." | b".."))
}

/// The first bytes of a pack.
pub(super) fn preamble() -> [u8; PREAMBLE] {
    let mut out = [0; PREAMBLE];
    out[..8].copy_from_slice(&MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out
}

/// The multiple of which a content's offset must be one: a cache line for small contents, a page for large ones.
pub(super) fn alignment(len: u64) -> u64 {
    if len < 64 * 1024 { 64 } else { 4096 }
}

/// Index and trailer, for entries sorted by name. The index begins at `offset`.
pub(super) fn encode(entries: &[Entry<'_>], offset: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, entries.len());
    for entry in entries {
        put(&mut out, entry.name.len());
        out.extend_from_slice(entry.name);
        out.extend_from_slice(&entry.modified.to_le_bytes());
        out.push(u8::try_from(entry.extents.len()).unwrap_or(u8::MAX));
        for extent in &entry.extents {
            out.push(extent.coding as u8);
            out.extend_from_slice(&extent.offset.to_le_bytes());
            out.extend_from_slice(&extent.len.to_le_bytes());
            out.extend_from_slice(&extent.hash);
        }
    }
    seal(out, offset)
}

/// An index with its trailer.
fn seal(mut out: Vec<u8>, offset: u64) -> Vec<u8> {
    let len = out.len() as u64;
    let hash = checksum(offset, len, &out);
    out.extend_from_slice(&offset.to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&hash);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&MAGIC);
    out
}

/// Lengths and counts are written as 32 bits; a pack of more than four billion files is not made.
fn put(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

fn checksum(offset: u64, len: u64, index: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&VERSION.to_le_bytes()).update(&offset.to_le_bytes()).update(&len.to_le_bytes()).update(index);
    *hasher.finalize().as_bytes()
}

/// The index of a pack, everything in it checked: hash, order, names, and that each content lies within the file.
///
/// The contents themselves are not read here: that would read every byte of a deployment before its first answer.
pub(super) fn decode(pack: &[u8]) -> Result<Vec<Entry<'_>>, Damage> {
    let (body, trailer) = pack.split_last_chunk::<TRAILER>().ok_or(Damage::Foreign)?;
    if !body.starts_with(&MAGIC) || !trailer.ends_with(&MAGIC) {
        return Err(Damage::Foreign);
    }
    let mut trailer = Cursor(trailer);
    let (offset, len) = (trailer.u64()?, trailer.u64()?);
    let hash: Hash = trailer.array()?;
    let _reserved: [u8; 4] = trailer.array()?;
    let version = trailer.u32()?;
    if version != VERSION {
        return Err(Damage::Version(version));
    }
    let start = usize::try_from(offset).map_err(|_| Damage::Index("it begins outside the file"))?;
    let index = body.get(start..).ok_or(Damage::Index("it begins outside the file"))?;
    if start < PREAMBLE || index.len() as u64 != len {
        return Err(Damage::Index("its length is wrong"));
    }
    if checksum(offset, len, index) != hash {
        return Err(Damage::Index("its checksum is wrong"));
    }
    let mut cursor = Cursor(index);
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for _ in 0..cursor.u32()? {
        let entry = cursor.entry(offset)?;
        if entries.last().is_some_and(|previous| previous.name >= entry.name) {
            return Err(Damage::Index("names are out of order"));
        }
        entries.push(entry);
    }
    if cursor.0.is_empty() { Ok(entries) } else { Err(Damage::Index("bytes are left over")) }
}

/// Reads numbers from the front of a slice.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Damage> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Damage::Index("it ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        self.take(N)?.try_into().map_err(|_| Damage::Index("it ends early"))
    }

    fn u32(&mut self) -> Result<u32, Damage> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Damage> {
        self.array().map(u64::from_le_bytes)
    }

    fn entry(&mut self, contents_end: u64) -> Result<Entry<'a>, Damage> {
        let len = usize::try_from(self.u32()?).map_err(|_| Damage::Index("a name is too long"))?;
        let name = self.take(len)?;
        if !is_name(name) {
            return Err(Damage::Index("a name cannot be asked for"));
        }
        let modified = self.u64()?;
        let [count] = self.array()?;
        let mut extents: Vec<Extent> = Vec::new();
        for _ in 0..count {
            let extent = self.extent(contents_end)?;
            if extents.iter().any(|other| other.coding == extent.coding) {
                return Err(Damage::Index("a variant occurs twice"));
            }
            extents.push(extent);
        }
        match extents.first() {
            Some(first) if first.coding == ContentCoding::Identity => Ok(Entry { name, modified, extents }),
            _ => Err(Damage::Index("a file has no content")),
        }
    }

    fn extent(&mut self, contents_end: u64) -> Result<Extent, Damage> {
        let [coding] = self.array()?;
        let coding = ContentCoding::ALL
            .into_iter()
            .find(|known| *known as u8 == coding)
            .ok_or(Damage::Index("a content coding is unknown"))?;
        let (offset, len, hash) = (self.u64()?, self.u64()?, self.array()?);
        let end = offset.checked_add(len).ok_or(Damage::Index("a content ends outside the file"))?;
        if offset < PREAMBLE as u64 || end > contents_end {
            return Err(Damage::Index("a content lies outside the file"));
        }
        Ok(Extent { coding, offset, len, hash })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn extent(coding: ContentCoding, offset: u64, len: u64) -> Extent {
        Extent { coding, offset, len, hash: [7; 32] }
    }

    /// The index of three files, and where the contents before it end.
    fn entries() -> (Vec<Entry<'static>>, u64) {
        let identity = |offset, len| vec![extent(ContentCoding::Identity, offset, len)];
        let mut page = identity(64, 100);
        page.push(extent(ContentCoding::Brotli, 192, 20));
        let entry = |name, extents| Entry { name, modified: 1_700_000_000, extents };
        (vec![entry(b"a/b c", identity(256, 0)), entry(b"index.html", page), entry(b"z\xff", identity(256, 64))], 320)
    }

    fn pack(index: Vec<u8>, contents_end: u64) -> Vec<u8> {
        let mut pack = preamble().to_vec();
        pack.resize(usize::try_from(contents_end).unwrap(), 0);
        pack.extend(index);
        pack
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let (entries, end) = entries();
        assert_eq!(decode(&pack(encode(&entries, end), end)), Ok(entries));
        assert_eq!(decode(&pack(encode(&[], 64), 64)), Ok(vec![]));
    }

    #[test]
    fn every_flipped_bit_outside_the_contents_is_noticed_or_means_nothing() {
        let (entries, end) = entries();
        let sound = pack(encode(&entries, end), end);
        let contents = PREAMBLE..usize::try_from(end).unwrap();
        for at in (0..sound.len()).filter(|at| !contents.contains(at)) {
            for bit in 0..8 {
                let mut damaged = sound.clone();
                damaged[at] ^= 1 << bit;
                if let Ok(read) = decode(&damaged) {
                    assert_eq!(read, entries, "byte {at}");
                }
            }
        }
    }

    #[test]
    fn every_truncation_is_noticed() {
        let (entries, end) = entries();
        let sound = pack(encode(&entries, end), end);
        for len in 0..sound.len() {
            assert!(decode(&sound[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut other = pack(encode(&[], 64), 64);
        let at = other.len() - 12;
        other[at] ^= 2;
        assert_eq!(decode(&other), Err(Damage::Version(VERSION ^ 2)));
        assert_eq!(decode(b"not a pack"), Err(Damage::Foreign));
        assert_eq!(decode(&[0; 4096]), Err(Damage::Foreign));
    }

    #[test]
    fn an_index_that_lies_is_refused_although_its_checksum_is_right() {
        let file = |name, extents| Entry { name, modified: 0, extents };
        let whole = || vec![extent(ContentCoding::Identity, 64, 64)];
        for (why, entries) in [
            ("twice", vec![file(b"a", whole()), file(b"a", whole())]),
            ("order", vec![file(b"b", whole()), file(b"a", whole())]),
            ("empty name", vec![file(b"", whole())]),
            ("dots", vec![file(b"a/../b", whole())]),
            ("nothing", vec![file(b"a", vec![])]),
            ("no identity", vec![file(b"a", vec![extent(ContentCoding::Gzip, 64, 1)])]),
            ("before", vec![file(b"a", vec![extent(ContentCoding::Identity, 63, 1)])]),
            ("behind", vec![file(b"a", vec![extent(ContentCoding::Identity, 64, 65)])]),
            ("overflow", vec![file(b"a", vec![extent(ContentCoding::Identity, 64, u64::MAX)])]),
            ("same coding", vec![file(b"a", [whole(), whole()].concat())]),
        ] {
            assert!(matches!(decode(&pack(encode(&entries, 128), 128)), Err(Damage::Index(_))), "{why}");
        }
    }

    #[test]
    fn names_are_relative_paths_that_mean_the_same_to_everyone() {
        for name in ["a", "a/b", ".well-known/x", "a b", "caf\u{e9}", "...", "a..b", "%2e%2e"] {
            assert!(is_name(name.as_bytes()), "{name}");
        }
        for name in ["", "/a", "a/", "a//b", ".", "..", "a/./b", "../a", "a\\b", "a\0b"] {
            assert!(!is_name(name.as_bytes()), "{name:?}");
        }
        assert!(is_name(b"\xff\n"));
        assert!(!is_name(&[b'a'; NAME_BYTES_MAX + 1]));
    }

    proptest! {
        #[test]
        fn no_index_with_a_right_checksum_panics_or_leads_outside(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let (entries, end) = entries();
            let sealed = encode(&entries, end);
            let mut index = sealed[..sealed.len() - TRAILER].to_vec();
            for (at, byte) in changes {
                let at = at.index(index.len());
                index[at] = byte;
            }
            if let Some(cut) = cut {
                index.truncate(cut.index(index.len()));
            }
            for entry in decode(&pack(seal(index, end), end)).unwrap_or_default() {
                prop_assert!(is_name(entry.name));
                prop_assert_eq!(entry.extents[0].coding, ContentCoding::Identity);
                for extent in entry.extents {
                    prop_assert!(extent.offset >= 64 && extent.offset + extent.len <= end);
                }
            }
        }

        #[test]
        fn arbitrary_bytes_are_no_pack(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(decode(&bytes).is_err());
        }
    }
}
