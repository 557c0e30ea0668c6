//! A bounded pool of processor time: threads of its own, so that pixels never delay the proxy's sockets.
//!
//! Each thread has a seat: a confined worker process where sources are decoded (see `seat`). Three bounds hold at once: threads (what runs), places (what waits, beyond which the answer is `Busy` at once), and
//! bytes (what all jobs together may allocate, priced from the headers before they start).

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};

use edgeplane_config::Amount;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

use super::{events::ImageEvents, refusal::Refusal};

mod seat;

pub(super) use seat::{Means, Seat, Task};

type Job = Box<dyn FnOnce(&mut Seat<'_>) + Send>;

/// Memory is handed out in pieces of this many bytes: a semaphore counts in `u32`.
const PIECE_BYTES: usize = 64 * 1024;

/// The pool. Its threads end when it is dropped and the queue is empty.
#[derive(Debug)]
pub(super) struct Pool {
    jobs: mpsc::Sender<Job>,
    places: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    memory_pieces: u32,
    native: bool,
    events: Arc<ImageEvents>,
}

impl Pool {
    /// Starts the threads. `queue` jobs may wait beyond those that run; all together hold at most `memory_bytes`.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub(super) fn start(
        workers: Amount,
        queue: usize,
        memory_bytes: usize,
        means: &Means,
        events: Arc<ImageEvents>,
    ) -> io::Result<Self> {
        let workers = match workers {
            Amount::Auto => thread::available_parallelism().map_or(1, usize::from),
            Amount::Just(count) => count.max(1),
        };
        let (jobs, queued) = mpsc::channel::<Job>();
        let queued = Arc::new(Mutex::new(queued));
        for number in 0..workers {
            let (queued, means, events) = (Arc::clone(&queued), means.clone(), Arc::clone(&events));
            let seat = move || work(&queued, Seat::new(means, &events));
            thread::Builder::new().name(format!("image-{number}")).spawn(seat)?;
        }
        let memory_pieces = pieces(memory_bytes).max(1);
        Ok(Self {
            jobs,
            places: Arc::new(Semaphore::new(workers.saturating_add(queue).min(Semaphore::MAX_PERMITS))),
            memory: Arc::new(Semaphore::new(memory_pieces as usize)),
            memory_pieces,
            native: means.may_run_native(),
            events,
        })
    }

    /// Whether a job of this price can run at all: it may be as dear as all jobs together.
    pub(super) fn can_hold(&self, memory_bytes: usize) -> bool {
        pieces(memory_bytes) <= self.memory_pieces
    }

    /// Whether decoders that are not memory-safe Rust may run: in the sandbox, or by the operator's word.
    pub(super) fn may_run_native(&self) -> bool {
        self.native
    }

    /// Runs `job`, which will hold `memory_bytes`. A caller that stops waiting takes its job out of the queue; one that
    /// runs already is told by its second argument, which says whether anybody still waits.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when the queue is full, [`Refusal::SourceTooLarge`] when the job alone is dearer than all
    /// jobs together may be, [`Refusal::Failed`] when a codec panicked.
    pub(super) async fn run<T, J>(&self, memory_bytes: usize, job: J) -> Result<T, Refusal>
    where
        T: Send + 'static,
        J: FnOnce(&mut Seat<'_>, &dyn Fn() -> bool) -> T + Send + 'static,
    {
        if !self.can_hold(memory_bytes) {
            return Err(Refusal::SourceTooLarge);
        }
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let memory =
            Arc::clone(&self.memory).acquire_many_owned(pieces(memory_bytes)).await.map_err(|_| Refusal::Failed)?;
        let (reply, result) = oneshot::channel();
        let events = Arc::clone(&self.events);
        let job = move |seat: &mut Seat<'_>| {
            if reply.is_closed() {
                events.abandon();
            } else {
                let result = caught(|| job(seat, &|| !reply.is_closed()), &events);
                // Memory is free before the caller hears of it, and the caller may be gone.
                drop((memory, place));
                let _ = reply.send(result);
            }
        };
        self.jobs.send(Box::new(job)).map_err(|_| Refusal::Failed)?;
        result.await.unwrap_or(Err(Refusal::Failed))
    }
}

/// Runs a job and keeps its thread alive.
///
/// A panic must cost one answer, not a thread that no one would replace. The job owns all it touches but its seat, whose
/// worker is asked anew with each job, so nothing half-done can be seen.
fn caught<T>(job: impl FnOnce() -> T, events: &ImageEvents) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(job)).map_err(|_| {
        events.panic();
        Refusal::Failed
    })
}

fn work(queued: &Mutex<mpsc::Receiver<Job>>, mut seat: Seat<'_>) {
    loop {
        // The lock is held while waiting, and released before the job runs.
        let next = queued.lock().recv();
        let Ok(job) = next else { return };
        job(&mut seat);
        seat.prepare();
    }
}

fn pieces(bytes: usize) -> u32 {
    let pieces = bytes.div_ceil(PIECE_BYTES).min(Semaphore::MAX_PERMITS);
    u32::try_from(pieces).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
