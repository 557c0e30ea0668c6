//! Hot: the pages that one thread answered last, so that answering one again costs little more than a file.
//!
//! A request that is equal in scheme, host, target, `Accept` and `Accept-Encoding` to one that was answered from the
//! cache gets the same page, as long as that is fresh, for this request, and nothing made it invalid since. What says
//! more about itself (a cookie, a range, a condition but `If-None-Match`) goes the long way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use bytes::Bytes;
use http::StatusCode;
use indexmap::IndexMap;

use super::{
    Asked, EdgeCache, Guise, Page,
    epoch::Place,
    key::{COUNTRY, all_ignored, own_country, values},
    policy::Standing,
};
use crate::coding::says_no_transform;

/// Every so many answers one goes the long way, so that the cache behind knows what is in demand.
const LOOK_BEHIND: u32 = 64;
/// Longer targets are rare, and not worth their place.
const KEY_BYTES_MAX: usize = 4096;

/// The pages of one thread.
#[derive(Debug)]
pub struct Front {
    cache: Arc<EdgeCache>,
    entries: IndexMap<Box<[u8]>, Entry>,
    bytes: usize,
    /// The request that is being looked up.
    key: Vec<u8>,
    /// Where the last entry was thrown out.
    at: usize,
    hits: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Entry {
    page: Arc<Page>,
    place: Place,
    deployment: Box<str>,
    generation: u64,
    asked: u32,
    /// The heads in another guise than that of the page, where there is one: of the page and of its 304.
    heads: Option<[Box<[u8]>; 2]>,
    /// The content in fewer bytes.
    content: Option<Bytes>,
    /// What it counts for; a page may grow meanwhile.
    weight: usize,
}

/// An answer that is written already. What belongs to the connection is to follow the head.
#[derive(Clone, Copy, Debug)]
pub struct ReadyPage<'f> {
    /// That of the page, or 304.
    pub status: StatusCode,
    /// The status line and the fields, `Date` among them, each line with its end.
    pub head: &'f [u8],
    /// The `Age`, in seconds.
    pub age: u64,
    /// The content; none for the 304 and for HEAD.
    pub content: Option<&'f Bytes>,
}

impl Front {
    pub(super) fn new(cache: Arc<EdgeCache>) -> Self {
        let hits = cache.events.front();
        Self { cache, entries: IndexMap::new(), bytes: 0, key: Vec::new(), at: 0, hits }
    }

    /// The answer to a GET or HEAD that is equal to one before; none for every other one.
    pub fn ready(&mut self, asked: &Asked<'_>, now: Instant) -> Option<ReadyPage<'_>> {
        if self.entries.is_empty() {
            return None;
        }
        let held = write_key(&mut self.key, asked, &self.cache)?;
        let (at, _, entry) = self.entries.get_full_mut(&*self.key)?;
        let page = &entry.page;
        // What is not as plain as that is compared the long way.
        if held.is_some() && page.etag().is_none_or(|etag| etag.contains(',')) {
            return None;
        }
        let valid = entry.generation == self.cache.generation()
            && page.epoch == self.cache.epochs.now(entry.place)
            && *entry.deployment == *asked.deployment
            && page.standing(now) == Standing::Fresh;
        if !valid {
            self.remove(at);
            return None;
        }
        entry.asked += 1;
        if entry.asked.is_multiple_of(LOOK_BEHIND) || !page.is_for(asked.head, &self.cache.settings) {
            return None;
        }
        // One thread writes, so nothing is lost.
        self.hits.store(self.hits.load(Relaxed).wrapping_add(1), Relaxed);
        let Entry { page, heads, content, .. } = &self.entries[at];
        let [whole, not_modified] = match heads {
            Some([whole, not_modified]) => [&**whole, not_modified],
            None => [page.whole(), page.not_modified()],
        };
        let age = page.age(now);
        let is_held = held.zip(page.etag()).is_some_and(|(held, etag)| is_held(etag, held));
        Some(if is_held && page.status == StatusCode::OK {
            ReadyPage { status: StatusCode::NOT_MODIFIED, head: not_modified, age, content: None }
        } else {
            let content = (asked.head.method == "GET").then(|| content.as_ref().unwrap_or(&page.content));
            ReadyPage { status: page.status, head: whole, age, content }
        })
    }

    /// Keeps a page that answered a request, to be given again in the same guise, if that was for want of nothing: whoever
    /// comes next gets no other one.
    pub fn keep(&mut self, asked: &Asked<'_>, page: &Arc<Page>, guise: Guise<'_>, generation: u64) {
        let bytes_max = self.cache.settings.front_bytes;
        if guise.is_makeshift()
            || page.weight() > bytes_max / 4
            || write_key(&mut self.key, asked, &self.cache).is_none()
        {
            return;
        }
        let head = asked.head;
        let mut entry = Entry {
            page: Arc::clone(page),
            place: Place::of(asked.site, head.host, head.path, head.query),
            deployment: asked.deployment.into(),
            generation,
            asked: 0,
            heads: (!guise.is_none()).then(|| page.heads_in(&guise)),
            content: guise.content,
            weight: 0,
        };
        let heads: usize = entry.heads.iter().flatten().map(|head| head.len()).sum();
        entry.weight = page.weight() + heads;
        self.bytes += entry.weight;
        if let Some(before) = self.entries.insert(self.key.as_slice().into(), entry) {
            self.bytes -= before.weight;
        }
        while self.bytes > bytes_max && !self.entries.is_empty() {
            // Any of them: what is in demand comes back from the cache behind.
            self.at = self.at.wrapping_add(1) % self.entries.len();
            self.remove(self.at);
        }
    }

    fn remove(&mut self, at: usize) {
        if let Some((_, entry)) = self.entries.swap_remove_index(at) {
            self.bytes -= entry.weight;
        }
    }
}

/// Writes what decides about a page, and gives what the client has already: empty where it says nothing. None for a
/// request that says more than that.
fn write_key<'a>(key: &mut Vec<u8>, asked: &Asked<'a>, cache: &EdgeCache) -> Option<Option<&'a [u8]>> {
    let head = asked.head;
    let (mut accept, mut coding, mut held) = (None, None, None);
    for field in head.fields {
        let is = |known: &str| field.name.eq_ignore_ascii_case(known);
        let first = match field.name.len() {
            6 if is("accept") => &mut accept,
            15 if is("accept-encoding") => &mut coding,
            13 if is("if-none-match") => &mut held,
            6 if is("cookie") => {
                if !cache.settings.with_cookies && !all_ignored(field.value, &cache.settings.ignored_cookies) {
                    return None;
                }
                continue;
            }
            13 if is("authorization") => return None,
            // It wants nothing transformed, which no other request is to suffer from.
            13 if is("cache-control") => {
                if cache.settings.obey_clients || says_no_transform(field.value) {
                    return None;
                }
                continue;
            }
            6 if is("pragma") && cache.settings.obey_clients => return None,
            5 if is("range") => return None,
            8 if is("if-match") || is("if-range") => return None,
            17 if is("if-modified-since") => return None,
            19 if is("if-unmodified-since") => return None,
            _ => continue,
        };
        if first.replace(field.value).is_some() {
            return None;
        }
    }
    // In HTTP/1.0 nothing is given in a coding.
    if coding.is_some() && !head.http11 {
        return None;
    }
    key.clear();
    let country = |name: &str| asked.trusted.then(|| values(head, name).next()).flatten();
    let parts = [
        Some(asked.site.as_bytes()),
        Some(asked.scheme.as_bytes()),
        Some(head.host.as_bytes()),
        Some(head.path.as_bytes()),
        head.query.map(str::as_bytes),
        accept,
        coding,
        country(COUNTRY[0]),
        country(COUNTRY[1]),
        own_country(&cache.settings).and_then(country),
    ];
    // None of them can hold a line end, so no two requests run into the same bytes; an absent one is no empty one.
    for part in parts {
        if let Some(part) = part {
            key.push(b'=');
            key.extend_from_slice(part);
        }
        key.push(b'\n');
    }
    (key.len() <= KEY_BYTES_MAX).then_some(held)
}

/// Whether the client's copy is this very page (RFC 9110 13.1.2, weak comparison).
fn is_held(etag: &str, held: &[u8]) -> bool {
    let held = std::str::from_utf8(held).unwrap_or_default();
    held.trim() == "*" || held.split(',').any(|tag| bare(tag.trim()) == bare(etag))
}

fn bare(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}
