//! Work that nobody waits for any more: a bounded amount of it, and only while there is nothing else to do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use edgeplane_optimizer::{ImageFormat, Probe};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch},
    time::timeout,
};

use super::cache::Recipe;

/// Who may work when: those with a client first.
#[derive(Debug)]
pub(super) struct Behind {
    pledges: Arc<Semaphore>,
    turns: Semaphore,
    /// Jobs that a client waits for.
    ahead: watch::Sender<usize>,
    workers: usize,
    /// A job that had to wait for so long is given up.
    patience: Duration,
}

/// A job that a client waits for, as long as it lives.
#[derive(Debug)]
pub(super) struct Ahead<'a>(&'a watch::Sender<usize>);

impl Behind {
    /// `most` jobs may be promised at once. At most half of the `workers` work on them.
    pub(super) fn new(most: usize, workers: usize, patience: Duration) -> Self {
        Self {
            pledges: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            turns: Semaphore::new((workers / 2).max(1)),
            ahead: watch::Sender::new(0),
            workers,
            patience,
        }
    }

    /// Leave to promise one more job; none when as many are promised as may be.
    pub(super) fn pledge(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.pledges).try_acquire_owned().ok()
    }

    /// Counts a job that a client waits for.
    pub(super) fn ahead(&self) -> Ahead<'_> {
        self.ahead.send_modify(|count| *count += 1);
        Ahead(&self.ahead)
    }

    /// Whether every worker has a client's job.
    pub(super) fn is_busy(&self) -> bool {
        *self.ahead.borrow() >= self.workers
    }

    /// Waits until a worker has nothing else to do; none when that took too long.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let waiting = async {
            let turn = self.turns.acquire().await.ok()?;
            let mut ahead = self.ahead.subscribe();
            ahead.wait_for(|count| *count < self.workers).await.ok()?;
            Some(turn)
        };
        timeout(self.patience, waiting).await.ok().flatten()
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// How long AVIF takes here, learnt from what was made.
#[derive(Debug)]
pub(super) struct Pace {
    /// Nanoseconds per pixel of the result.
    nanos: AtomicU64,
}

/// What libaom takes per pixel, as we drive it, on one core of a server of 2024; the first pictures correct it.
const FIRST_GUESS_NANOS: u64 = 500;
/// What decoding and resizing take per pixel of the source, about.
const SOURCE_NANOS: u64 = 4;
/// Each new picture counts as one of so many.
const MEMORY: u64 = 8;

impl Default for Pace {
    fn default() -> Self {
        Self { nanos: AtomicU64::new(FIRST_GUESS_NANOS) }
    }
}

impl Pace {
    /// How long making this picture as AVIF will take, on a worker that is idle.
    pub(super) fn expect(&self, probe: &Probe, recipe: &Recipe) -> Duration {
        let (source, result) = pixels(probe, recipe);
        let encode = result.saturating_mul(self.nanos.load(Relaxed));
        Duration::from_nanos(source.saturating_mul(SOURCE_NANOS).saturating_add(encode))
    }

    /// Learns how long it took.
    pub(super) fn learn(&self, probe: &Probe, recipe: &Recipe, took: Duration) {
        let (source, result) = pixels(probe, recipe);
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let nanos = took.saturating_sub(source.saturating_mul(SOURCE_NANOS)) / result.max(1);
        // What two threads learn at the same moment may get lost.
        let before = self.nanos.load(Relaxed);
        self.nanos.store((before / MEMORY * (MEMORY - 1)).saturating_add(nanos / MEMORY).max(1), Relaxed);
    }
}

/// Pixels of the source and, about, of the result.
fn pixels(probe: &Probe, recipe: &Recipe) -> (u64, u64) {
    let order = recipe.order(ImageFormat::Avif);
    let (width, height) = (u64::from(probe.width.max(1)), u64::from(probe.height.max(1)));
    let to = order.width.map_or(width, u64::from).min(width);
    let tall = order.height.map_or(u64::MAX, u64::from).min((height * to / width).max(1));
    (width * height, to * tall)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn those_with_a_client_come_first() {
        let behind = Behind::new(1, 1, Duration::from_millis(50));
        assert!(behind.pledge().is_some_and(|_held| behind.pledge().is_none()));
        assert!(behind.turn().await.is_some());
        let ahead = behind.ahead();
        assert!(behind.is_busy() && behind.turn().await.is_none(), "given up");
        let begun = Instant::now();
        let (turn, ()) = tokio::join!(behind.turn(), async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            drop(ahead);
        });
        assert!(turn.is_some() && begun.elapsed() >= Duration::from_millis(10) && !behind.is_busy());
    }
}
