//! A source's bytes, from wherever they are.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::Semaphore;
use url::Url;

use super::{
    Origin,
    cache::Identity,
    events::ImageEvents,
    freshness::Freshness,
    locator::{LocalPath, Locator},
    picture::Provenance,
    refusal::Refusal,
    remote::Remote,
    rules::Rules,
    source::{ComputeFailure, Fetched, LocalFile, Validators},
    stock::Stock,
};

/// A source that was found, or the way to ask for it.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A file of the deployment.
    File(LocalFile),
    /// To be asked of Compute, at these places in turn.
    Compute(Vec<LocalPath>),
    /// To be fetched.
    Remote(Url),
}

impl Source {
    /// Looks a locator up: files first, as they are at hand.
    pub(super) fn find(locator: Locator, origin: &dyn Origin) -> Self {
        match locator {
            Locator::Remote(url) => Self::Remote(url),
            Locator::Local(places) => match places.iter().find_map(|place| origin.file(&place.path)) {
                Some(file) => Self::File(file),
                None => Self::Compute(places),
            },
        }
    }

    /// What names the source in cache keys.
    pub(super) fn identity(&self, origin: &dyn Origin) -> Identity {
        match self {
            Self::File(file) => Identity::Content(file.hash),
            Self::Compute(places) => Identity::Compute {
                site: origin.site().into(),
                deployment: origin.deployment().into(),
                places: places.clone(),
            },
            Self::Remote(url) => Identity::Remote { site: origin.site().into(), url: url.as_str().into() },
        }
    }
}

/// What was heard of a source.
#[derive(Clone, Debug)]
pub(super) enum Loaded {
    /// Its bytes.
    New(Sourced),
    /// It is what it was when these validators were given.
    Same(Freshness, Validators),
}

/// Bytes, what they can be recognised by, and how long what is made of them may be kept.
#[derive(Clone, Debug)]
pub(super) struct Sourced {
    pub(super) bytes: Bytes,
    pub(super) freshness: Freshness,
    pub(super) provenance: Provenance,
    /// When they were asked for: what came after that may be newer.
    pub(super) read: SystemTime,
}

/// Fetches sources: a bounded number at a time, and a bounded number of bytes with all that wait for a worker.
#[derive(Debug)]
pub(super) struct Loader {
    pub(super) remote: Remote,
    pub(super) places: Semaphore,
    pub(super) stock: Stock,
    pub(super) timeout: Duration,
    pub(super) ttl_max: Duration,
    pub(super) events: Arc<ImageEvents>,
}

impl Loader {
    /// Reads a source. With `validators` it is only read where it is no longer what they were given for.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when too many fetches are under way, or whatever the fetch came to.
    pub(super) async fn load(
        &self,
        source: Source,
        validators: &Validators,
        rules: &Rules,
        origin: &dyn Origin,
    ) -> Result<Loaded, Refusal> {
        let (read, begun) = (SystemTime::now(), Instant::now());
        let fetched = match source {
            // The key names the content, so the result stays right as long as it is kept.
            Source::File(LocalFile { bytes, hash }) => {
                self.stock.admit(bytes.len())?;
                let freshness = Freshness { ttl: self.ttl_max, store: true };
                let provenance = Provenance { validators: Validators::default(), hash };
                return Ok(Loaded::New(Sourced { bytes, freshness, provenance, read }));
            }
            Source::Compute(places) => {
                let _place = self.places.try_acquire().map_err(|_| Refusal::Busy)?;
                let asked = tokio::time::timeout(self.timeout, self.ask(&places, validators, origin));
                asked.await.unwrap_or(Err(Refusal::UpstreamTimeout))
            }
            Source::Remote(url) => {
                let _place = self.places.try_acquire().map_err(|_| Refusal::Busy)?;
                self.remote.fetch(url, validators, rules).await
            }
        };
        self.events.fetch(fetched.is_err(), begun.elapsed());
        let fetched = fetched?;
        let freshness = Freshness::of(fetched.cache_control.as_deref(), rules.ttl_min, self.ttl_max);
        if fetched.status == StatusCode::NOT_MODIFIED {
            return Ok(Loaded::Same(freshness, fetched.validators));
        }
        let hash = hash(fetched.bytes.clone()).await?;
        let provenance = Provenance { validators: fetched.validators, hash };
        Ok(Loaded::New(Sourced { bytes: fetched.bytes, freshness, provenance, read }))
    }

    async fn ask(
        &self,
        places: &[LocalPath],
        validators: &Validators,
        origin: &dyn Origin,
    ) -> Result<Fetched, Refusal> {
        for place in places {
            let mut delivery = self.stock.delivery();
            let fetched = match origin.compute(&place.target(), validators, &mut delivery).await {
                Ok(fetched) => fetched,
                Err(ComputeFailure::Absent) => return Err(Refusal::SourceMissing),
                Err(ComputeFailure::Unreachable) => return Err(Refusal::UpstreamFailed),
                Err(ComputeFailure::Timeout) => return Err(Refusal::UpstreamTimeout),
                Err(ComputeFailure::TooLarge) => return Err(Refusal::SourceTooLarge),
                Err(ComputeFailure::NoRoom) => return Err(Refusal::Busy),
            };
            match fetched.status {
                StatusCode::NOT_FOUND | StatusCode::GONE => {}
                StatusCode::NOT_MODIFIED if !validators.is_empty() => return Ok(fetched),
                status if status.is_success() => return Ok(fetched),
                _ => return Err(Refusal::UpstreamFailed),
            }
        }
        Err(Refusal::SourceMissing)
    }
}

/// The hash of a source. A large one would hold up what else happens on this thread.
async fn hash(bytes: Bytes) -> Result<[u8; 32], Refusal> {
    const AT_ONCE: usize = 256 * 1024;
    if bytes.len() <= AT_ONCE {
        return Ok(*blake3::hash(&bytes).as_bytes());
    }
    let hashing = tokio::task::spawn_blocking(move || *blake3::hash(&bytes).as_bytes());
    hashing.await.map_err(|_| Refusal::Failed)
}
