//! Drawing a picture: look at its source, then optimize it or let it pass.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use edgeplane_optimizer::{Limits, Probe, Refusal as OptimizerRefusal, SourceType, optimize, price as cost, probe};

use super::{
    cache::Recipe, events::ImageEvents, freshness::Freshness, negotiate::Choice, picture::Picture, refusal::Refusal,
    rules::Rules, work::Pool,
};

/// What draws pictures: the workers and the bounds of their jobs.
#[derive(Debug)]
pub(super) struct Drawer {
    pub(super) pool: Pool,
    pub(super) limits: Limits,
    pub(super) events: Arc<ImageEvents>,
}

impl Drawer {
    /// Turns a source into a picture: optimized, or as it is where its kind is not touched.
    pub(super) async fn draw(
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
        let mut order = recipe.order(recipe.choice.settle(&probe));
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
            let encoded = optimize(&source, &order, &limits, |_| ())?;
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
