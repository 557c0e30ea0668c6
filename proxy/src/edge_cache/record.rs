//! What a page looks like on disk: a head of fixed size, texts with their lengths, the content.
//!
//! All numbers are little-endian. The checksum covers everything after itself, so that a record that was torn, cut,
//! changed or exchanged for another one is no record. Another version of this form has another magic number.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{
    key::Selecting,
    memory::Kept,
    page::{Page, Parts},
    policy::Terms,
    purge::Name,
};

const MAGIC: [u8; 8] = *b"EDGEPAG1";
const CHECKED_FROM: usize = 8 + 32;
/// What may stand before the content at most; a page that says more is not kept on disk.
pub(super) const FRONT_BYTES_MAX: usize = 256 * 1024;
/// A page, or the names of the fields that its variants depend on.
const PAGE: u8 = 0;
const NAMES: u8 = 1;

/// What stands before the content of a record. None where it would be too long.
pub(super) fn front(digest: &[u8; 32], kept: &Kept) -> Option<Vec<u8>> {
    let mut front = Writer(Vec::with_capacity(1024));
    front.0.extend(MAGIC);
    front.0.extend([0; 32]);
    front.0.extend(digest);
    let content = match kept {
        Kept::Page(page) => {
            front.page(page)?;
            page.content()
        }
        Kept::Varies(names) => {
            front.0.push(NAMES);
            front.count(names.len())?;
            names.iter().try_for_each(|name| front.text(name.as_str().as_bytes()))?;
            &Bytes::new()
        }
    };
    let mut front = front.0;
    let mut checksum = blake3::Hasher::new();
    checksum.update(&front[CHECKED_FROM..]).update(content);
    front[8..CHECKED_FROM].copy_from_slice(checksum.finalize().as_bytes());
    (front.len() <= FRONT_BYTES_MAX).then_some(front)
}

/// Reads a whole record. None where it is not what was written under `digest`.
pub(super) fn read(record: &Bytes, digest: &[u8; 32]) -> Option<Kept> {
    let checked = record.get(CHECKED_FROM..)?;
    if record[..8] != MAGIC || record[8..CHECKED_FROM] != *blake3::hash(checked).as_bytes() {
        return None;
    }
    let mut fields = Reader(checked);
    if fields.array::<32>()? != *digest {
        return None;
    }
    match fields.array::<1>()? {
        [PAGE] => fields.page(record).map(|page| Kept::Page(page.into())),
        [NAMES] => {
            let count = fields.count()?;
            let names = (0..count).map(|_| HeaderName::from_bytes(fields.text()?).ok()).collect::<Option<Vec<_>>>()?;
            Some(Kept::Varies(names.into()))
        }
        _ => None,
    }
}

/// Whose record it is, told by its beginning, which is not checked: enough to throw it away. None where it is no page's.
pub(super) fn name(beginning: &[u8]) -> Option<Name> {
    let mut fields = Reader(beginning.get(CHECKED_FROM + 32..)?);
    (beginning[..8] == MAGIC && fields.array::<1>()? == [PAGE]).then(|| fields.name())?
}

struct Writer(Vec<u8>);

impl Writer {
    fn page(&mut self, page: &Page) -> Option<()> {
        self.0.push(PAGE);
        let Name { site, origin, target, tags } = &page.name;
        [site, origin, target].into_iter().try_for_each(|text| self.text(text.as_bytes()))?;
        self.count(tags.len())?;
        tags.iter().try_for_each(|tag| self.text(tag.as_bytes()))?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let received = now.saturating_sub(page.received.elapsed());
        let Terms { age, lifetime, while_revalidating, if_error } = page.terms;
        for number in [
            u64::try_from(received.as_millis()).ok()?,
            age,
            lifetime,
            while_revalidating,
            if_error,
            u64::from(page.epoch),
            u64::from(page.status.as_u16()),
            page.content().len() as u64,
        ] {
            self.0.extend(number.to_le_bytes());
        }
        self.count(page.headers.len())?;
        for (name, value) in &page.headers {
            self.text(name.as_str().as_bytes())?;
            self.text(value.as_bytes())?;
        }
        self.count(page.selecting.len())?;
        for (name, value) in &page.selecting {
            self.text(name.as_str().as_bytes())?;
            self.0.push(u8::from(value.is_some()));
            self.text(value.as_deref().unwrap_or_default())?;
        }
        Some(())
    }

    fn count(&mut self, count: usize) -> Option<()> {
        self.0.extend(u16::try_from(count).ok()?.to_le_bytes());
        Some(())
    }

    fn text(&mut self, text: &[u8]) -> Option<()> {
        self.count(text.len())?;
        self.0.extend_from_slice(text);
        Some(())
    }
}

/// Bytes, taken from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn page(&mut self, record: &Bytes) -> Option<Page> {
        let name = self.name()?;
        let since = Duration::from_millis(self.number()?);
        let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + since).unwrap_or_default();
        // A machine that runs for less than the page's age gives it the greatest age it can.
        let received = Instant::now().checked_sub(elapsed)?;
        let (age, lifetime) = (self.number()?, self.number()?);
        let terms = Terms { age, lifetime, while_revalidating: self.number()?, if_error: self.number()? };
        let epoch = u32::try_from(self.number()?).ok()?;
        let status = StatusCode::from_u16(u16::try_from(self.number()?).ok()?).ok()?;
        let length = usize::try_from(self.number()?).ok()?;
        let mut headers = HeaderMap::new();
        for _ in 0..self.count()? {
            let name = HeaderName::from_bytes(self.text()?).ok()?;
            headers.append(name, HeaderValue::from_bytes(self.text()?).ok()?);
        }
        let mut selecting = Selecting::new();
        for _ in 0..self.count()? {
            let name = HeaderName::from_bytes(self.text()?).ok()?;
            let present = self.array::<1>()? == [1];
            let value = self.text()?;
            selecting.push((name, present.then(|| value.into())));
        }
        let content = (self.0.len() == length).then(|| record.slice(record.len() - length..))?;
        Some(Page::new(Parts { name, status, headers, content, terms, received, selecting, epoch }))
    }

    fn name(&mut self) -> Option<Name> {
        let mut text = || String::from_utf8(self.text()?.to_vec()).ok();
        let (site, origin, target) = (text()?, text()?, text()?);
        let count = self.count()?;
        let tags = (0..count).map(|_| String::from_utf8(self.text()?.to_vec()).ok()).collect::<Option<_>>()?;
        Some(Name { site, origin, target, tags })
    }

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

    fn count(&mut self) -> Option<usize> {
        self.array().map(|count| usize::from(u16::from_le_bytes(count)))
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: [u8; 32] = [7; 32];

    fn page() -> Kept {
        let mut headers = HeaderMap::new();
        headers.append("etag", HeaderValue::from_static("\"1\""));
        headers.append("x", HeaderValue::from_bytes(b"\xff").unwrap());
        headers.append("x", HeaderValue::from_static(""));
        Kept::Page(
            Page::new(Parts {
                name: Name {
                    site: "s".into(),
                    origin: "http://h".into(),
                    target: "/a?b".into(),
                    tags: vec!["one".into(), "two".into()],
                },
                status: StatusCode::NOT_FOUND,
                headers,
                content: Bytes::from_static(b"content"),
                terms: Terms { age: 1, lifetime: 60, while_revalidating: 3, if_error: 4 },
                received: Instant::now(),
                selecting: vec![
                    (HeaderName::from_static("cookie"), None),
                    (HeaderName::from_static("x-theme"), Some(b"dark".as_slice().into())),
                ],
                epoch: 9,
            })
            .into(),
        )
    }

    fn record(kept: &Kept) -> Vec<u8> {
        let content = if let Kept::Page(page) = kept { page.content().to_vec() } else { Vec::new() };
        [front(&DIGEST, kept).unwrap(), content].concat()
    }

    #[test]
    fn a_page_is_read_as_it_was_written() {
        let written = page();
        let bytes = Bytes::from(record(&written));
        let (Kept::Page(written), Some(Kept::Page(read))) = (written, read(&bytes, &DIGEST)) else {
            panic!("no page");
        };
        assert_eq!((&read.name, read.status, &read.headers), (&written.name, written.status, &written.headers));
        assert_eq!((read.content(), read.terms, read.epoch), (written.content(), written.terms, written.epoch));
        assert_eq!((&read.selecting, read.whole()), (&written.selecting, written.whole()));
        assert!(read.age(Instant::now()) <= 2);
        assert_eq!(name(&bytes[..bytes.len() / 2]), Some(written.name.clone()));
        let names = Kept::Varies(vec![HeaderName::from_static("a"), HeaderName::from_static("b")].into());
        let bytes = Bytes::from(record(&names));
        assert!(matches!(super::read(&bytes, &DIGEST), Some(Kept::Varies(names)) if names.len() == 2));
        assert_eq!(name(&bytes), None);
    }

    #[test]
    fn what_is_not_whole_is_no_record() {
        let whole = record(&page());
        for end in 0..whole.len() {
            assert!(read(&Bytes::copy_from_slice(&whole[..end]), &DIGEST).is_none(), "{end}");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(read(&Bytes::from(changed), &DIGEST).is_none(), "{at}");
        }
        assert!(read(&Bytes::from(whole), &[8; 32]).is_none());
    }
}
