//! Metrics, in Prometheus' words. Labels come from closed sets: target kind, status class, instance name; never a path.
//!
//! What requests count is counted by each thread for itself, in a tally, and summed when somebody scrapes.

use std::sync::Arc;

use edgeplane_config::RuleAction;
use parking_lot::Mutex;
use prometheus::{
    Encoder, Registry, TextEncoder,
    core::{Collector, Desc},
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

use super::{
    streams::{FAREWELLS, RESETS},
    tally::{BOUNDS, CLASSES, HANDSHAKES, LANES, TARGETS, Tally},
};

/// A metric could not be made: its name or labels are wrong, which a test would have shown.
#[derive(Debug, thiserror::Error)]
#[error("failed to register a metric")]
pub struct RegisterError(#[from] prometheus::Error);

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    tallies: Arc<Mutex<Vec<Arc<Tally>>>>,
}

impl Metrics {
    /// Registers them all.
    ///
    /// # Errors
    /// [`RegisterError`], which is a bug.
    pub fn new() -> Result<Self, RegisterError> {
        let registry = Registry::new_custom(Some("edgeplane".to_owned()), None)?;
        let tallies = Arc::default();
        registry.register(Box::new(Totals::new(Arc::clone(&tallies))?))?;
        Ok(Self { registry, tallies })
    }

    /// Adds a collector, such as one that reads the state of the fleet.
    ///
    /// # Errors
    /// [`RegisterError`] when a metric of that name is there already.
    pub fn register(&self, collector: Box<dyn Collector>) -> Result<(), RegisterError> {
        Ok(self.registry.register(collector)?)
    }

    /// The tally of one more thread. It is kept for ever: a total does not fall when a thread ends.
    pub(super) fn tally(&self) -> Arc<Tally> {
        let tally = Arc::default();
        self.tallies.lock().push(Arc::clone(&tally));
        tally
    }

    /// The text exposition format.
    pub fn render(&self) -> String {
        let mut out = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "failed to render the metrics");
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// A name, what it means, and the names of its labels in alphabetical order.
#[derive(Clone, Copy)]
pub(super) struct Family(pub(super) &'static str, pub(super) &'static str, pub(super) &'static [&'static str]);

impl Family {
    pub(super) fn describe(self) -> Result<Desc, prometheus::Error> {
        let Self(name, help, labels) = self;
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        Desc::new(name.to_owned(), help.to_owned(), labels, Default::default())
    }
}

const REQUESTS: Family =
    Family("requests_total", "Requests answered, by target and status class", &["status", "target"]);
const BYTES: Family = Family("response_bytes_total", "Bytes written to clients, heads included", &["target"]);
const LANES_TAKEN: Family = Family("lane_requests_total", "Requests that took this way to their answer", &["lane"]);
const RULED: Family =
    Family("custom_rule_requests_total", "Requests that a custom rule of this status took", &["status"]);
const GIVEN_UP: Family =
    Family("custom_rule_given_up_total", "Regular expressions of custom rules that took too long", &[]);
const SECONDS: Family =
    Family("request_seconds", "From the end of a request's head to the end of its answer", &["target"]);
const CONNECTIONS: Family = Family("connections", "Client connections open now", &[]);
const LOG_DROPPED: Family = Family("access_log_dropped_total", "Access log lines dropped: stdout is not read", &[]);
const HTTP2_CONNECTIONS: Family = Family("http2_connections_total", "Connections that spoke HTTP/2", &[]);
const HTTP2_OPEN: Family = Family("http2_connections", "Connections that speak HTTP/2 now", &[]);
const HTTP2_STREAMS: Family = Family("http2_streams_total", "Requests that came over HTTP/2", &[]);
const HTTP2_RESETS: Family =
    Family("http2_resets_total", "HTTP/2 streams that ended before their answer did", &["reason"]);
const HTTP2_GOAWAYS: Family = Family("http2_goaways_total", "HTTP/2 connections that we ended", &["reason"]);

const HANDSHAKEN: Family = Family("tls_handshakes_total", "TLS handshakes, by how they went", &["outcome"]);
const INTRODUCTIONS: Family = Family(
    "proxy_protocol_refused_total",
    "Connections that did not begin with the PROXY protocol of a known balancer",
    &[],
);

/// The sums of all tallies.
struct Totals {
    tallies: Arc<Mutex<Vec<Arc<Tally>>>>,
    descriptions: Vec<Desc>,
}

impl Totals {
    fn new(tallies: Arc<Mutex<Vec<Arc<Tally>>>>) -> Result<Self, prometheus::Error> {
        let families = [
            REQUESTS,
            BYTES,
            LANES_TAKEN,
            RULED,
            GIVEN_UP,
            SECONDS,
            CONNECTIONS,
            LOG_DROPPED,
            HANDSHAKEN,
            INTRODUCTIONS,
            HTTP2_CONNECTIONS,
            HTTP2_OPEN,
            HTTP2_STREAMS,
            HTTP2_RESETS,
            HTTP2_GOAWAYS,
        ];
        Ok(Self { tallies, descriptions: families.into_iter().map(Family::describe).collect::<Result<_, _>>()? })
    }
}

impl Collector for Totals {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let tallies = self.tallies.lock();
        let (mut requests, mut bytes, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
        for (row, target) in TARGETS.into_iter().enumerate() {
            for (class, status) in CLASSES.into_iter().enumerate() {
                let count = tallies.iter().map(|tally| tally.row(row).classes[class].get()).sum();
                // A series that has not happened yet is there as a zero, so that rates and alerts work from the start.
                // Interim answers alone are never the whole answer.
                if count > 0 || status != "1xx" {
                    requests.push(counter(REQUESTS, &[status, target], count));
                }
            }
            let time = histogram(&tallies, row);
            if time.get_sample_count() > 0 {
                let sum = tallies.iter().map(|tally| tally.row(row).bytes.get()).sum();
                bytes.push(counter(BYTES, &[target], sum));
                let mut metric = labelled(SECONDS, &[target]);
                metric.set_histogram(time);
                seconds.push(metric);
            }
        }
        let lanes = LANES.into_iter().enumerate().map(|(place, lane)| {
            counter(LANES_TAKEN, &[lane], tallies.iter().map(|tally| tally.lanes[place].get()).sum())
        });
        let ruled = RuleAction::ALL.into_iter().enumerate().map(|(place, action)| {
            counter(RULED, &[action.as_str()], tallies.iter().map(|tally| tally.ruled[place].get()).sum())
        });
        let given_up = tallies.iter().map(|tally| tally.given_up.get()).sum();
        let connections = gauge(CONNECTIONS, tallies.iter().map(|tally| tally.connections()).sum());
        let handshakes = HANDSHAKES.into_iter().enumerate().map(|(place, outcome)| {
            counter(HANDSHAKEN, &[outcome], tallies.iter().map(|tally| tally.handshakes[place].get()).sum())
        });
        let introductions = tallies.iter().map(|tally| tally.introductions_failed.get()).sum();
        let dropped = tallies.iter().map(|tally| tally.lines_dropped.get()).sum();
        let mut families = vec![
            family(REQUESTS, MetricType::COUNTER, requests),
            family(BYTES, MetricType::COUNTER, bytes),
            family(LANES_TAKEN, MetricType::COUNTER, lanes.collect()),
            family(RULED, MetricType::COUNTER, ruled.collect()),
            family(GIVEN_UP, MetricType::COUNTER, vec![counter(GIVEN_UP, &[], given_up)]),
            family(SECONDS, MetricType::HISTOGRAM, seconds),
            family(CONNECTIONS, MetricType::GAUGE, vec![connections]),
            family(LOG_DROPPED, MetricType::COUNTER, vec![counter(LOG_DROPPED, &[], dropped)]),
            family(HANDSHAKEN, MetricType::COUNTER, handshakes.collect()),
            family(INTRODUCTIONS, MetricType::COUNTER, vec![counter(INTRODUCTIONS, &[], introductions)]),
        ];
        families.extend(http2(&tallies));
        families
    }
}

/// What is told of HTTP/2.
fn http2(tallies: &[Arc<Tally>]) -> [MetricFamily; 5] {
    let connections = tallies.iter().map(|tally| tally.http2.connections.get()).sum();
    let streams = tallies.iter().map(|tally| tally.http2.streams.get()).sum();
    let open = tallies.iter().map(|tally| tally.http2.open()).sum();
    let resets = RESETS.into_iter().enumerate().map(|(place, reason)| {
        counter(HTTP2_RESETS, &[reason], tallies.iter().map(|tally| tally.http2.resets[place].get()).sum())
    });
    let goaways = FAREWELLS.into_iter().enumerate().map(|(place, reason)| {
        counter(HTTP2_GOAWAYS, &[reason], tallies.iter().map(|tally| tally.http2.farewells[place].get()).sum())
    });
    [
        family(HTTP2_CONNECTIONS, MetricType::COUNTER, vec![counter(HTTP2_CONNECTIONS, &[], connections)]),
        family(HTTP2_OPEN, MetricType::GAUGE, vec![gauge(HTTP2_OPEN, open)]),
        family(HTTP2_STREAMS, MetricType::COUNTER, vec![counter(HTTP2_STREAMS, &[], streams)]),
        family(HTTP2_RESETS, MetricType::COUNTER, resets.collect()),
        family(HTTP2_GOAWAYS, MetricType::COUNTER, goaways.collect()),
    ]
}

pub(super) fn family(Family(name, help, _): Family, kind: MetricType, series: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(series);
    family
}

fn gauge(family: Family, value: i64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value as f64);
    let mut metric = labelled(family, &[]);
    metric.set_gauge(gauge);
    metric
}

pub(super) fn counter(family: Family, values: &[&str], count: u64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(count as f64);
    let mut metric = labelled(family, values);
    metric.set_counter(counter);
    metric
}

pub(super) fn labelled(Family(_, _, names): Family, values: &[&str]) -> Metric {
    let pairs = names.iter().zip(values).map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    });
    Metric::from_label(pairs.collect())
}

fn histogram(tallies: &[Arc<Tally>], row: usize) -> Histogram {
    let seconds = |nanos: u64| nanos as f64 / 1e9;
    let in_bucket = |bucket: usize| tallies.iter().map(|tally| tally.row(row).buckets[bucket].get()).sum::<u64>();
    let mut count = 0;
    let buckets = BOUNDS.into_iter().enumerate().map(|(at, bound)| {
        count += in_bucket(at);
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(seconds(bound));
        bucket.set_cumulative_count(count);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(count + in_bucket(BOUNDS.len()));
    histogram.set_sample_sum(seconds(tallies.iter().map(|tally| tally.row(row).nanos.get()).sum()));
    histogram
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use edgeplane_config::TargetKind;
    use http::StatusCode;

    use super::*;

    #[test]
    fn what_threads_count_is_summed() {
        let metrics = Metrics::new().unwrap();
        let threads: Vec<_> = (1..=3)
            .map(|number| {
                let tally = metrics.tally();
                thread::spawn(move || {
                    tally.connection(number);
                    for _ in 0..number * 100 {
                        tally.request(Some(TargetKind::Static), StatusCode::OK, 7, Duration::from_micros(75));
                    }
                    tally.request(Some(TargetKind::Compute), StatusCode::BAD_GATEWAY, 1, Duration::from_secs(60));
                    tally.lines_dropped.add(2);
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let text = metrics.render();
        for line in [
            "edgeplane_requests_total{status=\"2xx\",target=\"static\"} 600",
            "edgeplane_requests_total{status=\"5xx\",target=\"compute\"} 3",
            "edgeplane_response_bytes_total{target=\"static\"} 4200",
            "edgeplane_request_seconds_bucket{target=\"static\",le=\"0.00005\"} 0",
            "edgeplane_request_seconds_bucket{target=\"static\",le=\"0.0001\"} 600",
            "edgeplane_request_seconds_bucket{target=\"static\",le=\"30\"} 600",
            "edgeplane_request_seconds_bucket{target=\"static\",le=\"+Inf\"} 600",
            "edgeplane_request_seconds_sum{target=\"static\"} 0.045",
            "edgeplane_request_seconds_count{target=\"static\"} 600",
            "edgeplane_request_seconds_bucket{target=\"compute\",le=\"30\"} 0",
            "edgeplane_request_seconds_bucket{target=\"compute\",le=\"+Inf\"} 3",
            "edgeplane_request_seconds_sum{target=\"compute\"} 180",
            "edgeplane_connections 6",
            "edgeplane_access_log_dropped_total 6",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
    }

    #[test]
    fn what_has_not_happened_yet_is_a_zero() {
        let metrics = Metrics::new().unwrap();
        let text = metrics.render();
        let zeros: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(zeros.iter().all(|line| line.ends_with(" 0")), "{text}");
        let requests = zeros.iter().filter(|line| line.starts_with("edgeplane_requests_total{status=")).count();
        assert_eq!((requests, zeros.len()), (16, 48), "{text}");
        for line in [
            "# HELP edgeplane_requests_total Requests answered, by target and status class",
            "# TYPE edgeplane_requests_total counter",
            "# TYPE edgeplane_connections gauge",
            "# TYPE edgeplane_access_log_dropped_total counter",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
    }
}
