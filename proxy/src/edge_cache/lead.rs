//! Hot: a fetch whose answer may be kept: what is made of the answer's head, its content, and its end.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Instant, SystemTime},
};

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::{
    EdgeCache,
    events::Fetched,
    flight::{Landing, Pilot},
    key::{Key, Selecting, selecting},
    page::{CACHE_STATUS, CacheStatus, Page, Parts},
    policy::{Circumstances, Fields, Terms, Unkept, judge, varies_by},
    purge::{self, Name},
};
use crate::answer::Head;

/// Room made for a content of unknown length, which grows.
const CONTENT_GUESS: usize = 16 * 1024;

/// A fetch under way. Whoever drops it without finishing has kept nothing, and those who wait try for themselves.
#[derive(Debug)]
pub struct Lead {
    pub(super) cache: Arc<EdgeCache>,
    pub(super) pilot: Pilot,
    pub(super) key: Key,
    pub(super) name: Name,
    pub(super) authorized: bool,
    /// Purges and invalidations until it began: what was fetched before one is not kept after it.
    pub(super) generation: u64,
    pub(super) epoch: u32,
    pub(super) begun: Instant,
    /// What is kept and wants to be asked about.
    pub(super) before: Option<Arc<Page>>,
    pub(super) draft: Option<Draft>,
    pub(super) instead: Option<(Arc<Page>, CacheStatus)>,
    /// The answer was such that it could be kept.
    pub(super) missed: bool,
    /// Bytes of the cache's budget for what is under way.
    pub(super) claimed: usize,
}

/// An answer that is being kept.
#[derive(Debug)]
pub(super) struct Draft {
    status: StatusCode,
    headers: HeaderMap,
    terms: Terms,
    received: Instant,
    selecting: Selecting,
    content: BytesMut,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes to the client and is kept.
    Keep,
    /// It goes to the client.
    Pass,
    /// The client gets [`Lead::instead`].
    Instead,
}

impl Lead {
    /// The fields that ask whether what is kept has changed.
    pub fn conditions(&self) -> impl Iterator<Item = (&'static str, &HeaderValue)> {
        self.before.iter().flat_map(|page| page.conditions())
    }

    /// Hears the head of the final answer to `asked`, without the fields of the connection. `length` is that of its
    /// content, where it is known.
    pub fn hear<'f>(
        &mut self,
        asked: &Head<'_>,
        status: StatusCode,
        fields: impl Fields<'f>,
        length: Option<u64>,
    ) -> Fate {
        let now = Instant::now();
        if status == StatusCode::NOT_MODIFIED {
            return self.hear_unchanged(&fields, now);
        }
        if matches!(status.as_u16(), 500 | 502 | 503 | 504)
            && let Some(page) = self.spare(now)
        {
            return self.answer_instead(page, CacheStatus::Stale, Landing::Failed);
        }
        let judged = judge(status, &fields, &self.around(now));
        let judged = judged.and_then(|terms| Ok((terms, varies_by(fields.clone())?)));
        let (terms, names) = match judged {
            Ok(judged) => judged,
            Err(why) => return self.pass(if why == Unkept::Status { Landing::Failed } else { Landing::Told }),
        };
        if length.is_some_and(|length| length > self.cache.settings.entry_bytes as u64) {
            self.cache.events.fetched(Fetched::TooLarge);
            return self.pass(Landing::Told);
        }
        let room = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(CONTENT_GUESS);
        self.draft = Some(Draft {
            status,
            headers: kept(fields),
            terms,
            received: now,
            selecting: selecting(asked, &names, &self.cache.settings),
            content: BytesMut::with_capacity(room),
        });
        self.missed = true;
        Fate::Keep
    }

    /// How the cache took part in an answer that came from Compute.
    pub fn status(&self) -> CacheStatus {
        if self.missed { CacheStatus::Miss } else { CacheStatus::Bypass }
    }

    fn hear_unchanged<'f>(&mut self, fields: &impl Fields<'f>, now: Instant) -> Fate {
        let Some(page) = self.before.clone().filter(|page| page.conditions().next().is_some()) else {
            // It answers what nobody asked, and says nothing of what is kept.
            self.pilot.land(Landing::Lost);
            return Fate::Pass;
        };
        let said = kept(fields.clone());
        let mut merged = page.renewed(&said, page.terms, now).headers;
        if let Some(age) = fields.clone().find(|(name, _)| name.eq_ignore_ascii_case("age")) {
            merged.extend(HeaderValue::from_bytes(age.1).ok().map(|age| (header::AGE, age)));
        }
        let all: Vec<_> = merged.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        match judge(page.status, &all.iter().copied(), &self.around(now)) {
            Ok(terms) => {
                let renewed = Arc::new(page.renewed(&said, terms, now));
                self.cache.events.fetched(Fetched::Unchanged);
                if self.is_valid() && renewed.epoch == self.epoch {
                    self.keep(&renewed);
                }
                self.answer_instead(renewed, CacheStatus::Hit, Landing::Kept)
            }
            Err(_) => {
                self.cache.forget(&self.key, &page);
                self.answer_instead(page, CacheStatus::Hit, Landing::Told)
            }
        }
    }

    /// The answer is one that cannot be kept, whatever its fields say.
    pub fn decline(&mut self) -> Fate {
        self.pass(Landing::Told)
    }

    /// No answer came: what may be given instead.
    pub fn failed(&mut self) -> Option<(Arc<Page>, CacheStatus)> {
        let page = self.spare(Instant::now())?;
        Some((page, CacheStatus::Stale))
    }

    /// What is given instead of the answer that was heard.
    pub fn instead(&mut self) -> Option<(Arc<Page>, CacheStatus)> {
        self.instead.take()
    }

    /// Whether others wait for the answer.
    pub fn is_awaited(&self) -> bool {
        self.pilot.is_awaited()
    }

    /// Whether the answer is being kept.
    pub fn is_keeping(&self) -> bool {
        self.draft.is_some()
    }

    /// Keeps a piece of the content. What grows too long is given up.
    pub fn push(&mut self, content: &[u8]) {
        // Once for the page, and once for a client that reads slowly.
        let fits = self.draft.is_some() && self.claim(2 * content.len());
        let Some(draft) = &mut self.draft else { return };
        if !fits || draft.content.len() + content.len() > self.cache.settings.entry_bytes {
            self.draft = None;
            self.cache.events.fetched(Fetched::TooLarge);
            self.pilot.land(Landing::Told);
        } else {
            draft.content.extend_from_slice(content);
        }
    }

    /// The content is complete: from now on the page is found.
    pub fn finish(&mut self) {
        let Some(draft) = self.draft.take() else { return };
        let Draft { status, headers, terms, received, selecting, content } = draft;
        if !self.is_valid() {
            self.cache.events.fetched(Fetched::Lost);
            return self.pilot.land(Landing::Lost);
        }
        let name = Name { tags: purge::tags(&headers), ..std::mem::take(&mut self.name) };
        let epoch = self.epoch;
        let content = content.freeze();
        let page = Page::new(Parts { name, status, headers, content, terms, received, selecting, epoch });
        self.keep(&Arc::new(page));
        self.cache.events.fetched(Fetched::Kept);
        self.pilot.land(Landing::Kept);
    }

    /// Claims bytes of the budget; they are given back when the exchange is over.
    fn claim(&mut self, bytes: usize) -> bool {
        let before = self.cache.fetching.fetch_add(bytes, Relaxed);
        self.claimed += bytes;
        before.saturating_add(bytes) <= self.cache.settings.fetching_bytes
    }

    fn keep(&self, page: &Arc<Page>) {
        self.cache.insert(&self.key, page);
        // A purge may have begun in between, and not have seen it.
        if !self.is_valid() {
            self.cache.forget(&self.key, page);
        }
    }

    fn around(&self, now: Instant) -> Circumstances {
        Circumstances {
            authorized: self.authorized,
            delay: now.saturating_duration_since(self.begun),
            now: SystemTime::now(),
            stale_max: self.cache.settings.stale_max.as_secs(),
        }
    }

    /// What may be answered where asking anew fails.
    fn spare(&self, now: Instant) -> Option<Arc<Page>> {
        self.before.as_ref().filter(|page| page.terms.spares(page.age(now))).cloned()
    }

    /// Nothing was purged or made invalid since it began.
    fn is_valid(&self) -> bool {
        self.generation == self.cache.generation() && self.epoch == self.cache.epochs.now(self.key.place)
    }

    fn answer_instead(&mut self, page: Arc<Page>, status: CacheStatus, landing: Landing) -> Fate {
        self.instead = Some((page, status));
        self.pilot.land(landing);
        Fate::Instead
    }

    /// The answer is not kept, and neither is what was kept before it.
    fn pass(&mut self, landing: Landing) -> Fate {
        if let (Landing::Told, Some(page)) = (landing, self.before.take()) {
            self.cache.forget(&self.key, &page);
        }
        self.cache.events.fetched(Fetched::NotKept);
        self.pilot.land(landing);
        Fate::Pass
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.cache.fetching.fetch_sub(self.claimed, Relaxed);
    }
}

/// The fields that are kept, as a map. What no field can hold is left out.
fn kept<'f>(fields: impl Fields<'f>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    for (name, value) in fields {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    for name in [header::AGE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::TRAILER, CACHE_STATUS] {
        headers.remove(name);
    }
    headers.remove("x-request-id");
    // RFC 9110 6.6.1: who receives an answer without a date says when that was. Of several the first counts.
    let date = headers.get(header::DATE).filter(|date| date.to_str().is_ok_and(|date| date.len() == 29)).cloned();
    let now = || HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now())).ok();
    if let Some(date) = date.or_else(now) {
        headers.insert(header::DATE, date);
    }
    headers
}
