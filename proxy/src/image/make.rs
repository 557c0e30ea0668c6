//! Making a picture: load its source, look at it, optimize it or let it pass, and keep the result.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use edgeplane_optimizer::{
    Limits, Order, Probe, Refusal as OptimizerRefusal, SourceType, optimize, price as cost, probe,
};

use super::{
    Origin,
    cache::{Cache, Key, Outcome, Recipe},
    events::ImageEvents,
    freshness::Freshness,
    load::{Loader, Source},
    negotiate::Choice,
    picture::Picture,
    refusal::Refusal,
    rules::Rules,
    work::Pool,
};

/// What makes pictures: everything a flight needs of us.
#[derive(Debug)]
pub(super) struct Maker {
    pub(super) cache: Cache,
    pub(super) loader: Loader,
    pub(super) pool: Pool,
    pub(super) limits: Limits,
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
        let recipe = key.recipe;
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
        let picture = Arc::new(self.draw(loaded.bytes, recipe, freshness, rules).await?);
        if freshness.store {
            self.cache.insert(key, Ok(Arc::clone(&picture)), freshness.ttl).await;
        }
        Ok(picture)
    }

    /// Turns a source into a picture: optimized, or as it is where its kind is not touched.
    async fn draw(
        &self,
        bytes: Bytes,
        recipe: Recipe,
        freshness: Freshness,
        rules: &Rules,
    ) -> Result<Picture, Refusal> {
        let probe = probe(&bytes)?;
        gate(&probe, &self.limits, rules)?;
        if is_passed(&probe) {
            self.events.pass();
            return Ok(Picture::passed(bytes, None, &probe, freshness));
        }
        let mut order = Order {
            width: Some(recipe.width),
            height: recipe.height,
            fit: recipe.fit,
            position: recipe.position,
            format: recipe.choice.settle(&probe),
            quality: recipe.quality,
        };
        let mut price = cost(&probe, &order);
        if !self.pool.can_hold(price) {
            // An encoder that needs more memory than there is must not cost the client the picture: the source's own
            // format is the cheapest, and every client shows it.
            order.format = Choice::Source { webp: false }.settle(&probe);
            price = cost(&probe, &order);
        }
        let (limits, events, source) = (self.limits, Arc::clone(&self.events), bytes.clone());
        let job = move || {
            let started = Instant::now();
            let encoded = optimize(&source, &order, &limits)?;
            events.encode(order.format, source.len(), encoded.bytes.len(), started.elapsed());
            Ok(encoded)
        };
        match self.pool.run(price, job).await? {
            Ok(encoded) => Ok(Picture::optimized(encoded, &probe, freshness)),
            // A variety of the format that the decoder does not know, and browsers do.
            Err(OptimizerRefusal::Unsupported) => {
                self.events.pass();
                Ok(Picture::passed(bytes, None, &probe, freshness))
            }
            Err(refusal) => Err(refusal.into()),
        }
    }
}

/// Whether a source is answered unmodified: animations, which would lose their motion, and kinds we do not decode.
pub(super) fn is_passed(probe: &Probe) -> bool {
    probe.animated || !probe.source_type.is_decoded()
}

/// Refuses what the header of a source already rules out.
pub(super) fn gate(probe: &Probe, limits: &Limits, rules: &Rules) -> Result<(), Refusal> {
    if probe.source_type == SourceType::Svg && !rules.allow_svg {
        return Err(Refusal::SvgNotAllowed);
    }
    if probe.width > limits.side || probe.height > limits.side {
        return Err(Refusal::SourceTooLarge);
    }
    Ok(())
}
