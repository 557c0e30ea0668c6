//! Hot: what one thread has counted of HTTP/2.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use super::{count::Count, tally::Tally};

/// Why a stream ended before its answer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// The client took its request back, or left.
    Client = 0,
    /// The client took nothing of the answer for too long.
    Stalled = 1,
    /// The answer broke off.
    Broken = 2,
}

/// The reasons as labels, each at the place of its count.
pub(super) const RESETS: [&str; 3] = ["client", "stalled", "broken"];

/// Why we ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// We are stopping.
    Drain = 0,
    /// It was old, or had many requests.
    Age = 1,
    /// Nothing was asked for too long.
    Idle = 2,
    /// The client took too many requests back.
    Resets = 3,
    /// The client sent too many frames of no use.
    IdleFrames = 4,
    /// The client did too much of something else: broken streams, slivers of content, heads without end.
    Calm = 5,
    /// The client does not speak HTTP/2.
    Protocol = 6,
    /// The client took nothing of what we sent for too long.
    Stalled = 7,
}

/// The reasons as labels, each at the place of its count.
pub(super) const FAREWELLS: [&str; 8] =
    ["drain", "age", "idle", "resets", "idle_frames", "calm", "protocol", "stalled"];

/// The counts of one thread.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) connections: Count,
    pub(super) streams: Count,
    pub(super) resets: [Count; RESETS.len()],
    pub(super) farewells: [Count; FAREWELLS.len()],
    open: AtomicI64,
}

impl Counts {
    pub(super) fn open(&self) -> i64 {
        self.open.load(Ordering::Relaxed)
    }
}

/// Where a connection over HTTP/2 and its streams tell what becomes of them.
#[derive(Clone, Debug)]
pub struct Streams(Arc<Tally>);

impl Streams {
    pub(super) fn of(tally: &Arc<Tally>) -> Self {
        Self(Arc::clone(tally))
    }

    /// Counts a connection for as long as the guard lives.
    pub fn connection(&self) -> Opened {
        self.0.http2.connections.add(1);
        self.0.http2.open.fetch_add(1, Ordering::Relaxed);
        Opened(Arc::clone(&self.0))
    }

    /// A request came.
    pub fn stream(&self) {
        self.0.http2.streams.add(1);
    }

    /// A stream ended before its answer did.
    pub fn reset(&self, reset: Reset) {
        self.0.http2.resets[reset as usize].add(1);
    }

    /// We ended a connection.
    pub fn farewell(&self, why: Farewell) {
        self.0.http2.farewells[why as usize].add(1);
    }
}

/// An open connection, counted.
#[derive(Debug)]
pub struct Opened(Arc<Tally>);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.http2.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Metrics;

    #[test]
    fn what_becomes_of_streams_is_told_by_its_reason() {
        let metrics = Metrics::new().unwrap();
        let streams = Streams::of(&metrics.tally());
        let (open, closed) = (streams.connection(), streams.connection());
        drop(closed);
        streams.stream();
        for reset in [Reset::Client, Reset::Stalled, Reset::Broken, Reset::Broken] {
            streams.reset(reset);
        }
        streams.farewell(Farewell::Stalled);
        streams.farewell(Farewell::Drain);
        let text = metrics.render();
        drop(open);
        for line in [
            "edgeplane_http2_connections 1",
            "edgeplane_http2_connections_total 2",
            "edgeplane_http2_streams_total 1",
            "edgeplane_http2_resets_total{reason=\"client\"} 1",
            "edgeplane_http2_resets_total{reason=\"stalled\"} 1",
            "edgeplane_http2_resets_total{reason=\"broken\"} 2",
            "edgeplane_http2_goaways_total{reason=\"drain\"} 1",
            "edgeplane_http2_goaways_total{reason=\"stalled\"} 1",
            "edgeplane_http2_goaways_total{reason=\"calm\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
        assert!(metrics.render().lines().any(|line| line == "edgeplane_http2_connections 0"));
    }
}
