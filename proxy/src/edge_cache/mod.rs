//! The edge cache: answers of Compute that allow it, kept for everybody who asks the same.
//!
//! The way of a request: `key` (what it may be answered from, or why not) -> `memory`, and `disk` below it -> `page`; on
//! a miss `flight` (one asks, the others wait) -> `lead`, which hears the answer, lets `policy` judge it and keeps it.
//! `front` is what one thread has at hand. `epoch` and `purge` make what is kept invalid.
//!
//! It is a shared cache (RFC 9111) that keeps nothing that does not say so, nothing that sets a cookie, and nothing
//! whose request carried one. A fetch whose answer may be kept tells Compute nothing about its client that is not in
//! the key (`proxy/src/compute/forwarded.rs`): what one visitor's request says can never be in another visitor's page.

mod directives;
mod epoch;
mod events;
mod flight;
mod front;
mod key;
mod lead;
mod memory;
mod page;
mod policy;
mod preview;
mod purge;
mod wishes;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use edgeplane_config::EdgeCacheSettings;
use http::{HeaderName, header};
use url::Url;

pub use events::{EdgeEvents, EdgeSnapshot, FETCHES, LEVELS, RESULTS};
pub(crate) use flight::{Landing, Passenger};
pub use front::{Front, ReadyPage};
pub use key::{Asked, Bypass, Key};
pub use lead::{Fate, Lead};
pub use page::{CACHE_STATUS, CacheStatus, Page};
pub use policy::Fields;
pub use preview::Preview;
pub use purge::Purge;

use epoch::{Epochs, Place};
use flight::{Boarding, Flights};
use key::{cannot_keep, selecting, values};
use memory::{Kept, Memory};
use policy::Standing;
use purge::Name;
use wishes::Wishes;

/// The primitive: one per process, shared by all sites.
#[derive(Debug)]
pub struct EdgeCache {
    settings: EdgeCacheSettings,
    memory: Memory,
    flights: Arc<Flights>,
    epochs: Epochs,
    /// Raised by every purge.
    generation: AtomicU64,
    events: Arc<EdgeEvents>,
}

/// What is kept for a request.
#[derive(Debug)]
pub enum Found {
    /// An answer.
    Fresh(Arc<Page>),
    /// An answer, while it is fetched anew.
    Stale(Arc<Page>),
    /// None, but perhaps something that can be asked about.
    Missing(Option<Arc<Page>>),
}

/// Who asks Compute for a page that is not kept.
#[derive(Debug)]
pub(crate) enum Turn {
    /// Whoever asked here.
    Lead(Box<Lead>),
    /// Somebody else does already.
    Wait(Passenger),
    /// Everybody for himself.
    Bypass(Bypass),
}

impl EdgeCache {
    /// Starts the cache; none where the settings want none.
    pub fn start(settings: &EdgeCacheSettings) -> Option<Arc<Self>> {
        if !settings.enabled {
            return None;
        }
        let events = Arc::new(EdgeEvents::default());
        let told = Arc::clone(&events);
        Some(Arc::new(Self {
            memory: Memory::new(settings.memory_bytes, move |_, _| told.evicted(0)),
            flights: Arc::new(Flights::new(settings.pass_ttl)),
            epochs: Epochs::default(),
            generation: AtomicU64::new(0),
            events,
            settings: settings.clone(),
        }))
    }

    /// What is kept for a request.
    pub fn find(&self, key: &Key, asked: &Asked<'_>) -> Found {
        let Some(page) = self.page(key, asked) else { return Found::Missing(None) };
        let now = Instant::now();
        let wishes = if self.settings.obey_clients { Wishes::of(asked.head) } else { Wishes::default() };
        match page.standing(now) {
            Standing::Fresh if wishes.takes(page.age(now), page.left_fresh(now)) => Found::Fresh(page),
            Standing::Stale if wishes.takes_stale() => Found::Stale(page),
            _ => Found::Missing(Some(page)),
        }
    }

    fn page(&self, key: &Key, asked: &Asked<'_>) -> Option<Arc<Page>> {
        let page = match self.memory.get(&key.digest)? {
            Kept::Page(page) => page,
            Kept::Varies(names) => {
                let variant = key.variant(&selecting(asked.head, &names, &self.settings));
                match self.memory.get(&variant)? {
                    Kept::Page(page) => page,
                    Kept::Varies(_) => return None,
                }
            }
        };
        let valid = page.epoch == self.epochs.now(key.place) && page.is_for(asked.head, &self.settings);
        valid.then_some(page)
    }

    /// Who asks for what is not kept; `before` is what is kept and can be asked about.
    pub(crate) fn board(self: &Arc<Self>, key: &Key, asked: &Asked<'_>, before: Option<Arc<Page>>) -> Turn {
        if let Some(why) = cannot_keep(asked, &self.settings) {
            return Turn::Bypass(why);
        }
        let now = Instant::now();
        let (generation, epoch) = (self.generation(), self.epochs.now(key.place));
        match self.flights.board(key.digest, now) {
            Boarding::Told => Turn::Bypass(Bypass::Told),
            Boarding::Passenger(passenger) => {
                self.events.joined();
                Turn::Wait(passenger)
            }
            Boarding::Pilot(pilot) => Turn::Lead(Box::new(Lead {
                cache: Arc::clone(self),
                pilot,
                key: *key,
                name: name_of(asked),
                authorized: values(asked.head, "authorization").next().is_some(),
                generation,
                epoch,
                begun: now,
                before,
                draft: None,
                instead: None,
                missed: false,
            })),
        }
    }

    /// Whether a client wants what is kept or nothing, and is obeyed.
    pub fn wants_only_kept(&self, asked: &Asked<'_>) -> bool {
        self.settings.obey_clients && Wishes::of(asked.head).only_kept()
    }

    /// The key of a request.
    ///
    /// # Errors
    /// Why there is none.
    pub fn key(&self, asked: &Asked<'_>) -> Result<Key, Bypass> {
        Key::of(asked, &self.settings)
    }

    /// An unsafe request to a URI succeeded: what is kept for it is invalid, and for those of its own host that the answer
    /// names in `Location` and `Content-Location` (RFC 9111 4.4).
    pub fn invalidate(&self, asked: &Asked<'_>, named: &[String]) {
        let head = asked.head;
        if is_safe(head.method) {
            return;
        }
        self.epochs.advance(Place::of(asked.site, head.host, head.path, head.query));
        self.events.invalidated();
        let Ok(base) = Url::parse(&format!("{}://{}{}", asked.scheme, head.host, head.path)) else { return };
        for url in named.iter().filter_map(|reference| base.join(reference).ok()) {
            if url.origin() == base.origin() {
                self.epochs.advance(Place::of(asked.site, head.host, url.path(), url.query()));
                self.events.invalidated();
            }
        }
    }

    fn insert(&self, key: &Key, page: &Arc<Page>) {
        let keep = page.left(Instant::now(), self.settings.stale_max);
        if page.selecting.is_empty() {
            return self.memory.insert(key.digest, Arc::clone(page), keep);
        }
        let names: Vec<HeaderName> = page.selecting.iter().map(|(name, _)| name.clone()).collect();
        let known = matches!(self.memory.get(&key.digest), Some(Kept::Varies(known)) if *known == *names);
        if !known {
            self.memory.insert_names(key.digest, names.into());
        }
        self.memory.insert(key.variant(&page.selecting), Arc::clone(page), keep);
    }

    fn forget(&self, key: &Key, page: &Page) {
        self.memory.remove(&key.variant(&page.selecting));
    }

    /// Forgets pages, also those that are just being fetched, and says how many.
    pub async fn purge(&self, purge: &Purge) -> u64 {
        self.generation.fetch_add(1, Relaxed);
        self.flights.forget();
        self.memory.purge(purge)
    }

    /// Raised by every purge.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    /// What has happened so far.
    pub fn events(&self) -> &Arc<EdgeEvents> {
        &self.events
    }

    /// The settings.
    pub fn settings(&self) -> &EdgeCacheSettings {
        &self.settings
    }

    /// Bytes and entries, by [`LEVELS`].
    pub fn used(&self) -> [(u64, u64); LEVELS.len()] {
        [self.memory.used(), (0, 0)]
    }

    /// A place for the latest pages of the thread that calls.
    pub fn front(self: &Arc<Self>) -> Front {
        Front::new(Arc::clone(self))
    }
}

/// Whether a method changes nothing (RFC 9110 9.2.1).
pub fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

fn name_of(asked: &Asked<'_>) -> Name {
    let head = asked.head;
    let query = head.query.map(|query| format!("?{query}")).unwrap_or_default();
    Name {
        site: asked.site.to_owned(),
        origin: format!("{}://{}", asked.scheme, head.host.to_ascii_lowercase()),
        target: format!("{}{query}", head.path),
        tags: Vec::new(),
    }
}

/// Whether a field of a request goes to Compute with a fetch whose answer may be kept. Preconditions are ours where
/// there is something to ask about; of cookies there are none but those that are ignored.
pub fn is_sent(name: &str, asks_about: bool) -> bool {
    let is = |known: HeaderName| name.eq_ignore_ascii_case(known.as_str());
    let is_condition = || is(header::IF_NONE_MATCH) || is(header::IF_MODIFIED_SINCE) || is(header::IF_RANGE);
    !is(header::COOKIE) && !(asks_about && is_condition())
}

#[cfg(test)]
mod tests;
