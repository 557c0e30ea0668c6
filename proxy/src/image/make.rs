//! Making a picture: load its source, look at it, optimize it or let it pass, and keep the result.

use std::{sync::Arc, time::Duration};

use super::{
    Origin,
    cache::{Cache, Key, Outcome},
    draw::Drawer,
    events::ImageEvents,
    load::{Loader, Source},
    rules::Rules,
};

/// What makes pictures: everything a flight needs of us.
#[derive(Debug)]
pub(super) struct Maker {
    pub(super) cache: Cache,
    pub(super) loader: Loader,
    pub(super) drawer: Drawer,
    pub(super) negative_ttl: Duration,
    pub(super) events: Arc<ImageEvents>,
}

impl Maker {
    /// Makes the picture for `key` and keeps what may be kept.
    pub(super) async fn make(&self, key: Key, source: Source, rules: &Rules, origin: &dyn Origin) -> Outcome {
        // Between the look into the cache and the start of this flight, another one may have landed.
        if let Some(outcome) = self.cache.get(&key).await {
            return outcome;
        }
        let loaded = match self.loader.load(source, rules, origin).await {
            Ok(loaded) => loaded,
            Err(refusal) => {
                if refusal.is_fetch_failure() {
                    self.cache.insert(key, Err(refusal.clone()), self.negative_ttl).await;
                }
                return Err(refusal);
            }
        };
        let freshness = loaded.freshness;
        let picture = Arc::new(self.drawer.draw(loaded.bytes, key.recipe, freshness, rules).await?);
        if freshness.store {
            self.cache.insert(key, Ok(Arc::clone(&picture)), freshness.ttl).await;
        }
        Ok(picture)
    }
}
