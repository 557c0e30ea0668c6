//! The edge cache: answers of Compute that allow it, kept for everybody who asks the same.
//!
//! The way of a request: `key` (what it may be answered from, or why not) -> `memory`, and `disk` below it -> `page`; on
//! a miss `flight` (one asks, the others wait) -> `lead`, which hears the answer, lets `policy` judge it and keeps it.
//! `front` is what one thread has at hand, and `form` a page in fewer bytes. `epoch` and `purge` make what is kept invalid.
//!
//! It is a shared cache (RFC 9111) that keeps nothing that does not say so, nothing that sets a cookie, and nothing
//! whose request carried one. A fetch whose answer may be kept tells Compute nothing about its client that is not in
//! the key (`proxy/src/compute/forwarded.rs`): what one visitor's request says can never be in another visitor's page.

mod change;
mod directives;
mod disk;
mod epoch;
mod events;
mod flight;
mod form;
mod front;
mod key;
mod lead;
mod memory;
mod page;
mod policy;
mod preview;
mod purge;
mod record;
mod wishes;

use std::{
    io,
    path::Path,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use edgeplane_config::EdgeCacheSettings;
use http::{HeaderName, HeaderValue, header};

pub use change::Change;
pub use events::{DISK_FAULTS, EdgeEvents, EdgeSnapshot, FETCHES, LEVELS, RESULTS};
pub(crate) use flight::{Landing, Passenger};
pub use front::{Front, ReadyPage};
pub use key::{Asked, Bypass, Key};
pub use lead::{Fate, Lead};
pub use page::{CACHE_STATUS, CacheStatus, Guise, Page};
pub use policy::Fields;
pub use preview::Preview;
pub use purge::Purge;

use directives::Directives;
use disk::Disk;
use epoch::Epochs;
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
    /// What memory has no room for.
    disk: Option<Disk>,
    flights: Arc<Flights>,
    epochs: Epochs,
    /// Raised by every purge.
    generation: AtomicU64,
    /// Bytes of what is under way.
    fetching: AtomicUsize,
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
    /// Starts the cache; none where the settings want none. `store` is the folder for pages on disk; none: they are kept in
    /// memory only.
    ///
    /// Must run inside the runtime that outlives all requests, where there is to be anything on disk.
    pub fn start(settings: &EdgeCacheSettings, store: Option<&Path>) -> Option<Arc<Self>> {
        if !settings.enabled {
            return None;
        }
        let events = Arc::new(EdgeEvents::default());
        let store = store.filter(|_| settings.disk_bytes > 0);
        let disk =
            store.and_then(|path| Disk::start(path, settings.disk_bytes, settings.entry_bytes, Arc::clone(&events)));
        Some(Arc::new_cyclic(|this| Self {
            memory: Memory::new(settings.memory_bytes, {
                let this: Weak<Self> = Weak::clone(this);
                move |key, kept| {
                    if let Some(this) = this.upgrade() {
                        this.evicted(key, kept);
                    }
                }
            }),
            disk,
            flights: Arc::new(Flights::new(settings.pass_ttl)),
            epochs: Epochs::default(),
            generation: AtomicU64::new(0),
            fetching: AtomicUsize::new(0),
            events,
            settings: settings.clone(),
        }))
    }

    /// Memory has no room for it any more.
    fn evicted(self: &Arc<Self>, key: [u8; 32], kept: Kept) {
        self.events.evicted(0);
        if let Some(disk) = &self.disk {
            let (this, generation) = (Arc::downgrade(self), self.generation());
            let still = move |this: Arc<Self>| this.generation() == generation && !this.memory.contains(&key);
            disk.put(key, kept, move || this.upgrade().is_some_and(&still));
        }
    }

    /// What is kept for a request.
    pub async fn find(&self, key: &Key, asked: &Asked<'_>) -> Found {
        let Some(page) = self.page(key, asked).await else { return Found::Missing(None) };
        let now = Instant::now();
        let wishes = if self.settings.obey_clients { Wishes::of(asked.head) } else { Wishes::default() };
        match page.standing(now) {
            Standing::Fresh if wishes.takes(page.age(now), page.left_fresh(now)) => Found::Fresh(page),
            Standing::Stale if wishes.takes_stale() => Found::Stale(page),
            _ => Found::Missing(Some(page)),
        }
    }

    async fn page(&self, key: &Key, asked: &Asked<'_>) -> Option<Arc<Page>> {
        let page = match self.kept(key.digest).await? {
            Kept::Page(page) => page,
            Kept::Varies(names) => {
                let variant = key.variant(&selecting(asked.head, &names, &self.settings));
                match self.kept(variant).await? {
                    Kept::Page(page) => page,
                    Kept::Varies(_) => return None,
                }
            }
        };
        let valid = page.epoch == self.epochs.now(key.place) && page.is_for(asked.head, &self.settings);
        valid.then_some(page)
    }

    /// What stands under a key; what is found on disk is brought nearer.
    async fn kept(&self, key: [u8; 32]) -> Option<Kept> {
        if let Some(kept) = self.memory.get(&key) {
            return Some(kept);
        }
        let disk = self.disk.as_ref()?;
        let generation = self.generation();
        let kept = disk.get(key).await?;
        if generation != self.generation() {
            return None;
        }
        // What came while the disk was read is newer.
        if let Some(newer) = self.memory.get(&key) {
            return Some(newer);
        }
        match &kept {
            Kept::Page(page) => {
                self.memory.insert(key, Arc::clone(page), page.left(Instant::now(), self.settings.stale_max));
            }
            Kept::Varies(names) => self.memory.insert_names(key, Arc::clone(names)),
        }
        Some(kept)
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
                claimed: 0,
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

    fn insert(&self, key: &Key, page: &Arc<Page>) {
        let keep = page.left(Instant::now(), self.settings.stale_max);
        if page.selecting.is_empty() {
            self.memory.insert(key.digest, Arc::clone(page), keep);
            return self.forget_on_disk(key.digest);
        }
        let names: Vec<HeaderName> = page.selecting.iter().map(|(name, _)| name.clone()).collect();
        let known = matches!(self.memory.get(&key.digest), Some(Kept::Varies(known)) if *known == *names);
        if !known {
            self.memory.insert_names(key.digest, names.into());
            self.forget_on_disk(key.digest);
        }
        let variant = key.variant(&page.selecting);
        self.memory.insert(variant, Arc::clone(page), keep);
        self.forget_on_disk(variant);
    }

    fn forget(&self, key: &Key, page: &Page) {
        let variant = key.variant(&page.selecting);
        self.memory.remove(&variant);
        self.forget_on_disk(variant);
    }

    /// An older page is not to come back when a newer one is gone from memory.
    fn forget_on_disk(&self, key: [u8; 32]) {
        if let Some(disk) = &self.disk {
            disk.remove(key);
        }
    }

    /// Forgets pages, also those that are just being fetched, and says how many.
    ///
    /// # Errors
    /// When some may be left on disk.
    pub async fn purge(&self, purge: &Purge) -> (u64, io::Result<()>) {
        self.generation.fetch_add(1, Relaxed);
        self.flights.forget();
        let purged = self.memory.purge(purge);
        let in_memory = purged.len() as u64;
        match &self.disk {
            Some(disk) => {
                let (on_disk, result) = disk.purge(purge.clone(), purged).await;
                (in_memory + on_disk, result)
            }
            None => (in_memory, Ok(())),
        }
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
        [self.memory.used(), self.disk.as_ref().map_or((0, 0), Disk::used)]
    }

    /// A place for the latest pages of the thread that calls.
    pub fn front(self: &Arc<Self>) -> Front {
        Front::new(Arc::clone(self))
    }
}

/// Whether a method changes nothing (RFC 9110 9.2.1).
fn is_safe(method: &str) -> bool {
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

/// Whether a field of a request goes to Compute with a fetch whose answer may be kept. Preconditions are never the
/// client's, because a 304 to them would say nothing of what others have; of cookies there are none but those that are
/// ignored.
pub fn is_sent(name: &str) -> bool {
    let is = |known: HeaderName| name.eq_ignore_ascii_case(known.as_str());
    !(is(header::COOKIE) || is(header::IF_NONE_MATCH) || is(header::IF_MODIFIED_SINCE) || is(header::IF_RANGE))
}

/// Whether a custom `Cache-Control` keeps an answer out of a cache for everybody.
pub fn forbids(cache_control: &HeaderValue) -> bool {
    let said = Directives::of(std::iter::once(cache_control.as_bytes()));
    said.no_store || said.private || said.no_cache
}

#[cfg(test)]
mod tests;
