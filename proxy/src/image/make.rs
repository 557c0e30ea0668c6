//! Making a picture: find it or load its source, look at it, optimize it or let it pass, and keep the result.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use edgeplane_optimizer::{ImageFormat, probe};

use super::{
    Origin,
    behind::{Behind, Pace},
    cache::{Cache, Identity, Key, Level, Name, Outcome},
    draw::Drawer,
    events::ImageEvents,
    flight::{Beacon, Flight, Flights},
    freshness::Freshness,
    load::{Loaded, Loader, Source, Sourced},
    negotiate::Choice,
    picture::Picture,
    refusal::Refusal,
    rules::Rules,
    source::Validators,
};

/// What makes pictures: everything a flight needs of us.
#[derive(Debug)]
pub(super) struct Maker {
    pub(super) cache: Cache,
    pub(super) loader: Loader,
    pub(super) drawer: Drawer,
    pub(super) flights: Flights<Joint<Key>, Landing>,
    pub(super) sources: Flights<Joint<(Identity, Validators)>, Result<Loaded, Refusal>>,
    pub(super) behind: Behind,
    pub(super) pace: Pace,
    /// How long somebody who takes another format waits for AVIF.
    pub(super) avif_wait: Option<Duration>,
    pub(super) negative_ttl: Duration,
    pub(super) events: Arc<ImageEvents>,
}

/// What work may be joined by: what it is about, and the number of the last purge before it. What began before a purge is
/// nothing for those who come after it.
type Joint<T> = (T, u64);

/// A picture under way.
pub(super) type Making = Flight<Joint<Key>, Landing>;

/// A source under way.
type Reading = Flight<Joint<(Identity, Validators)>, Result<Loaded, Refusal>>;

/// One picture to be had, and all that is needed to make it.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) key: Key,
    pub(super) name: Arc<Name>,
    pub(super) source: Source,
    pub(super) rules: Arc<Rules>,
    pub(super) origin: Arc<dyn Origin>,
    /// What is answered where AVIF, which the key asks for, takes long.
    pub(super) standing_in: Option<Choice>,
}

impl Task {
    /// The picture that is answered for now.
    pub(super) fn stand_in(&self) -> Option<Self> {
        let choice = self.standing_in?;
        let mut stand_in = Self { standing_in: None, ..self.clone() };
        stand_in.key.recipe.choice = choice;
        Some(stand_in)
    }
}

/// What a flight came to, and where it was found if it had not to be made.
#[derive(Clone, Debug)]
pub(super) struct Landing {
    pub(super) outcome: Outcome,
    pub(super) level: Option<Level>,
    /// No earlier than this it was looked for.
    pub(super) looked: Instant,
}

type Work = Pin<Box<dyn Future<Output = Landing> + Send>>;

impl Maker {
    /// The flight for a picture that is not at hand. The flag tells whether somebody had begun it.
    pub(super) fn begin(self: &Arc<Self>, task: &Task) -> (Arc<Making>, bool) {
        self.flights.board(&self.joint(task.key.clone()), |beacon| -> Work {
            let (maker, task) = (Arc::clone(self), task.clone());
            Box::pin(async move { maker.bring(&task, &beacon).await })
        })
    }

    /// Sees to it that a picture past its lifetime, which was found from `looked` on, is looked after, behind the scenes
    /// and not more than bearable.
    pub(super) fn refresh(self: &Arc<Self>, task: &Task, stale: &Arc<Picture>, looked: Instant) {
        let Some(pledge) = self.behind.pledge() else { return };
        let (flight, joined) = self.flights.board(&self.joint(task.key.clone()), |_| -> Work {
            let (maker, task, stale) = (Arc::clone(self), task.clone(), Arc::clone(stale));
            Box::pin(async move {
                let outcome = maker.renew(&task, &stale, looked).await;
                Landing { outcome, level: None, looked }
            })
        });
        if !joined {
            self.flights.see_through(flight, pledge);
        }
    }

    fn joint<T>(&self, about: T) -> Joint<T> {
        (about, self.cache.generation())
    }

    /// Finds a picture or makes it.
    async fn bring(self: &Arc<Self>, task: &Task, beacon: &Beacon<Landing>) -> Landing {
        let begun = Instant::now();
        // Between the look into the cache and the start of this flight, another one may have landed.
        if let Some(entry) = self.cache.at_hand(&task.key).await {
            return Landing { outcome: entry.outcome, level: Some(Level::Memory), looked: begun };
        }
        if let Some((picture, level)) = self.cache.find(&task.key, begun).await {
            return Landing { outcome: Ok(picture), level: Some(level), looked: begun };
        }
        let outcome = self.make(task, beacon, begun).await;
        if let Err(refusal) = &outcome
            && refusal.is_lasting()
        {
            self.cache.keep_refusal(&task.key, refusal.clone(), &task.name, self.negative_ttl, begun).await;
        }
        Landing { outcome, level: None, looked: begun }
    }

    async fn make(self: &Arc<Self>, task: &Task, beacon: &Beacon<Landing>, begun: Instant) -> Outcome {
        // Held until the picture is there: a stand-in is made of the same bytes.
        let source = self.source(task, Validators::default());
        let sourced = match source.landed().await.unwrap_or(Err(Refusal::Failed))? {
            Loaded::New(sourced) => sourced,
            Loaded::Same(..) => return Err(Refusal::UpstreamFailed),
        };
        let stand_in = task.stand_in().filter(|_| self.is_long(task, &sourced));
        let Some(stand_in) = stand_in else {
            let _ahead = self.behind.ahead();
            return self.draw(task, sourced, begun).await;
        };
        // Whoever waits is told, and the picture that they get comes first.
        beacon.long();
        self.begin(&stand_in).0.landed().await;
        let Some(_turn) = self.behind.turn().await else {
            self.events.abandon();
            return Err(Refusal::Busy);
        };
        self.draw(task, sourced, begun).await
    }

    /// The flight that reads a source: one for all pictures that are made of it at the same time.
    fn source(self: &Arc<Self>, task: &Task, validators: Validators) -> Arc<Reading> {
        let key = self.joint((task.key.identity.clone(), validators.clone()));
        let work = |_| {
            let (maker, task) = (Arc::clone(self), task.clone());
            async move {
                let Task { source, rules, origin, .. } = task;
                maker.loader.load(source, &validators, &rules, origin.as_ref()).await
            }
        };
        self.sources.board(&key, work).0
    }

    /// Whether AVIF will not be there in the time that a client waits for it.
    fn is_long(&self, task: &Task, sourced: &Sourced) -> bool {
        let (Some(wait), Ok(probe)) = (self.avif_wait, probe(&sourced.bytes)) else { return false };
        let kept = sourced.freshness.store;
        kept && !self.drawer.passes(&probe)
            && (self.behind.is_busy() || self.pace.expect(&probe, &task.key.recipe) > wait)
    }

    /// Draws a picture and keeps what may be kept.
    async fn draw(&self, task: &Task, sourced: Sourced, begun: Instant) -> Outcome {
        let Sourced { bytes, freshness, provenance, read } = sourced;
        let (recipe, drawing) = (task.key.recipe, Instant::now());
        let picture = self.drawer.draw(bytes.clone(), recipe, freshness, &task.rules).await?;
        if recipe.choice == Choice::Format(ImageFormat::Avif)
            && let Ok(probe) = probe(&bytes)
            && !picture.passed
        {
            self.pace.learn(&probe, &recipe, drawing.elapsed());
        }
        let picture = Arc::new(picture.made_of(provenance, read));
        self.keep(task, &picture, begun).await;
        Ok(picture)
    }

    /// Keeps a picture, or sees to it that none is kept where its source does not want that any more.
    async fn keep(&self, task: &Task, picture: &Arc<Picture>, begun: Instant) {
        if picture.freshness.may_be_kept() {
            self.cache.keep(&task.key, picture, &task.name, begun).await;
        } else {
            self.cache.forget(&task.key).await;
        }
    }

    /// Looks after a picture past its lifetime, which was found from `looked` on: the source may be unchanged, changed, gone,
    /// or out of reach.
    async fn renew(self: &Arc<Self>, task: &Task, stale: &Arc<Picture>, looked: Instant) -> Outcome {
        let begun = Instant::now();
        let source = self.source(task, stale.source.validators.clone());
        let outcome = match source.landed().await.unwrap_or(Err(Refusal::Failed)) {
            Ok(Loaded::Same(freshness, validators)) => {
                Ok(self.extend(task, stale, freshness, validators, looked).await)
            }
            Ok(Loaded::New(sourced)) if sourced.provenance.hash == stale.source.hash => {
                let Sourced { freshness, provenance, .. } = sourced;
                Ok(self.extend(task, stale, freshness, provenance.validators, looked).await)
            }
            Ok(Loaded::New(sourced)) => match self.behind.turn().await {
                Some(_turn) => self.draw(task, sourced, begun).await,
                None => Err(Refusal::Busy),
            },
            Err(refusal) => Err(refusal),
        };
        let Err(refusal) = outcome else { return outcome };
        self.events.refresh_failure();
        if refusal.is_passing() {
            self.cache.rest(&task.key, stale, &task.name, self.negative_ttl, looked).await;
            return Ok(Arc::clone(stale));
        }
        // There is an answer, and it is that there is no picture any more.
        self.cache.forget(&task.key).await;
        self.cache.keep_refusal(&task.key, refusal.clone(), &task.name, self.negative_ttl, begun).await;
        Err(refusal)
    }

    /// The same picture for longer.
    async fn extend(
        &self,
        task: &Task,
        stale: &Arc<Picture>,
        freshness: Freshness,
        validators: Validators,
        looked: Instant,
    ) -> Arc<Picture> {
        self.events.revalidate();
        let picture = Arc::new(stale.renewed(freshness, validators));
        if freshness.may_be_kept() {
            self.cache.extend(&task.key, &picture, &task.name, looked).await;
        } else {
            self.cache.forget(&task.key).await;
        }
        picture
    }
}
