//! Hot: what one thread has counted since the start.
//!
//! A further count with a closed set of labels is one more array here, a method of `telemetry::Shard` that raises it,
//! and a family in `metrics`.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use edgeplane_config::{RuleAction, TargetKind};
use http::StatusCode;

use super::{count::Count, streams};

/// From 50 us, because static answers are that quick, to the time limit of compute. In nanoseconds.
pub(super) const BOUNDS: [u64; 16] = [
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    5_000_000_000,
    30_000_000_000,
];

/// The targets as labels, each at the place of its row.
pub(super) const TARGETS: [&str; 4] = ["static", "compute", "image", "none"];

/// The status classes as labels, each at the place of its count.
pub(super) const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// A way of answering, where there are several to the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Plain requests for files.
    Plain = 0,
    /// Compute, from socket to socket.
    Relay = 1,
    /// Compute, through the engine that takes every kind of exchange.
    Engine = 2,
}

/// The lanes as labels, each at the place of its count.
pub(super) const LANES: [&str; 3] = ["plain", "relay", "engine"];

/// How a TLS handshake went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// With a certificate and a signature.
    Full = 0,
    /// With what was agreed on before.
    Resumed = 1,
    /// The client speaks another protocol, or nothing that we speak, or names a host that we have no certificate for.
    Failed = 2,
    /// The client left before the end.
    Left = 3,
    /// The client took too long.
    Slow = 4,
    /// The client sent a request without TLS.
    PlainHttp = 5,
}

/// The handshakes as labels, each at the place of its count.
pub(super) const HANDSHAKES: [&str; 6] = ["full", "resumed", "failed", "left", "slow", "plain_http"];

/// The counts of one thread. Processors fetch cache lines in pairs: in a pair of its own, no other thread's writing
/// ever takes it away.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Tally {
    rows: [Row; TARGETS.len()],
    pub(super) lanes: [Count; LANES.len()],
    /// Requests that custom rules took, each at the place of its action.
    pub(super) ruled: [Count; RuleAction::ALL.len()],
    pub(super) given_up: Count,
    connections: AtomicI64,
    pub(super) lines_dropped: Count,
    /// TLS handshakes, each at the place of its outcome.
    pub(super) handshakes: [Count; HANDSHAKES.len()],
    /// Connections whose balancer said nothing that could be believed about its client.
    pub(super) introductions_failed: Count,
    pub(super) http2: streams::Counts,
}

/// The counts of one target. What a quick answer touches is in the first cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Row {
    pub(super) bytes: Count,
    pub(super) nanos: Count,
    pub(super) classes: [Count; CLASSES.len()],
    /// Not cumulative; the last one is for what took longer than every bound.
    pub(super) buckets: [Count; BOUNDS.len() + 1],
}

impl Tally {
    /// One request is over.
    pub(super) fn request(&self, target: Option<TargetKind>, status: StatusCode, bytes: u64, elapsed: Duration) {
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let row = &self.rows[target.map_or(3, place)];
        row.bytes.add(bytes);
        row.nanos.add(nanos);
        // What is no class is counted with the last one.
        row.classes[usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1].add(1);
        let bucket = BOUNDS.iter().position(|bound| nanos <= *bound).unwrap_or(BOUNDS.len());
        row.buckets[bucket].add(1);
    }

    /// The counts of the target at this place of [`TARGETS`].
    pub(super) fn row(&self, target: usize) -> &Row {
        &self.rows[target]
    }

    /// A connection was opened, or closed with -1. They are few, so this is added properly: a connection that ends
    /// with its runtime may end on another thread.
    pub(super) fn connection(&self, change: i64) {
        self.connections.fetch_add(change, Ordering::Relaxed);
    }

    pub(super) fn connections(&self) -> i64 {
        self.connections.load(Ordering::Relaxed)
    }
}

fn place(target: TargetKind) -> usize {
    match target {
        TargetKind::Static => 0,
        TargetKind::Compute => 1,
        TargetKind::Image => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_counted_in_its_place() {
        let tally = Tally::default();
        let targets = [Some(TargetKind::Static), Some(TargetKind::Compute), Some(TargetKind::Image), None];
        for (at, target) in targets.into_iter().enumerate() {
            for (status, class) in [(100, 0), (200, 1), (304, 2), (404, 3), (499, 3), (500, 4), (599, 4), (999, 4)] {
                let before = tally.row(at).classes[class].get();
                tally.request(target, StatusCode::from_u16(status).unwrap(), 10, Duration::from_nanos(1));
                assert_eq!(tally.row(at).classes[class].get(), before + 1, "{target:?} {status}");
            }
            assert_eq!((tally.row(at).bytes.get(), tally.row(at).nanos.get()), (80, 8));
        }
    }

    #[test]
    fn a_bound_is_part_of_its_bucket() {
        let tally = Tally::default();
        for (bucket, bound) in BOUNDS.into_iter().enumerate() {
            for (nanos, bucket) in [(bound, bucket), (bound + 1, bucket + 1)] {
                let before = tally.row(3).buckets[bucket].get();
                tally.request(None, StatusCode::OK, 0, Duration::from_nanos(nanos));
                assert_eq!(tally.row(3).buckets[bucket].get(), before + 1, "{nanos}");
            }
        }
    }
}
