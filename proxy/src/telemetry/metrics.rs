//! Metrics, in Prometheus' words. Labels come from closed sets: target kind, status class, instance name; never a path.

use edgeplane_config::TargetKind;
use http::StatusCode;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    core::Collector,
};

use super::access_log::Record;

/// From 50 us, because static answers are that quick, to the time limit of compute.
const SECONDS: [f64; 16] =
    [5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

const TARGETS: [Option<TargetKind>; 4] =
    [Some(TargetKind::Static), Some(TargetKind::Compute), Some(TargetKind::Image), None];

/// A metric could not be made: its name or labels are wrong, which a test would have shown.
#[derive(Debug, thiserror::Error)]
#[error("failed to register a metric")]
pub struct RegisterError(#[from] prometheus::Error);

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    bytes: IntCounterVec,
    seconds: HistogramVec,
    connections: IntGauge,
    log_dropped: IntCounter,
}

impl Metrics {
    /// Registers them all.
    ///
    /// # Errors
    /// [`RegisterError`], which is a bug.
    pub fn new() -> Result<Self, RegisterError> {
        let registry = Registry::new_custom(Some("edgeplane".to_owned()), None)?;
        let requests = IntCounterVec::new(
            Opts::new("requests_total", "Requests answered, by target and status class"),
            &["target", "status"],
        )?;
        let bytes = IntCounterVec::new(
            Opts::new("response_bytes_total", "Bytes written to clients, heads included"),
            &["target"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new("request_seconds", "From the end of a request's head to the end of its answer")
                .buckets(SECONDS.to_vec()),
            &["target"],
        )?;
        let connections = IntGauge::new("connections", "Client connections open now")?;
        let log_dropped = IntCounter::new("access_log_dropped_total", "Access log lines dropped: stdout is not read")?;
        let metrics = Self { registry, requests, bytes, seconds, connections, log_dropped };
        metrics.register(Box::new(metrics.requests.clone()))?;
        metrics.register(Box::new(metrics.bytes.clone()))?;
        metrics.register(Box::new(metrics.seconds.clone()))?;
        metrics.register(Box::new(metrics.connections.clone()))?;
        metrics.register(Box::new(metrics.log_dropped.clone()))?;
        Ok(metrics)
    }

    /// Adds a collector, such as one that reads the state of the fleet.
    ///
    /// # Errors
    /// [`RegisterError`] when a metric of that name is there already.
    pub fn register(&self, collector: Box<dyn Collector>) -> Result<(), RegisterError> {
        Ok(self.registry.register(collector)?)
    }

    /// The counter of dropped log lines.
    pub fn log_dropped(&self) -> IntCounter {
        self.log_dropped.clone()
    }

    /// One request is over.
    pub fn record(&self, record: &Record<'_>) {
        let target = target_label(record.target);
        self.requests.with_label_values(&[target, class(record.status)]).inc();
        self.bytes.with_label_values(&[target]).inc_by(record.bytes);
        self.seconds.with_label_values(&[target]).observe(record.elapsed().as_secs_f64());
    }

    /// Counts a connection for as long as the guard lives.
    pub fn connection(&self) -> Open {
        self.connections.inc();
        Open(self.connections.clone())
    }

    /// The text exposition format.
    pub fn render(&self) -> String {
        // A series that has not happened yet is there as a zero, so that rates and alerts work from the start.
        for target in TARGETS {
            for status in ["2xx", "3xx", "4xx", "5xx"] {
                let _ = self.requests.with_label_values(&[target_label(target), status]);
            }
        }
        let mut out = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "failed to render the metrics");
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// An open connection, counted.
#[derive(Debug)]
pub struct Open(IntGauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn target_label(target: Option<TargetKind>) -> &'static str {
    match target {
        Some(TargetKind::Static) => "static",
        Some(TargetKind::Compute) => "compute",
        Some(TargetKind::Image) => "image",
        None => "none",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
