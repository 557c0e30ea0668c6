//! Hot: the edge cache before Compute: an answer that is kept, a wait for somebody else's fetch, or leave to ask.

use std::{future::poll_fn, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use tokio::time::sleep_until;

use super::{
    loan::{Connection, poll_left},
    relay,
    shard::Shard,
    upstream::{End, Passed},
};
use crate::{
    answer::{Answer, Body, Head},
    assets::{Ranges, Validators, Verdict, evaluate, ranges},
    coding::{self, Compression, ContentCoding, Plain, Wants},
    compute::{Fleet, forwarded::Client},
    edge_cache::{Asked, Bypass, CacheStatus, EdgeCache, Found, Guise, Key, Landing, Lead, Page, Passenger, Turn},
    headers::Overlay,
    service::reply::Refusal,
};

/// Fetches of one page that a request waits for: one that another variant came of is no answer yet.
const FLIGHTS_MAX: usize = 3;

/// Contents up to this size are compressed without changing threads: about as many bytes as one read of the relay's has.
const FORM_BYTES_AT_ONCE: usize = 32 * 1024;

/// What the cache has to say to a request.
pub(super) enum Looked {
    /// This is the answer.
    Answer(Answer),
    /// The client left while it waited.
    Left,
    /// Compute is to be asked; with a lead, its answer may be kept.
    Ask(Option<Box<Lead>>),
}

/// What a request for a page needs.
#[derive(Clone, Copy)]
pub(super) struct Looking<'a> {
    pub(super) shard: &'a Arc<Shard>,
    pub(super) cache: &'a Arc<EdgeCache>,
    pub(super) fleet: &'a Arc<Fleet>,
    pub(super) asked: Asked<'a>,
    pub(super) client: &'a Client,
    /// The custom headers of the path that the client asked for.
    pub(super) overlay: Option<&'a Overlay>,
    /// The client asked for this very address: only then is the answer at hand for the next one.
    pub(super) as_sent: bool,
    /// A 404 of Compute is answered by somebody else.
    pub(super) has_fallback: bool,
    /// Its way to Compute is one that keeps answers.
    pub(super) can_keep: bool,
}

impl Looking<'_> {
    /// Looks for an answer; waits where somebody else is fetching it.
    pub(super) async fn look(self, connection: &mut Connection) -> Looked {
        let Self { shard, cache, asked, .. } = self;
        let key = match cache.key(&asked) {
            Ok(key) => key,
            Err(why) => return past(asked.head, why),
        };
        let until = tokio::time::Instant::now() + cache.settings().wait;
        for _ in 0..FLIGHTS_MAX {
            let generation = cache.generation();
            let before = match cache.find(&key, &asked).await {
                Found::Fresh(page) => {
                    let guise = self.guise(&key, &page).await;
                    let answer = self.answer(&page, &guise, CacheStatus::Hit);
                    if let Some(pages) = shard.pages.as_ref().filter(|_| self.as_sent) {
                        pages.lock().keep(&asked, &page, guise, generation);
                    }
                    return Looked::Answer(answer);
                }
                Found::Stale(page) => {
                    if let Turn::Lead(lead) = cache.board(&key, &asked, Some(Arc::clone(&page))) {
                        relay::refresh(shard, self.fleet, asked.head, self.client, self.has_fallback, lead);
                    }
                    let guise = self.guise(&key, &page).await;
                    return Looked::Answer(self.answer(&page, &guise, CacheStatus::Stale));
                }
                Found::Missing(before) => before,
            };
            if cache.wants_only_kept(&asked) {
                return Looked::Answer(Refusal::NotKept.answer());
            }
            if !self.can_keep {
                return Looked::Ask(None);
            }
            match cache.board(&key, &asked, before) {
                Turn::Lead(lead) => return Looked::Ask(Some(lead)),
                Turn::Bypass(why) => return past(asked.head, why),
                Turn::Wait(passenger) => match wait(passenger, connection, until).await {
                    Waited::Landed(Landing::Kept | Landing::Lost) => {}
                    Waited::Landed(Landing::Told | Landing::Failed) | Waited::Over => return Looked::Ask(None),
                    Waited::Left => return Looked::Left,
                },
            }
        }
        Looked::Ask(None)
    }

    /// Compute was asked: counts what came of it, and gives what is to be answered instead.
    pub(super) async fn passed(&self, passed: &mut Passed) -> Option<Answer> {
        let lead = passed.lead.as_deref_mut();
        let (page, status) = match passed.end {
            End::Streamed { .. } => {
                self.cache.events().answered(lead.map_or(CacheStatus::Bypass, |lead| lead.status()));
                return None;
            }
            End::Withheld => lead?.instead()?,
            End::Refused(_) => lead?.failed()?,
            End::ClientLeft => return None,
        };
        let key = self.cache.key(&self.asked).ok()?;
        let guise = self.guise(&key, &page).await;
        Some(self.answer(&page, &guise, status))
    }

    /// What this client gets of a page: its content in a coding, and what that does to its fields.
    async fn guise(&self, key: &Key, page: &Arc<Page>) -> Guise<'_> {
        let (compression, overlay) = (&self.shard.app.compression, self.overlay);
        let status = page.status();
        let replaced = |name: &str| overlay.is_some_and(|overlay| overlay.replaces(name, status));
        let custom = overlay.into_iter().flat_map(|overlay| overlay.fields(status));
        let custom = custom.map(|field| (field.name.as_str(), field.value.as_bytes()));
        let word = overlay.and_then(Overlay::word);
        let said: Vec<_> = page.fields().filter(|(name, _)| !replaced(name)).chain(custom).chain(word).collect();
        let wants = Wants::of(self.asked.head);
        let mut judged = compression.judge(&wants, said.iter().copied(), status, page.content().len());
        drop(said);
        let mut content = None;
        if let Ok(coding) = judged.outcome {
            let make = |content| form(compression, coding, content);
            if self.asked.head.field("range").is_some() {
                // A part is one of the content as it is kept.
                judged.outcome = Err(Plain::Status);
            } else if page.is_formed(coding) || !is_held(page, self.asked.head) {
                match self.cache.form(key, page, coding, make).await {
                    Ok(Some(made)) => content = Some(made),
                    Ok(None) => judged.outcome = Err(Plain::Small),
                    Err(coding::Busy) => judged.outcome = Err(Plain::Busy),
                }
            }
        }
        Guise { overlay, judged, content }
    }

    /// The answer with a page, and its count.
    fn answer(&self, page: &Page, guise: &Guise<'_>, status: CacheStatus) -> Answer {
        self.cache.events().answered(status);
        let mut answer = reply(page, self.asked.head, guise, status);
        guise.judged.dress(answer.status, &mut answer.headers);
        if let Some(value) = self.overlay.and_then(|overlay| overlay.cache_control_of(answer.status)) {
            answer.headers.insert(header::CACHE_CONTROL, value.clone());
        }
        answer
    }
}

/// A content in a coding, made elsewhere where it takes long: other clients of this thread are not to wait for it.
async fn form(
    compression: &Arc<Compression>,
    coding: ContentCoding,
    content: Bytes,
) -> Result<Option<Bytes>, coding::Busy> {
    if content.len() <= FORM_BYTES_AT_ONCE {
        return compression.whole(coding, &content);
    }
    let compression = Arc::clone(compression);
    let made = tokio::task::spawn_blocking(move || compression.whole(coding, &content)).await;
    made.unwrap_or(Err(coding::Busy))
}

/// A request goes past the cache.
fn past(head: &Head<'_>, why: Bypass) -> Looked {
    tracing::trace!(target: "edgeplane::edge_cache", method = head.method, path = head.path, %why, "past the cache");
    Looked::Ask(None)
}

/// How a wait ended.
enum Waited {
    Landed(Landing),
    Left,
    Over,
}

async fn wait(mut passenger: Passenger, connection: &mut Connection, until: tokio::time::Instant) -> Waited {
    let left = poll_fn(|cx| poll_left(connection, 0, cx));
    tokio::select! {
        biased;
        landing = passenger.landed() => Waited::Landed(landing),
        () = left => Waited::Left,
        () = sleep_until(until) => Waited::Over,
    }
}

/// What a page is compared by, and whether its tag is a strong one.
fn validators(page: &Page) -> (Validators<'_>, bool) {
    let tag = page.etag().unwrap_or_default();
    let (etag, is_strong) = match tag.strip_prefix("W/") {
        Some(bare) => (bare, false),
        None => (tag, true),
    };
    // A page without a date was changed at no time that anybody could name.
    let modified = page.modified().unwrap_or(u64::MAX);
    (Validators { etag, modified, modified_is_strong: false }, is_strong)
}

/// Whether the client has it already, so that nobody needs its content.
fn is_held(page: &Page, head: &Head<'_>) -> bool {
    page.status() == StatusCode::OK && evaluate(head, validators(page).0) == Verdict::NotModified
}

/// What a client gets of a page: all of it, a part, or word that it has it already.
fn reply(page: &Page, head: &Head<'_>, guise: &Guise<'_>, status: CacheStatus) -> Answer {
    let now = Instant::now();
    let mut answer = page.answer(status, now);
    if let Some(content) = &guise.content {
        answer.body = Body::Whole(content.clone());
    }
    if page.status() != StatusCode::OK {
        return answer;
    }
    let (current, is_strong) = validators(page);
    if evaluate(head, current) == Verdict::NotModified {
        return page.answer_not_modified(status, now);
    }
    let current = Validators { etag: if is_strong { current.etag } else { "" }, ..current };
    let content = page.content();
    match ranges(head, current, content.len() as u64, 1) {
        Ranges::One(range) => {
            let said = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), content.len());
            let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(content.len());
            answer.status = StatusCode::PARTIAL_CONTENT;
            answer.body = Body::Whole(content.slice(at(range.start)..at(range.end)));
            answer.headers.extend(HeaderValue::try_from(said).ok().map(|said| (header::CONTENT_RANGE, said)));
        }
        Ranges::Unsatisfiable => {
            let said = format!("bytes */{}", content.len());
            answer.status = StatusCode::RANGE_NOT_SATISFIABLE;
            answer.body = Body::Empty;
            answer.headers.remove(header::CONTENT_TYPE);
            answer.headers.remove(header::CONTENT_ENCODING);
            answer.headers.extend(HeaderValue::try_from(said).ok().map(|said| (header::CONTENT_RANGE, said)));
        }
        Ranges::Whole | Ranges::Many(_) => {}
    }
    answer
}
