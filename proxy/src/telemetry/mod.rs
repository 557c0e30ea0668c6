//! What happened, told three ways: a line per request, metrics, and the admin endpoints.

pub mod access_log;
pub mod admin;
pub mod metrics;
pub(crate) mod report;
mod request_id;
mod sink;

pub use request_id::RequestId;

use self::{
    access_log::{AccessLog, Record},
    metrics::Metrics,
};

/// The telemetry of one process.
#[derive(Debug)]
pub struct Telemetry {
    metrics: Metrics,
    log: AccessLog,
    ids: request_id::Generator,
}

impl Telemetry {
    /// Takes its parts.
    pub fn new(metrics: Metrics, log: AccessLog) -> Self {
        Self { metrics, log, ids: request_id::Generator::new() }
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

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
        self.metrics.record(record);
        self.log.write(record);
    }

    /// Counts a connection for as long as the guard lives.
    pub fn connection(&self) -> metrics::Open {
        self.metrics.connection()
    }

    /// Waits until the log lines written so far are out.
    pub fn finish(&self) {
        self.log.finish();
    }
}
