//! What an image looks like on disk and on a shared server: a head of fixed size, five texts, the content.
//!
//! All numbers are little-endian. The checksum covers everything after itself, so that a record that was torn, cut,
//! changed or exchanged for another one is no record. Another version of this form has another magic number.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use edgeplane_optimizer::{ImageFormat, SourceType};
use http::HeaderValue;

use super::{Digest, Name};
use crate::image::{
    freshness::Freshness,
    picture::{Form, Picture, Provenance},
    source::Validators,
};

const MAGIC: [u8; 8] = *b"EDGEIMG1";
/// Magic, checksum, digest, three times u64, the source's hash, two kinds, five lengths as u16.
const HEAD_BYTES: usize = 8 + 32 + 32 + 3 * 8 + 32 + 2 + 5 * 2;
const CHECKED_FROM: usize = 8 + 32;
/// What may stand before the content at most.
pub(super) const FRONT_BYTES_MAX: usize = HEAD_BYTES + 5 * (u16::MAX as usize);
/// What is read of a record to tell whose it is. Most fit; a URL may need [`more`].
pub(super) const BEGINNING_BYTES: usize = 4096;

const SOURCE_TYPES: [SourceType; 11] = [
    SourceType::Jpeg,
    SourceType::Png,
    SourceType::Webp,
    SourceType::Avif,
    SourceType::Gif,
    SourceType::Svg,
    SourceType::Ico,
    SourceType::Bmp,
    SourceType::Tiff,
    SourceType::Jxl,
    SourceType::Heic,
];

/// What stands before the content of a record. None where a text is longer than a record has room for.
pub(super) fn front(digest: &Digest, picture: &Picture, name: &Name) -> Option<Vec<u8>> {
    let validators = &picture.source.validators;
    let texts = [
        picture.etag.as_bytes(),
        validators.etag.as_deref().unwrap_or_default().as_bytes(),
        validators.last_modified.as_deref().unwrap_or_default().as_bytes(),
        name.site.as_bytes(),
        name.url.as_bytes(),
    ];
    let mut front = Vec::with_capacity(HEAD_BYTES + texts.iter().map(|text| text.len()).sum::<usize>());
    front.extend(MAGIC);
    front.extend([0; 32]);
    front.extend(digest.0);
    let read = picture.read.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    front.extend(u64::try_from(read.as_millis()).ok()?.to_le_bytes());
    let ttl = u64::try_from(picture.freshness.ttl.as_millis()).ok()?;
    front.extend(ttl.to_le_bytes());
    front.extend((picture.bytes.len() as u64).to_le_bytes());
    front.extend(picture.source.hash);
    front.extend([form_code(picture.form)?, source_code(picture.source_type)?]);
    for text in texts {
        front.extend(u16::try_from(text.len()).ok()?.to_le_bytes());
    }
    for text in texts {
        front.extend_from_slice(text);
    }
    let mut checksum = blake3::Hasher::new();
    checksum.update(&front[CHECKED_FROM..]).update(&picture.bytes);
    front[8..CHECKED_FROM].copy_from_slice(checksum.finalize().as_bytes());
    Some(front)
}

/// Reads a whole record. None where it is not what was written under `digest`.
pub(super) fn read(record: &Bytes, digest: &Digest) -> Option<(Picture, Name)> {
    let (fields, rest) = record.get(CHECKED_FROM..)?.split_at_checked(HEAD_BYTES - CHECKED_FROM)?;
    if record[..8] != MAGIC || record[8..CHECKED_FROM] != *blake3::hash(&record[CHECKED_FROM..]).as_bytes() {
        return None;
    }
    let mut fields = Fields(fields);
    if fields.array::<32>()? != digest.0 {
        return None;
    }
    let read = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(fields.number()?))?;
    let freshness = Freshness { ttl: Duration::from_millis(fields.number()?), store: true };
    let content_len = usize::try_from(fields.number()?).ok()?;
    let hash = fields.array()?;
    let [form, source_type] = fields.array()?;
    let (form, source_type) = (form_of(form)?, *SOURCE_TYPES.get(usize::from(source_type))?);
    let mut texts = Fields(rest);
    let mut text = || {
        let length = u16::from_le_bytes(fields.array()?);
        String::from_utf8(texts.take(usize::from(length))?.to_vec()).ok()
    };
    let (etag, source_etag, last_modified) = (text()?, text()?, text()?);
    let name = Name { site: text()?, url: text()? };
    if texts.0.len() != content_len {
        return None;
    }
    let present = |text: String| (!text.is_empty()).then_some(text);
    let validators = Validators { etag: present(source_etag), last_modified: present(last_modified) };
    let content = record.slice(record.len() - content_len..);
    let picture = Picture::of(form, content, HeaderValue::try_from(etag).ok()?, source_type, freshness);
    Some((picture.made_of(Provenance { validators, hash }, read), name))
}

/// How many bytes of a record must be read to tell whose it is, where its beginning is not enough. At most
/// [`FRONT_BYTES_MAX`].
pub(super) fn more(beginning: &[u8]) -> Option<usize> {
    let head = beginning.get(..HEAD_BYTES).filter(|head| head[..8] == MAGIC)?;
    let mut lengths = Fields(&head[HEAD_BYTES - 10..]);
    let mut needed = HEAD_BYTES;
    while let Some(length) = lengths.array() {
        needed += usize::from(u16::from_le_bytes(length));
    }
    (needed > beginning.len()).then_some(needed)
}

/// Whose record it is, told by its beginning, which is not checked: enough to throw it away.
pub(super) fn name(beginning: &[u8]) -> Option<Name> {
    let (head, rest) = beginning.split_at_checked(HEAD_BYTES)?;
    if head[..8] != MAGIC {
        return None;
    }
    let mut lengths = Fields(&head[HEAD_BYTES - 10..]);
    let mut texts = Fields(rest);
    let mut text = || Some(texts.take(usize::from(u16::from_le_bytes(lengths.array()?)))?.to_vec());
    for _skipped in 0..3 {
        text()?;
    }
    Some(Name { site: String::from_utf8(text()?).ok()?, url: String::from_utf8(text()?).ok()? })
}

/// Bytes, taken from the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

fn source_code(source_type: SourceType) -> Option<u8> {
    SOURCE_TYPES.iter().position(|one| *one == source_type).and_then(|code| u8::try_from(code).ok())
}

/// Formats from 0, passed types from 128.
fn form_code(form: Form) -> Option<u8> {
    match form {
        Form::Made(format) => ImageFormat::ALL.iter().position(|one| *one == format)?.try_into().ok(),
        Form::Passed(source_type) => source_code(source_type).map(|code| code | 0x80),
    }
}

fn form_of(code: u8) -> Option<Form> {
    if code & 0x80 == 0 {
        return ImageFormat::ALL.get(usize::from(code)).copied().map(Form::Made);
    }
    SOURCE_TYPES.get(usize::from(code & 0x7f)).copied().map(Form::Passed)
}

#[cfg(test)]
mod tests;
