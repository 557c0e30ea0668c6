//! A source's bytes, from wherever they are.

use std::{sync::Arc, time::Duration};

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
    refusal::Refusal,
    remote::Remote,
    rules::Rules,
    source::{ComputeFailure, Fetched, LocalFile},
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

/// Bytes, and how long what is made of them may be kept.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) bytes: Bytes,
    pub(super) freshness: Freshness,
}

/// Fetches sources, a bounded number at a time: each holds its bytes while it lasts.
#[derive(Debug)]
pub(super) struct Loader {
    pub(super) remote: Remote,
    pub(super) places: Semaphore,
    pub(super) bytes_max: usize,
    pub(super) timeout: Duration,
    pub(super) ttl_max: Duration,
    pub(super) events: Arc<ImageEvents>,
}

impl Loader {
    /// Reads a source.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when too many fetches are under way, or whatever the fetch came to.
    pub(super) async fn load(&self, source: Source, rules: &Rules, origin: &dyn Origin) -> Result<Loaded, Refusal> {
        let fetched = match source {
            // The key names the content, so the result stays right as long as it is kept.
            Source::File(file) => {
                self.admit(file.bytes.len())?;
                let freshness = Freshness { ttl: self.ttl_max, store: true };
                return Ok(Loaded { bytes: file.bytes, freshness });
            }
            Source::Compute(places) => {
                let _place = self.places.try_acquire().map_err(|_| Refusal::Busy)?;
                let asked = tokio::time::timeout(self.timeout, self.ask(&places, origin));
                asked.await.unwrap_or(Err(Refusal::UpstreamTimeout))
            }
            Source::Remote(url) => {
                let _place = self.places.try_acquire().map_err(|_| Refusal::Busy)?;
                self.remote.fetch(url, rules).await
            }
        };
        self.events.fetch(fetched.is_err());
        let fetched = fetched?;
        let freshness = Freshness::of(fetched.cache_control.as_deref(), rules.ttl_min, self.ttl_max);
        Ok(Loaded { bytes: fetched.bytes, freshness })
    }

    async fn ask(&self, places: &[LocalPath], origin: &dyn Origin) -> Result<Fetched, Refusal> {
        for place in places {
            let fetched = match origin.compute(&place.target(), self.bytes_max).await {
                Ok(fetched) => fetched,
                Err(ComputeFailure::Absent) => return Err(Refusal::SourceMissing),
                Err(ComputeFailure::Unreachable) => return Err(Refusal::UpstreamFailed),
                Err(ComputeFailure::Timeout) => return Err(Refusal::UpstreamTimeout),
                Err(ComputeFailure::TooLarge) => return Err(Refusal::SourceTooLarge),
            };
            match fetched.status {
                StatusCode::NOT_FOUND | StatusCode::GONE => {}
                status if status.is_success() => {
                    self.admit(fetched.bytes.len())?;
                    return Ok(fetched);
                }
                _ => return Err(Refusal::UpstreamFailed),
            }
        }
        Err(Refusal::SourceMissing)
    }

    /// Holds local sources to the limit that remote ones meet while they stream.
    pub(super) fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        if bytes > self.bytes_max { Err(Refusal::SourceTooLarge) } else { Ok(()) }
    }
}
