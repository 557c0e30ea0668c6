//! The image optimization primitive: a URL in one of two dialects, an image in the best format its reader takes.
//!
//! The way of a request: `request` (what may be known) -> `query` -> `locator` (what the url names, and whether it may
//! be read) -> `negotiate` -> `cache` in memory, and on a miss `flight` -> `make` -> `cache` on disk -> `load` (from
//! `source`: files and Compute, or from `remote`: other hosts) -> `draw` -> `work` (the optimizer) -> `cache` ->
//! `reply`. What nobody waits for any more goes on `behind` the scenes.
//!
//! Every check of what may be read stands before the cache is asked: what one deployment may show is no reason for
//! another one to show it. The request's `Host` is not even an input.

mod address;
mod behind;
mod cache;
mod disposition;
mod draw;
mod events;
mod flight;
mod freshness;
mod front;
mod load;
mod locator;
mod make;
mod negotiate;
mod pattern;
mod picture;
mod preview;
mod query;
mod refusal;
mod remote;
mod reply;
mod request;
mod rules;
mod source;
mod stock;
mod work;

use std::{
    io,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use edgeplane_config::{Amount, ImageTuning};
use edgeplane_optimizer::{Limits, SourceType, VERSION, probe};
use tokio::{sync::Semaphore, time::timeout};

pub use address::AddressRule;
pub use cache::{AskError, DiskUse, Purge, PurgeError, Purged, ShareError};
pub use events::{
    DISK_FAULTS, FORMATS, ImageEvents, ImageSnapshot, LEVELS, MadeSnapshot, SHARED_RESULTS, STAGES, WorkerEnd,
};
pub use front::{Front, Lasting, ReadyPicture};
pub use preview::Preview;
pub use query::edits_alone;
pub use refusal::{BadRequest, Refusal};
pub use request::ImageRequest;
pub use rules::Rules;
pub use source::{ComputeFailure, Fetched, LocalFile, Origin, Validators};
pub use stock::{Delivery, NoRoom};

use crate::answer::Answer;
use behind::{Behind, Pace};
use cache::{Cache, Key, Level, Memory, Name, Outcome, Recipe};
use draw::{Drawer, gate};
use flight::Flights;
use freshness::Freshness;
use load::{Loader, Source};
use locator::{Locator, locate};
use make::{Landing, Maker, Making, Task};
use negotiate::Choice;
use picture::Picture;
use query::Query;
use remote::{FetchLimits, Remote};
use reply::{CacheStatus, Circumstances, reply};
use stock::Stock;
use work::{Means, Pool};

/// What is made behind the scenes may take the time of so many requests: a stand-in, its turn, itself, and one to spare.
const JOBS_IN_A_ROW: u32 = 4;

/// The primitive: one per process, shared by all sites, outliving every deployment.
#[derive(Debug)]
pub struct Images {
    maker: Arc<Maker>,
    timeout: Duration,
    front_bytes: usize,
}

/// An answer, and how long the same may be answered to the same request; none where each has to be looked at.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// Whether it may be kept at hand.
    pub lasting: Option<Lasting>,
}

impl From<Answer> for Answered {
    fn from(answer: Answer) -> Self {
        Self { answer, lasting: None }
    }
}

/// The image primitive could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartImages {
    /// The system gives no threads.
    #[error("start the image workers")]
    Workers(#[source] io::Error),
    /// The shared cache is not what the settings say.
    #[error("set up the shared cache")]
    Share(#[from] ShareError),
}

impl Images {
    /// Starts the workers and the cache. `store` is the folder for images on disk; none: they are kept in memory only.
    ///
    /// Must run inside the runtime that outlives all requests, where there is to be anything on disk.
    ///
    /// # Errors
    /// When the system gives no threads, or the shared cache has no good address or key.
    pub fn start(tuning: &ImageTuning, store: Option<&Path>) -> Result<Self, StartImages> {
        let events = Arc::new(ImageEvents::default());
        let means = Means::of(tuning);
        let pool = Pool::start(tuning.workers, tuning.queue, tuning.memory_bytes_max, &means, Arc::clone(&events))
            .map_err(StartImages::Workers)?;
        let limits = Limits {
            source_bytes: tuning.source_bytes_max,
            side: tuning.side_max,
            output_bytes: tuning.output_bytes_max,
            // The worker knows how it is confined; this process never decodes.
            native: false,
        };
        let maker = Maker {
            cache: cache(tuning, store, &events)?,
            loader: loader(tuning, &events),
            drawer: Drawer { pool, limits, timeout: tuning.timeout, events: Arc::clone(&events) },
            flights: Flights::default(),
            sources: Flights::default(),
            behind: Behind::new(tuning.behind_max, n_workers(tuning.workers), tuning.timeout),
            pace: Pace::default(),
            avif_wait: tuning.avif_wait,
            negative_ttl: tuning.negative_ttl,
            events,
        };
        Ok(Self { maker: Arc::new(maker), timeout: tuning.timeout, front_bytes: tuning.front_bytes })
    }

    /// What has happened so far.
    pub fn events(&self) -> &Arc<ImageEvents> {
        &self.maker.events
    }

    /// Forgets images, also those that are still being made, and says how many.
    pub async fn purge(&self, purge: Purge) -> Purged {
        self.maker.cache.purge(purge).await
    }

    /// A place for the latest pictures of the thread that calls.
    pub fn front(&self) -> Front {
        Front::new(self.front_bytes, &self.maker.events)
    }

    /// Raised by every purge.
    fn generation(&self) -> u64 {
        self.maker.cache.generation()
    }

    /// Bytes and entries in memory, and what the disk holds.
    pub fn used(&self) -> ((u64, u64), DiskUse) {
        self.maker.cache.used()
    }

    /// Answers a request under a deployment's rules.
    ///
    /// # Errors
    /// A [`Refusal`]; [`Refusal::SourceMissing`] is the one that a route's fallback may still answer.
    pub async fn answer(
        &self,
        request: &ImageRequest,
        rules: &Arc<Rules>,
        origin: Arc<dyn Origin>,
    ) -> Result<Answered, Refusal> {
        let answer = self.attempt(request, rules, origin).await;
        if let Err(refusal) = &answer {
            self.maker.events.refusal(*refusal == Refusal::Busy);
        }
        answer
    }

    async fn attempt(
        &self,
        request: &ImageRequest,
        rules: &Arc<Rules>,
        origin: Arc<dyn Origin>,
    ) -> Result<Answered, Refusal> {
        let generation = self.generation();
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Err(Refusal::MethodNotAllowed);
        }
        let query = Query::parse(request.query.as_deref().unwrap_or_default(), rules)?;
        let locator = locate(&query.url, request.base_path(), rules, origin.as_ref())?;
        let (source_path, url) = match &locator {
            Locator::Local(places) => {
                places.first().map(|place| (place.path.clone(), place.target())).unwrap_or_default()
            }
            Locator::Remote(url) => (url.path().to_owned(), url.as_str().to_owned()),
        };
        let source = Source::find(locator, origin.as_ref());
        let current = matches!(source, Source::File(_));
        if let Source::File(file) = &source {
            self.maker.loader.stock.admit(file.bytes.len())?;
            let probe = probe(&file.bytes)?;
            if self.maker.drawer.passes(&probe) {
                gate(&probe, &self.maker.drawer.limits, rules)?;
                self.maker.events.pass();
                let freshness = Freshness { ttl: rules.ttl_min, store: true };
                let picture = Picture::passed(file.bytes.clone(), Some(&file.hash), &probe, freshness);
                let around = Circumstances { status: CacheStatus::Bypass, source_path: &source_path, current };
                return Ok(reply(&picture, request, rules, around).into());
            }
        }
        let choice = Choice::of(request.accept.as_deref(), &rules.formats, query.format);
        let key =
            Key { version: VERSION, identity: source.identity(origin.as_ref()), recipe: Recipe::of(&query, choice) };
        let name = Arc::new(Name { site: origin.site().to_owned(), url });
        let standing_in = choice.standing_in(request.accept.as_deref(), &rules.formats, query.format);
        let task = Task { key, name, source, rules: Arc::clone(rules), origin, standing_in };
        let (outcome, mut status) = self.get(&task).await;
        let picture = outcome?;
        // The cache may have kept what another deployment of the site was allowed to show.
        if picture.source_type == SourceType::Svg && !rules.allow_svg {
            return Err(Refusal::SvgNotAllowed);
        }
        if !picture.freshness.store && status != CacheStatus::Interim {
            status = CacheStatus::Bypass;
        }
        let answer = reply(&picture, request, rules, Circumstances { status, source_path: &source_path, current });
        let left = picture.freshness.ttl.saturating_sub(picture.age());
        // What is longer than a day is looked at again after it, which costs nothing.
        let until = Instant::now() + left.min(Duration::from_secs(24 * 60 * 60));
        let lasting = Lasting { until, generation, read: (!current).then_some(picture.read) };
        Ok(Answered { answer, lasting: (status == CacheStatus::Hit).then_some(lasting) })
    }

    /// A picture, kept or made, within the time a request may take.
    async fn get(&self, task: &Task) -> (Outcome, CacheStatus) {
        let got = timeout(self.timeout, async {
            if let Some(answer) = self.at_hand(task).await {
                return answer;
            }
            let (flight, joined) = self.maker.begin(task);
            match (self.maker.avif_wait, task.stand_in()) {
                (Some(wait), Some(stand_in)) => self.soon(task, &flight, joined, &stand_in, wait).await,
                _ => self.landed(task, flight.landed().await, joined),
            }
        });
        got.await.unwrap_or((Err(Refusal::Deadline), CacheStatus::Miss))
    }

    /// What is in memory.
    async fn at_hand(&self, task: &Task) -> Option<(Outcome, CacheStatus)> {
        let looked = Instant::now();
        let entry = self.maker.cache.at_hand(&task.key).await?;
        match (&entry.outcome, task.stand_in()) {
            // AVIF cannot be made of it, and something else perhaps can.
            (Err(_), Some(stand_in)) => Some(self.stand_in(&stand_in).await),
            _ => {
                self.maker.events.hit(Level::Memory as usize + 1);
                let is_stale = self.look_after(task, &entry.outcome, looked, entry.rest);
                Some((entry.outcome, if is_stale { CacheStatus::Stale } else { CacheStatus::Hit }))
            }
        }
    }

    /// Has a picture looked after that is past its lifetime, unless it is to be left alone for a while. Says whether it is.
    fn look_after(&self, task: &Task, outcome: &Outcome, looked: Instant, rest: Option<Instant>) -> bool {
        let Some(picture) = outcome.as_ref().ok().filter(|picture| picture.is_stale()) else { return false };
        self.maker.events.stale();
        if rest.is_none_or(|rest| rest <= Instant::now()) {
            self.maker.refresh(task, picture, looked);
        }
        true
    }

    fn landed(&self, task: &Task, landing: Option<Landing>, joined: bool) -> (Outcome, CacheStatus) {
        match landing {
            Some(Landing { outcome, level: Some(level), looked }) => {
                self.maker.events.hit(level as usize + 1);
                let is_stale = self.look_after(task, &outcome, looked, None);
                (outcome, if is_stale { CacheStatus::Stale } else { CacheStatus::Hit })
            }
            Some(Landing { outcome, level: None, .. }) => {
                self.maker.events.miss(joined);
                (outcome, CacheStatus::Miss)
            }
            None => (Err(Refusal::Failed), CacheStatus::Miss),
        }
    }

    /// AVIF within `wait`, or what stands in for it while it is finished behind the scenes.
    async fn soon(
        &self,
        task: &Task,
        flight: &Arc<Making>,
        joined: bool,
        stand_in: &Task,
        wait: Duration,
    ) -> (Outcome, CacheStatus) {
        // Whichever comes first: it is known to take longer, it is there, or the time is over.
        let _ = timeout(wait, flight.long()).await;
        tokio::select! {
            biased;
            landing = flight.landed() => {
                if landing.as_ref().is_none_or(|landing| landing.outcome.is_err()) {
                    return self.stand_in(stand_in).await;
                }
                self.landed(task, landing, joined)
            }
            (outcome, status) = self.stand_in(stand_in) => {
                self.maker.events.miss(joined);
                // What may not be kept would be made for nobody.
                if outcome.as_ref().is_ok_and(|picture| picture.freshness.store)
                    && let Some(pledge) = self.maker.behind.pledge()
                {
                    self.maker.flights.see_through(Arc::clone(flight), pledge);
                }
                (outcome, status)
            }
        }
    }

    /// The quickest picture, which stands in for AVIF. One past its lifetime is looked after, as every other one is: where AVIF cannot be
    /// had, all that is ever answered is this.
    async fn stand_in(&self, stand_in: &Task) -> (Outcome, CacheStatus) {
        let looked = Instant::now();
        let outcome = match self.maker.cache.at_hand(&stand_in.key).await {
            Some(entry) => {
                self.look_after(stand_in, &entry.outcome, looked, entry.rest);
                entry.outcome
            }
            None => match self.maker.begin(stand_in).0.landed().await {
                Some(Landing { outcome, level, looked }) => {
                    if level.is_some() {
                        self.look_after(stand_in, &outcome, looked, None);
                    }
                    outcome
                }
                None => Err(Refusal::Failed),
            },
        };
        if outcome.is_ok() {
            self.maker.events.interim();
        }
        (outcome, CacheStatus::Interim)
    }
}

fn n_workers(workers: Amount) -> usize {
    match workers {
        Amount::Auto => thread::available_parallelism().map_or(1, usize::from),
        Amount::Just(count) => count.max(1),
    }
}

fn cache(tuning: &ImageTuning, store: Option<&Path>, events: &Arc<ImageEvents>) -> Result<Cache, ShareError> {
    let memory = Memory::new(tuning.cache_bytes, Arc::clone(events));
    let content_max = tuning.output_bytes_max.max(tuning.source_bytes_max);
    let mut cache = Cache::new(memory, tuning.stale_max, tuning.fetch_timeout + tuning.timeout * JOBS_IN_A_ROW);
    if let Some(store) = store {
        cache = cache.with_disk(store, tuning.disk_bytes, content_max, events);
    }
    match (&tuning.shared_cache, &tuning.shared_cache_key_file) {
        (Some(url), Some(key)) => cache.with_shared(url, key, tuning.shared_cache_timeout, content_max, events),
        _ => Ok(cache),
    }
}

fn loader(tuning: &ImageTuning, events: &Arc<ImageEvents>) -> Loader {
    let stock = Stock::new(tuning.fetched_bytes_max, tuning.source_bytes_max);
    let fetch = FetchLimits { timeout: tuning.fetch_timeout, redirects: tuning.redirects_max, stock: stock.clone() };
    Loader {
        remote: Remote::new(AddressRule::new(&tuning.private_addresses), fetch),
        places: Semaphore::new(tuning.queue.clamp(1, Semaphore::MAX_PERMITS)),
        stock,
        timeout: tuning.fetch_timeout,
        ttl_max: tuning.ttl_max,
        events: Arc::clone(events),
    }
}

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
