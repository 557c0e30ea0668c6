//! A pack that is open: every file of a deployment, ready to be answered.

use std::{
    borrow::Cow,
    fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::HeaderValue;
use indexmap::IndexMap;

use super::{
    content::Content,
    format::{self, Damage, Entry, Extent, Hash},
    lookup::{Lookup, Meant, Pages},
    mapped::Mapping,
    media_type,
    ready::Heads,
};
use crate::coding::ContentCoding;

/// The files below `static/`, immutable. Cheap to share, and closed when the last answer made from it is gone.
#[derive(Debug)]
pub struct Pack {
    files: IndexMap<Box<[u8]>, File>,
    /// Those among them that other paths lead to as well.
    pages: Pages,
    /// Where it was opened; none for the pack of a deployment without files.
    path: Option<PathBuf>,
    bytes: u64,
}

/// One file, with everything an answer needs that does not depend on the request.
#[derive(Debug)]
pub(super) struct File {
    /// `Last-Modified` in seconds since 1970, and as text.
    pub(super) modified: u64,
    pub(super) last_modified: HeaderValue,
    pub(super) media_type: HeaderValue,
    /// The file itself.
    pub(super) identity: Variant,
    /// Its encoded variants.
    pub(super) encoded: Vec<Variant>,
}

/// What a path names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'p> {
    /// A file, and its name.
    File(&'p [u8], &'p File),
    /// A folder with an index, whose path ends in a slash.
    Folder,
}

/// One content of a file.
#[derive(Debug)]
pub(super) struct Variant {
    pub(super) coding: ContentCoding,
    /// Strong: the hash of the encoded bytes, so that nodes agree where bytes agree.
    pub(super) etag: HeaderValue,
    pub(super) hash: Hash,
    pub(super) body: Content,
    /// The heads of its answers, written when they are first needed: most files of a deployment never are.
    pub(super) heads: Heads,
}

/// Why a pack could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file could not be read.
    #[error("cannot open the asset pack `{path}`")]
    Io {
        /// Of the pack.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The file is not a pack, is one of another version, or is damaged.
    #[error("cannot use the asset pack `{path}`: {reason}\nhelp: make it again with `edgeplane pack`")]
    Unusable {
        /// Of the pack.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl OpenError {
    /// Whether there is simply no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

impl Pack {
    /// The pack of a deployment without static files.
    pub fn empty() -> Self {
        Self { files: IndexMap::new(), pages: Pages::default(), path: None, bytes: 0 }
    }

    /// Opens a pack file and checks its whole index.
    ///
    /// The file must not be written to or truncated as long as the pack or any of its bytes are in use.
    ///
    /// # Errors
    /// An unreadable file, or one that is not an undamaged pack of this program's version.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let unusable = |reason: Damage| OpenError::Unusable { path: path.to_owned(), reason: reason.to_string() };
        let file = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() || metadata.len() == 0 {
            return Err(unusable(Damage::Foreign));
        }
        let mapping = Mapping::open(file).map_err(io)?;
        let entries = format::decode(mapping.bytes()).map_err(unusable)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut pack = Self { path: Some(path.to_owned()), bytes: metadata.len(), ..Self::empty() };
        pack.files.reserve(entries.len());
        for entry in &entries {
            pack.pages.add(entry.name, pack.files.len());
            pack.files.insert(entry.name.into(), File::new(entry, &mapping, now));
        }
        Ok(pack)
    }

    /// Files in it.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Bytes of the pack file, which is what is mapped.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The pack file, perhaps removed by now; none for the [empty](Self::empty) pack.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The unencoded bytes of the file a decoded path names, without copying them, and their blake3 hash.
    pub fn source(&self, path: &[u8]) -> Option<(Bytes, [u8; 32])> {
        let identity = &self.files.get(path.strip_prefix(b"/")?)?.identity;
        Some((Bytes::from_owner(identity.body.clone()), identity.hash))
    }

    /// What a decoded path names.
    pub(super) fn find(&self, path: &[u8], lookup: Lookup) -> Option<Found<'_>> {
        let name = path.strip_prefix(b"/")?;
        if lookup.exact
            && let Some((name, file)) = self.files.get_key_value(name)
        {
            return Some(Found::File(name, file));
        }
        Some(match self.pages.find(name, lookup)? {
            Meant::Folder => Found::Folder,
            Meant::File(at) => {
                let (name, file) = self.files.get_index(at)?;
                Found::File(name, file)
            }
        })
    }

    /// The name of the file that a decoded path means, where it is another one than it says.
    pub fn meant(&self, path: &[u8], lookup: Lookup) -> Option<&[u8]> {
        match self.find(path, lookup)? {
            Found::File(name, _) => Some(name).filter(|name| path.strip_prefix(b"/") != Some(name)),
            Found::Folder => None,
        }
    }

    /// The file of that name.
    pub(super) fn named(&self, name: &str) -> Option<&File> {
        self.files.get(name.as_bytes())
    }

    /// All files by name, in order.
    pub(super) fn files(&self) -> impl Iterator<Item = (&[u8], &File)> {
        self.files.iter().map(|(name, file)| (&**name, file))
    }
}

impl File {
    fn new(entry: &Entry<'_>, mapping: &Mapping, now: u64) -> Self {
        // A time to come is no time of modification, and a client's clock would not believe it (RFC 9110 8.8.2.1).
        let modified = entry.modified.min(now);
        let mut variants = entry.extents.iter().map(|extent| Variant::new(extent, mapping));
        Self {
            modified,
            last_modified: value(httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(modified)).into()),
            media_type: value(media_type::of(entry.name)),
            identity: variants.next().unwrap_or_else(|| Variant::empty(mapping)),
            encoded: variants.collect(),
        }
    }

    /// Whether the answer depends on `Accept-Encoding`.
    pub(super) fn has_variants(&self) -> bool {
        !self.encoded.is_empty()
    }

    /// The content in a coding.
    pub(super) fn variant(&self, coding: ContentCoding) -> Option<&Variant> {
        match coding {
            ContentCoding::Identity => Some(&self.identity),
            _ => self.encoded.iter().find(|variant| variant.coding == coding),
        }
    }
}

impl Variant {
    fn new(extent: &Extent, mapping: &Mapping) -> Self {
        let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
        Self {
            coding: extent.coding,
            etag: etag(&extent.hash),
            hash: extent.hash,
            heads: Heads::default(),
            body: Content::new(mapping, at(extent.offset)..at(extent.offset.saturating_add(extent.len))),
        }
    }

    /// No content; for a file without any, which the check of the index rules out.
    fn empty(mapping: &Mapping) -> Self {
        let hash = *blake3::hash(b"").as_bytes();
        let body = Content::new(mapping, 0..0);
        Self { coding: ContentCoding::Identity, etag: etag(&hash), hash, body, heads: Heads::default() }
    }
}

/// Half of the hash in hexadecimal, quoted: 128 bits are enough to never meet.
fn etag(hash: &Hash) -> HeaderValue {
    let hex = blake3::Hash::from_bytes(*hash).to_hex();
    value(format!("\"{}\"", &hex[..32]).into())
}

/// A field value of our making, which is printable ASCII; anything else would come out empty.
fn value(text: Cow<'static, str>) -> HeaderValue {
    match text {
        Cow::Borrowed(text) => HeaderValue::from_static(text),
        Cow::Owned(text) => HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("")),
    }
}
