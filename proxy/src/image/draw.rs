//! Drawing a picture: look at its source, then optimize it or let it pass.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use edgeplane_optimizer::{Limits, Probe, Refusal as OptimizerRefusal, SourceType, price as cost, probe};

use super::{
    cache::Recipe,
    events::{ImageEvents, Times},
    freshness::Freshness,
    negotiate::Choice,
    picture::Picture,
    refusal::Refusal,
    rules::Rules,
    work::{Pool, Seat, Task},
};
use crate::child::image::needs_native;

/// What draws pictures: the workers and the bounds of their jobs.
#[derive(Debug)]
pub(super) struct Drawer {
    pub(super) pool: Pool,
    pub(super) limits: Limits,
    /// How long a job may wait and take.
    pub(super) timeout: Duration,
    pub(super) events: Arc<ImageEvents>,
}

impl Drawer {
    /// Whether a source is answered unmodified.
    pub(super) fn passes(&self, probe: &Probe) -> bool {
        passes(probe, self.pool.may_run_native())
    }

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
        if self.passes(&probe) {
            return Ok(self.pass(&bytes, &probe, freshness));
        }
        let mut order = recipe.order(recipe.choice.settle(&probe));
        let mut price = cost(&probe, &order);
        if !self.pool.can_hold(price) {
            // An encoder that needs more memory than there is must not cost the client the picture: the source's own
            // format is the cheapest, and every client shows it.
            order.format = Choice::Source { webp: false }.settle(&probe);
            price = cost(&probe, &order);
        }
        let task = Task {
            source: bytes.clone(),
            order: order.clone(),
            limits: self.limits,
            memory_bytes: price,
            deadline: Instant::now() + self.timeout,
        };
        let began = Instant::now();
        let job = move |seat: &mut Seat<'_>, wanted: &dyn Fn() -> bool| (began.elapsed(), seat.optimize(&task, wanted));
        let (queue, drawn) = self.pool.run(price, job).await?;
        let (done, times) = drawn?;
        match done {
            Ok(encoded) => {
                let [decode, resize, encode] = times.0;
                let times = Times { queue, decode, resize, encode };
                self.events.encode(encoded.format, bytes.len(), encoded.bytes.len(), times);
                Ok(Picture::optimized(encoded, &probe, freshness))
            }
            // A variety of the format that the decoder does not know, and browsers do.
            Err(OptimizerRefusal::Unsupported) => Ok(self.pass(&bytes, &probe, freshness)),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The source as it is: a copy, because the picture may be kept for long, and the room for sources is scarce.
    fn pass(&self, bytes: &Bytes, probe: &Probe, freshness: Freshness) -> Picture {
        self.events.pass();
        Picture::passed(Bytes::copy_from_slice(bytes), None, probe, freshness)
    }
}

/// Whether a source is answered unmodified: animations, which would lose their motion, and kinds we do not decode, or not
/// here: a decoder that is not memory-safe Rust runs in a sandbox or not at all, unless it is `native` all the same.
pub(super) fn passes(probe: &Probe, native: bool) -> bool {
    let held_back = needs_native(probe.source_type) && !native;
    probe.animated || !probe.source_type.is_decoded() || held_back
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
