//! One place where images are optimized: a thread of ours, and a confined worker process that it owns.
//!
//! A worker is started for the first job and kept for the next ones. It is replaced when it was killed or died, after
//! so many jobs, and when it holds on to memory: whatever a source did to it ends with it.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use edgeplane_config::ImageTuning;
use edgeplane_optimizer::{Encoded, Limits, Order, Refusal as OptimizerRefusal, optimize, probe, wants_native};

use super::super::{
    events::{ImageEvents, WorkerEnd},
    refusal::Refusal,
};
use crate::child::image::{Bounds, Lost, Reply, StageTimes, Worker, WorkerPlan, may_run_native};

/// The pause before a worker is started after one has died; it doubles with each that dies in a row, up to the longest.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Where images are optimized.
#[derive(Clone, Debug)]
pub(in crate::image) enum Means {
    /// In worker processes.
    Workers {
        /// How they are started.
        plan: WorkerPlan,
        /// Jobs after which one is replaced.
        jobs_max: u32,
        /// Bytes above which a waiting one is replaced.
        idle_bytes_max: usize,
    },
    /// In this process, which has no worker to offer: it is a unit test and not the program.
    Here,
}

impl Means {
    pub(in crate::image) fn of(tuning: &ImageTuning) -> Self {
        if cfg!(test) {
            return Self::Here;
        }
        Self::Workers {
            plan: WorkerPlan::new(tuning.niceness, tuning.unsandboxed, tuning.worker_bytes),
            jobs_max: tuning.worker_jobs,
            idle_bytes_max: tuning.worker_idle_bytes,
        }
    }

    /// Whether decoders may run that are not memory-safe Rust.
    pub(super) fn may_run_native(&self) -> bool {
        match self {
            Self::Workers { plan, .. } => may_run_native(plan.unsandboxed),
            Self::Here => false,
        }
    }
}

/// A job for a seat.
#[derive(Clone, Debug)]
pub(in crate::image) struct Task {
    pub(in crate::image) source: Bytes,
    pub(in crate::image) order: Order,
    pub(in crate::image) limits: Limits,
    /// What it was priced at.
    pub(in crate::image) memory_bytes: usize,
    /// When it is too late.
    pub(in crate::image) deadline: Instant,
}

/// What the optimizer said, and how long its stages took.
pub(in crate::image) type Drawn = (Result<Encoded, OptimizerRefusal>, StageTimes);

/// One place. Only the thread that made it uses it.
#[derive(Debug)]
pub(in crate::image) struct Seat<'a> {
    means: Means,
    worker: Option<Worker>,
    /// Jobs of this worker.
    jobs: u32,
    /// Workers that died in a row.
    deaths: u32,
    events: &'a ImageEvents,
}

impl<'a> Seat<'a> {
    pub(super) fn new(means: Means, events: &'a ImageEvents) -> Self {
        Self { means, worker: None, jobs: 0, deaths: 0, events }
    }

    /// Has a task done, for as long as it is `wanted`.
    ///
    /// # Errors
    /// [`Refusal::Deadline`] when it is too late, [`Refusal::WorkerLost`] when the worker could not be started or died,
    /// [`Refusal::Failed`] when a codec panicked.
    pub(in crate::image) fn optimize(&mut self, task: &Task, wanted: &dyn Fn() -> bool) -> Result<Drawn, Refusal> {
        let Means::Workers { plan, jobs_max, idle_bytes_max } = self.means.clone() else {
            let done = optimize(&task.source, &task.order, &task.limits, |_| ());
            return Ok((done, StageTimes::default()));
        };
        if self.worker.as_ref().is_some_and(|worker| self.jobs >= jobs_max || worker.memory_bytes() > idle_bytes_max) {
            self.end(WorkerEnd::Replaced);
        }
        let reply = self.ready(&plan, task, wanted).and_then(|worker| {
            let bounds = Bounds { memory_bytes: task.memory_bytes, deadline: task.deadline };
            worker.run(&task.order, &task.source, &task.limits, bounds, wanted)
        });
        self.jobs += 1;
        match reply {
            // Whoever broke it may answer anything, but not in another format than was asked for.
            Ok(Reply::Encoded(encoded, _)) if encoded.format != task.order.format => {
                Err(self.lose(&Lost::Died(io::ErrorKind::InvalidData.into())))
            }
            Ok(Reply::Encoded(encoded, times)) => {
                self.deaths = 0;
                self.retire_after(task);
                Ok((Ok(encoded), times))
            }
            Ok(Reply::Refused(refusal)) => {
                self.deaths = 0;
                self.retire_after(task);
                Ok((Err(refusal), StageTimes::default()))
            }
            Ok(Reply::Panicked) => {
                self.events.panic();
                self.end(WorkerEnd::Replaced);
                Err(Refusal::Failed)
            }
            Err(lost) => Err(self.lose(&lost)),
        }
    }

    /// A decoder that is not memory-safe may have been taken over by its source: its worker sees no other one's.
    fn retire_after(&mut self, task: &Task) {
        let native = || probe(&task.source).is_ok_and(|probe| wants_native(&probe, &task.order));
        if self.means.may_run_native() && native() {
            self.end(WorkerEnd::Replaced);
        }
    }

    /// Starts the worker that the next job will want, where the last one was replaced in good health: a client need not
    /// wait for that.
    pub(super) fn prepare(&mut self) {
        let Means::Workers { plan, .. } = &self.means else { return };
        if self.worker.is_none() && self.jobs > 0 && self.deaths == 0 {
            self.events.worker_start();
            self.jobs = 0;
            // One that does not start is met, and told of, by the next job.
            self.worker = Worker::start(plan).ok();
        }
    }

    /// The worker, started where there is none.
    fn ready(&mut self, plan: &WorkerPlan, task: &Task, wanted: &dyn Fn() -> bool) -> Result<&mut Worker, Lost> {
        // One that was killed while it had nothing to do costs no request.
        if self.worker.as_mut().is_some_and(|worker| !worker.is_alive()) {
            self.end(WorkerEnd::Died);
        }
        if self.worker.is_none() {
            let until = Instant::now() + pause(self.deaths);
            while let Some(rest) = until.checked_duration_since(Instant::now()) {
                if Instant::now() >= task.deadline {
                    return Err(Lost::Deadline);
                }
                if !wanted() {
                    return Err(Lost::Unwanted);
                }
                thread::park_timeout(rest.min(PAUSE_MIN));
            }
            self.events.worker_start();
            self.jobs = 0;
        }
        match &mut self.worker {
            Some(worker) => Ok(worker),
            none => Ok(none.insert(Worker::start(plan)?)),
        }
    }

    fn lose(&mut self, lost: &Lost) -> Refusal {
        match lost {
            Lost::Deadline => {
                self.end(WorkerEnd::Deadline);
                Refusal::Deadline
            }
            Lost::Unwanted => {
                self.end(WorkerEnd::Unwanted);
                Refusal::Deadline
            }
            Lost::Start(source) | Lost::Died(source) => {
                tracing::warn!(error = source as &dyn std::error::Error, deaths = self.deaths + 1, "{lost}");
                self.deaths = self.deaths.saturating_add(1);
                self.end(WorkerEnd::Died);
                Refusal::WorkerLost
            }
        }
    }

    /// Ends the worker, if there is one.
    fn end(&mut self, why: WorkerEnd) {
        if self.worker.take().is_some() {
            self.events.worker_end(why);
        }
    }
}

/// How long to wait after so many deaths in a row.
fn pause(deaths: u32) -> Duration {
    match deaths.checked_sub(1) {
        None => Duration::ZERO,
        Some(more) => PAUSE_MIN.saturating_mul(1 << more.min(16)).min(PAUSE_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        let pauses: Vec<_> = (0..10).map(|deaths| pause(deaths).as_millis()).collect();
        assert_eq!(pauses, [0, 50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(pause(u32::MAX), PAUSE_MAX);
    }
}
