//! The image optimization primitive: a URL in one of two dialects, an image in the best format its reader takes.
//!
//! The way of a request: `request` (what may be known) -> `query` -> `locator` (what the url names, and whether it may
//! be read) -> `negotiate` -> `cache`, and on a miss `flight` -> `make` -> `load` (from `source`: files and Compute, or
//! from `remote`: other hosts) -> `draw` -> `work` (the optimizer, on threads of its own) -> `cache` -> `reply`.
//!
//! Every check of what may be read stands before the cache is asked: what one deployment may show is no reason for
//! another one to show it. The request's `Host` is not even an input.

mod address;
mod cache;
mod disposition;
mod draw;
mod events;
mod flight;
mod freshness;
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
mod work;

use std::{io, sync::Arc, time::Duration};

use edgeplane_config::ImageTuning;
use edgeplane_optimizer::{Limits, SourceType, VERSION, probe};
use tokio::{sync::Semaphore, time::timeout};

pub use address::AddressRule;
pub use events::{ImageEvents, ImageSnapshot, WorkerEnd};
pub use preview::Preview;
pub use refusal::{BadRequest, Refusal};
pub use request::ImageRequest;
pub use rules::Rules;
pub use source::{ComputeFailure, Fetched, LocalFile, Origin};

use crate::answer::Answer;
use cache::{Cache, Key, Outcome, Recipe};
use draw::{Drawer, gate};
use flight::Flights;
use freshness::Freshness;
use load::{Loader, Source};
use locator::{Locator, locate};
use make::Maker;
use negotiate::Choice;
use picture::Picture;
use query::Query;
use remote::{FetchLimits, Remote};
use reply::{CacheStatus, Circumstances, reply};
use work::{Means, Pool};

/// The primitive: one per process, shared by all sites, outliving every deployment.
#[derive(Debug)]
pub struct Images {
    maker: Arc<Maker>,
    flights: Flights,
    timeout: Duration,
}

/// The workers could not be started.
#[derive(Debug, thiserror::Error)]
#[error("start the image workers")]
pub struct StartWorkers {
    source: io::Error,
}

impl Images {
    /// Starts the workers and an empty cache.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(tuning: &ImageTuning) -> Result<Self, StartWorkers> {
        let events = Arc::new(ImageEvents::default());
        let means = Means::of(tuning);
        let pool = Pool::start(tuning.workers, tuning.queue, tuning.memory_bytes_max, &means, Arc::clone(&events))
            .map_err(|source| StartWorkers { source })?;
        let fetch = FetchLimits {
            timeout: tuning.fetch_timeout,
            redirects: tuning.redirects_max,
            bytes: tuning.source_bytes_max,
        };
        let loader = Loader {
            remote: Remote::new(AddressRule::new(&tuning.private_addresses), fetch),
            places: Semaphore::new(tuning.queue.clamp(1, Semaphore::MAX_PERMITS)),
            bytes_max: tuning.source_bytes_max,
            timeout: tuning.fetch_timeout,
            ttl_max: tuning.ttl_max,
            events: Arc::clone(&events),
        };
        let limits = Limits {
            source_bytes: tuning.source_bytes_max,
            side: tuning.side_max,
            output_bytes: tuning.output_bytes_max,
        };
        let cache = Cache::new(tuning.cache_bytes);
        let drawer = Drawer { pool, limits, timeout: tuning.timeout, events: Arc::clone(&events) };
        let maker = Maker { cache, loader, drawer, negative_ttl: tuning.negative_ttl, events };
        Ok(Self { maker: Arc::new(maker), flights: Flights::default(), timeout: tuning.timeout })
    }

    /// What has happened so far.
    pub fn events(&self) -> &Arc<ImageEvents> {
        &self.maker.events
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
    ) -> Result<Answer, Refusal> {
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
    ) -> Result<Answer, Refusal> {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Err(Refusal::MethodNotAllowed);
        }
        let query = Query::parse(request.query.as_deref().unwrap_or_default(), rules)?;
        let locator = locate(&query.url, request.base_path(), rules, origin.as_ref())?;
        let source_path = match &locator {
            Locator::Local(places) => places.first().map(|place| place.path.clone()).unwrap_or_default(),
            Locator::Remote(url) => url.path().into(),
        };
        let source = Source::find(locator, origin.as_ref());
        let current = matches!(source, Source::File(_));
        if let Source::File(file) = &source {
            self.maker.loader.admit(file.bytes.len())?;
            let probe = probe(&file.bytes)?;
            if self.maker.drawer.passes(&probe) {
                gate(&probe, &self.maker.drawer.limits, rules)?;
                self.maker.events.pass();
                let freshness = Freshness { ttl: rules.ttl_min, store: true };
                let picture = Picture::passed(file.bytes.clone(), Some(&file.hash), &probe, freshness);
                let around = Circumstances { status: CacheStatus::Bypass, source_path: &source_path, current };
                return Ok(reply(&picture, request, rules, around));
            }
        }
        let choice = Choice::of(request.accept.as_deref(), &rules.formats, query.format);
        let key =
            Key { version: VERSION, identity: source.identity(origin.as_ref()), recipe: Recipe::of(&query, choice) };
        let (outcome, mut status) = self.get(key, source, rules, origin).await;
        let picture = outcome?;
        // The cache may have kept what another deployment of the site was allowed to show.
        if picture.source_type == SourceType::Svg && !rules.allow_svg {
            return Err(Refusal::SvgNotAllowed);
        }
        if !picture.freshness.store {
            status = CacheStatus::Bypass;
        }
        Ok(reply(&picture, request, rules, Circumstances { status, source_path: &source_path, current }))
    }

    /// The picture for `key`, kept or made, within the time a request may take.
    async fn get(
        &self,
        key: Key,
        source: Source,
        rules: &Arc<Rules>,
        origin: Arc<dyn Origin>,
    ) -> (Outcome, CacheStatus) {
        if let Some(outcome) = self.maker.cache.get(&key).await {
            self.maker.events.hit();
            return (outcome, CacheStatus::Hit);
        }
        let work = || {
            let (maker, rules, key) = (Arc::clone(&self.maker), Arc::clone(rules), key.clone());
            async move { maker.make(key, source, &rules, origin.as_ref()).await }
        };
        match timeout(self.timeout, self.flights.join(&key, work)).await {
            Ok((outcome, joined)) => {
                self.maker.events.miss(joined);
                (outcome, CacheStatus::Miss)
            }
            Err(_) => (Err(Refusal::Deadline), CacheStatus::Miss),
        }
    }
}

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
