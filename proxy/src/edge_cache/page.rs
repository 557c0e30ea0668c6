//! Hot: a kept answer, and how it is given.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::{Bytes, BytesMut};
use edgeplane_config::EdgeCacheSettings;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::{
    form::Forms,
    key::{Selecting, joined, selecting},
    policy::{Standing, Terms},
    purge::Name,
};
use crate::{
    answer::{Answer, Body, Head},
    coding::{ContentCoding, Judged, Plain},
    headers::Overlay,
};

/// The field that tells how the cache took part.
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("x-edgeplane-cache");

/// How the cache took part in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// It was kept.
    Hit,
    /// It came from Compute, and may be kept from now on.
    Miss,
    /// It was kept and its lifetime is over, which its author allows for a time.
    Stale,
    /// The cache was not asked, or had nothing to say.
    Bypass,
}

impl CacheStatus {
    /// As it stands in the field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "HIT",
            Self::Miss => "MISS",
            Self::Stale => "STALE",
            Self::Bypass => "BYPASS",
        }
    }
}

/// An answer of Compute that is kept.
#[derive(Debug)]
pub struct Page {
    pub(super) name: Name,
    pub(super) status: StatusCode,
    /// Its fields, `Date` among them and those of the connection not.
    pub(super) headers: HeaderMap,
    pub(super) content: Bytes,
    pub(super) terms: Terms,
    /// When it came.
    pub(super) received: Instant,
    pub(super) selecting: Selecting,
    /// What was asked for anew, by an unsafe request, is something else.
    pub(super) epoch: u32,
    /// The content in fewer bytes, where somebody wanted that.
    pub(super) forms: Arc<Forms>,
    whole: Box<[u8]>,
    not_modified: Box<[u8]>,
}

/// What some clients get in the place of a page as it is kept.
#[derive(Clone, Debug)]
pub struct Guise<'a> {
    /// The custom headers of the path that they ask for.
    pub overlay: Option<&'a Overlay>,
    /// What is made of it for them.
    pub judged: Judged,
    /// Its content in fewer bytes.
    pub content: Option<Bytes>,
}

impl Guise<'_> {
    /// Whether it is the page as it is kept.
    pub(super) fn is_none(&self) -> bool {
        self.overlay.is_none() && self.content.is_none() && !self.judged.varies
    }

    /// Whether the next one would get another: its content could not be had now, or nobody needed it.
    pub(super) fn is_makeshift(&self) -> bool {
        self.judged.outcome == Err(Plain::Busy) || (self.judged.outcome.is_ok() && self.content.is_none())
    }
}

/// What a page is made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) name: Name,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) content: Bytes,
    pub(super) terms: Terms,
    pub(super) received: Instant,
    pub(super) selecting: Selecting,
    pub(super) epoch: u32,
}

/// Fields of a 304 (RFC 9110 15.4.5).
const OF_NOT_MODIFIED: [HeaderName; 6] =
    [header::CACHE_CONTROL, header::CONTENT_LOCATION, header::DATE, header::ETAG, header::EXPIRES, header::VARY];

impl Page {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { name, status, headers, content, terms, received, selecting, epoch } = parts;
        let mut page = Self {
            name,
            status,
            headers,
            content,
            terms,
            received,
            selecting,
            epoch,
            forms: Arc::default(),
            whole: Box::default(),
            not_modified: Box::default(),
        };
        page.whole = lines(page.bare());
        page.not_modified = lines(page.bare_not_modified());
        page
    }

    /// This page with other words about it: what a 304 says replaces what was said before (RFC 9111 4.3.4).
    pub(super) fn renewed(&self, fields: &HeaderMap, terms: Terms, received: Instant) -> Self {
        let mut headers = self.headers.clone();
        for name in fields.keys().filter(|name| !is_of_content(name)) {
            headers.remove(name);
        }
        for (name, value) in fields.iter().filter(|(name, _)| !is_of_content(name)) {
            headers.append(name, value.clone());
        }
        let mut renewed = Self::new(Parts {
            name: self.name.clone(),
            status: self.status,
            headers,
            content: self.content.clone(),
            terms,
            received,
            selecting: self.selecting.clone(),
            epoch: self.epoch,
        });
        renewed.forms = Arc::clone(&self.forms);
        renewed
    }

    /// How old it is (RFC 9111 4.2.3).
    pub fn age(&self, now: Instant) -> u64 {
        self.terms.age.saturating_add(now.saturating_duration_since(self.received).as_secs())
    }

    /// For how long it is fresh yet, in seconds.
    pub(super) fn left_fresh(&self, now: Instant) -> u64 {
        self.terms.lifetime.saturating_sub(self.age(now))
    }

    pub(super) fn standing(&self, now: Instant) -> Standing {
        self.terms.standing(self.age(now))
    }

    /// For how long it is of any use, where pages are kept for `stale_max` after their lifetime.
    pub(super) fn left(&self, now: Instant, stale_max: Duration) -> Duration {
        // Past what its author allows it is of use only to be asked about.
        let past = match self.conditions().next() {
            Some(_) => stale_max.as_secs(),
            None => self.terms.while_revalidating.max(self.terms.if_error),
        };
        Duration::from_secs(self.terms.lifetime.saturating_add(past).saturating_sub(self.age(now)))
    }

    /// Whether a request says what the one said that this answered.
    pub(super) fn is_for(&self, head: &Head<'_>, settings: &EdgeCacheSettings) -> bool {
        self.selecting.iter().all(|(name, value)| match value {
            Some(value) => joined(head, name.as_str()).as_deref() == Some(value),
            None => selecting(head, std::slice::from_ref(name), settings).iter().all(|(_, value)| value.is_none()),
        })
    }

    /// The fields that ask whether it has changed.
    pub(super) fn conditions(&self) -> impl Iterator<Item = (&'static str, &HeaderValue)> {
        let etag = self.headers.get(header::ETAG).map(|etag| ("if-none-match", etag));
        let modified = self.headers.get(header::LAST_MODIFIED).map(|date| ("if-modified-since", date));
        etag.into_iter().chain(modified)
    }

    /// The entity tag.
    pub fn etag(&self) -> Option<&str> {
        self.headers.get(header::ETAG).and_then(|etag| etag.to_str().ok())
    }

    /// `Last-Modified`, in seconds since 1970.
    pub fn modified(&self) -> Option<u64> {
        let date = self.headers.get(header::LAST_MODIFIED)?.to_str().ok()?;
        let date = httpdate::parse_http_date(date).ok()?;
        date.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its content.
    pub fn content(&self) -> &Bytes {
        &self.content
    }

    /// Whether it is known what becomes of its content in a coding.
    pub fn is_formed(&self, coding: ContentCoding) -> bool {
        self.forms.is_made(coding)
    }

    /// The status line and the fields of a hit, each line with its end, but `Age`.
    pub(super) fn whole(&self) -> &[u8] {
        &self.whole
    }

    /// The same for a client that has it already.
    pub(super) fn not_modified(&self) -> &[u8] {
        &self.not_modified
    }

    /// Both in another guise.
    pub(super) fn heads_in(&self, guise: &Guise<'_>) -> [Box<[u8]>; 2] {
        [self.bare(), self.bare_not_modified()].map(|mut answer| {
            if let (Some(content), Body::Whole(_)) = (&guise.content, &answer.body) {
                answer.body = Body::Whole(content.clone());
            }
            guise.judged.dress(answer.status, &mut answer.headers);
            if let Some(overlay) = guise.overlay {
                if let Some(value) = overlay.cache_control_of(answer.status) {
                    answer.headers.insert(header::CACHE_CONTROL, value.clone());
                }
                overlay.lay(&mut answer);
            }
            lines(answer)
        })
    }

    /// Its fields as they are kept.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }

    /// The answer with all of it.
    pub fn answer(&self, status: CacheStatus, now: Instant) -> Answer {
        self.told(self.bare(), status, now)
    }

    /// The answer for a client that has it already.
    pub fn answer_not_modified(&self, status: CacheStatus, now: Instant) -> Answer {
        self.told(self.bare_not_modified(), status, now)
    }

    fn told(&self, mut answer: Answer, status: CacheStatus, now: Instant) -> Answer {
        answer.headers.insert(header::AGE, self.age(now).into());
        answer.headers.insert(CACHE_STATUS, HeaderValue::from_static(status.name()));
        answer
    }

    fn bare(&self) -> Answer {
        Answer { status: self.status, headers: self.headers.clone(), body: Body::Whole(self.content.clone()) }
    }

    fn bare_not_modified(&self) -> Answer {
        let mut headers = HeaderMap::with_capacity(8);
        for name in OF_NOT_MODIFIED {
            for value in self.headers.get_all(&name) {
                headers.append(name.clone(), value.clone());
            }
        }
        // RFC 9110 15.4.5: it says when the content changed where no tag does.
        if let (None, Some(date)) = (headers.get(header::ETAG), self.headers.get(header::LAST_MODIFIED)) {
            headers.insert(header::LAST_MODIFIED, date.clone());
        }
        Answer { status: StatusCode::NOT_MODIFIED, headers, body: Body::Empty }
    }

    /// About what it takes in memory.
    pub(super) fn weight(&self) -> usize {
        const OVERHEAD: usize = 1024;
        let said: usize = self.selecting.iter().map(|(_, value)| value.as_ref().map_or(0, |value| value.len())).sum();
        OVERHEAD + self.content.len() + self.forms.len() + 3 * self.whole.len() + self.name.len() + said
    }
}

/// The status line and the fields of a hit, each line with its end.
fn lines(mut answer: Answer) -> Box<[u8]> {
    answer.headers.insert(CACHE_STATUS, HeaderValue::from_static(CacheStatus::Hit.name()));
    let mut lines = BytesMut::with_capacity(512);
    answer.write_head(&mut lines);
    (&*lines).into()
}

/// Fields that tell the content that is kept from every other one, which a 304 comes without (RFC 9111 3.2).
fn is_of_content(name: &HeaderName) -> bool {
    let known = [header::CONTENT_ENCODING, header::CONTENT_RANGE, header::CONTENT_LENGTH, header::ETAG];
    known.contains(name) || *name == "content-md5"
}
