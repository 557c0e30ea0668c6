//! What happened, told three ways: a line per request, metrics, and the admin endpoints.

pub mod access_log;
pub mod admin;
pub mod metrics;
pub(crate) mod report;
mod clock;
mod count;
mod request_id;
mod sink;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

pub use clock::{Clock, DateLine};
pub use request_id::RequestId;

use self::{
    access_log::{AccessLog, Record},
    metrics::Metrics,
};

/// The telemetry of one process.
#[derive(Debug)]
pub struct Telemetry {
    parts: Arc<Parts>,
    ids: request_id::Origin,
    n_shards: AtomicUsize,
}

#[derive(Debug)]
struct Parts {
    metrics: Metrics,
    log: AccessLog,
}

impl Telemetry {
    /// Takes its parts.
    pub fn new(metrics: Metrics, log: AccessLog) -> Self {
        let parts = Arc::new(Parts { metrics, log });
        Self { parts, ids: request_id::Origin::new(), n_shards: AtomicUsize::new(0) }
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.parts.metrics
    }

    /// The telemetry of one more thread.
    pub fn shard(&self) -> Shard {
        let number = self.n_shards.fetch_add(1, Ordering::Relaxed);
        Shard { parts: Arc::clone(&self.parts), ids: self.ids.generator(number), clock: Clock::new() }
    }

    /// Waits until the log lines written so far are out.
    pub fn finish(&self) {
        self.parts.log.finish();
    }
}

/// The telemetry of one thread: no other one writes to it, so that writing waits for nobody.
#[derive(Debug)]
pub struct Shard {
    parts: Arc<Parts>,
    ids: request_id::Generator,
    clock: Clock,
}

impl Shard {
    /// A fresh request id.
    pub fn request_id(&self) -> RequestId {
        self.ids.next()
    }

    /// The id a trusted proxy sent, where it is a sane one, else a fresh one.
    pub fn request_id_for(&self, given: Option<&str>) -> RequestId {
        given.and_then(RequestId::parse).unwrap_or_else(|| self.ids.next())
    }

    /// One request is over.
    pub fn record(&self, record: &Record<'_>) {
        self.parts.metrics.record(record);
        self.parts.log.write(record, &self.clock.timestamp(record.ended));
    }

    /// Counts a connection for as long as the guard lives.
    pub fn connection(&self) -> metrics::Open {
        self.parts.metrics.connection()
    }

    /// The wall clock, for the `date` field.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}
