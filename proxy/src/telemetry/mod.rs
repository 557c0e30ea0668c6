//! What happened, told three ways: a line per request, metrics, and the admin endpoints.
//!
//! Each thread tells for itself, through a [`Shard`], and what all told is put together by whoever asks: the writer of
//! the log, the scraper of the metrics. So no thread ever waits for another to say what it did.

pub mod access_log;
pub mod admin;
pub mod metrics;
pub(crate) mod report;
mod certificates;
mod clock;
mod codings;
mod count;
mod line;
mod pages;
mod pictures;
mod request_id;
mod sink;
mod streams;
mod tally;
mod visitors;

pub(crate) use certificates::Certificates;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
};

pub use clock::{Clock, DateLine};
pub use request_id::RequestId;
pub use streams::{Farewell, Opened, Reset, Streams};
pub use tally::{Handshake, Lane};

use edgeplane_config::RuleAction;

use self::{
    access_log::{AccessLog, Record, ShardLog},
    metrics::Metrics,
    tally::Tally,
};

/// The telemetry of one process.
#[derive(Debug)]
pub struct Telemetry {
    metrics: Metrics,
    log: AccessLog,
    ids: request_id::Origin,
    n_shards: AtomicUsize,
}

impl Telemetry {
    /// Takes its parts.
    pub fn new(metrics: Metrics, log: AccessLog) -> Self {
        Self { metrics, log, ids: request_id::Origin::new(), n_shards: AtomicUsize::new(0) }
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The telemetry of the thread that calls. What it told stays told when it ends.
    pub fn shard(&self) -> Shard {
        let number = self.n_shards.fetch_add(1, Ordering::Relaxed);
        Shard {
            tally: self.metrics.tally(),
            log: self.log.shard(),
            ids: self.ids.generator(number),
            clock: Clock::new(),
            thread: thread::current().id(),
        }
    }

    /// Waits until the log lines written so far are out.
    pub fn finish(&self) {
        self.log.finish();
    }
}

/// The telemetry of one thread. Tasks of that thread share it; another thread's writing would get lost or mixed up,
/// which builds for development do not let pass.
#[derive(Debug)]
pub struct Shard {
    tally: Arc<Tally>,
    log: ShardLog,
    ids: request_id::Generator,
    clock: Clock,
    thread: ThreadId,
}

impl Shard {
    /// A fresh request id.
    pub fn request_id(&self) -> RequestId {
        debug_assert_eq!(self.thread, thread::current().id(), "another thread's telemetry");
        self.ids.next()
    }

    /// The id a trusted proxy sent, where it is a sane one, else a fresh one.
    pub fn request_id_for(&self, given: Option<&str>) -> RequestId {
        given.and_then(RequestId::parse).unwrap_or_else(|| self.request_id())
    }

    /// One request is over.
    pub fn record(&self, record: &Record<'_>) {
        debug_assert_eq!(self.thread, thread::current().id(), "another thread's telemetry");
        self.tally.request(record.target, record.status, record.bytes, record.elapsed());
        if !self.log.write(record, &self.clock) {
            self.tally.lines_dropped.add(1);
        }
    }

    /// A request took this lane.
    pub fn lane(&self, lane: Lane) {
        self.tally.lanes[lane as usize].add(1);
    }

    /// A client has shaken hands, or has not.
    pub fn handshake(&self, handshake: Handshake) {
        self.tally.handshakes[handshake as usize].add(1);
    }

    /// A connection came without a word about its client that could be believed.
    pub fn introduction_failed(&self) {
        self.tally.introductions_failed.add(1);
    }

    /// A custom rule took a request.
    pub fn ruled(&self, action: RuleAction) {
        if let Some(place) = RuleAction::ALL.iter().position(|known| *known == action) {
            self.tally.ruled[place].add(1);
        }
    }

    /// So many regular expressions of custom rules were given up.
    pub fn given_up(&self, count: u32) {
        self.tally.given_up.add(u64::from(count));
    }

    /// Counts a connection for as long as the guard lives.
    pub fn connection(&self) -> Open {
        self.tally.connection(1);
        Open(Arc::clone(&self.tally))
    }

    /// Where connections over HTTP/2 tell what becomes of them.
    pub fn streams(&self) -> Streams {
        Streams::of(&self.tally)
    }

    /// The wall clock, for the `date` field.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// An open connection, counted.
#[derive(Debug)]
pub struct Open(Arc<Tally>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connection(-1);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::mpsc::{Receiver, Sender, channel},
        time::{Duration, Instant},
    };

    use edgeplane_config::{LogFormat, TargetKind};
    use http::StatusCode;

    use super::{access_log::Protocol, *};

    /// Somebody who takes a write only when told to, where there is somebody to tell it.
    struct Reader(Sender<Vec<u8>>, Option<Receiver<()>>);

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(told) = &self.1 {
                let _ = told.recv();
            }
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn telemetry(reader: Reader) -> Telemetry {
        Telemetry::new(Metrics::new().unwrap(), AccessLog::to(LogFormat::Text, reader).unwrap())
    }

    fn record<'a>(request_id: &'a RequestId, path: &'a str) -> Record<'a> {
        let started = Instant::now();
        Record {
            client: [127, 0, 0, 1].into(),
            method: "GET",
            path,
            query: None,
            host: "localhost",
            protocol: Protocol::Http11,
            status: StatusCode::OK,
            bytes: 100,
            started,
            ended: started + Duration::from_micros(30),
            target: Some(TargetKind::Static),
            instance: None,
            user_agent: None,
            referer: None,
            request_id,
        }
    }

    #[test]
    fn what_several_threads_tell_is_told_once_each() {
        const REQUESTS: usize = 5_000;
        let (written, writes) = channel();
        let telemetry = telemetry(Reader(written, None));
        thread::scope(|scope| {
            for path in ["/a", "/b", "/c"] {
                let telemetry = &telemetry;
                scope.spawn(move || {
                    let shard = telemetry.shard();
                    let _open = shard.connection();
                    for _ in 0..REQUESTS {
                        shard.record(&record(&shard.request_id(), path));
                    }
                });
            }
        });
        let metrics = telemetry.metrics().render();
        drop(telemetry);
        let text = String::from_utf8(writes.iter().collect::<Vec<_>>().concat()).unwrap();
        let mut ids: Vec<_> = text.lines().filter_map(|line| line.rsplit(' ').next()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3 * REQUESTS);
        for path in ["/a", "/b", "/c"] {
            let line = format!(" 127.0.0.1 \"GET {path}\" 200 100B 0.0ms Static - ");
            assert_eq!(text.lines().filter(|found| found.contains(&line)).count(), REQUESTS, "{path}");
        }
        assert!(metrics.contains("edgeplane_requests_total{status=\"2xx\",target=\"static\"} 15000\n"), "{metrics}");
        assert!(metrics.contains("edgeplane_connections 0\n"), "{metrics}");
        assert!(metrics.contains("edgeplane_access_log_dropped_total 0\n"), "{metrics}");
    }

    #[test]
    fn lines_that_a_slow_reader_has_no_room_for_are_counted() {
        const REQUESTS: usize = 60_000;
        let ((written, writes), (release, told)) = (channel(), channel());
        let telemetry = telemetry(Reader(written, Some(told)));
        let shard = telemetry.shard();
        for _ in 0..REQUESTS {
            shard.record(&record(&shard.request_id(), "/slow"));
        }
        let metrics = telemetry.metrics().render();
        let dropped =
            metrics.lines().find_map(|line| line.strip_prefix("edgeplane_access_log_dropped_total ")).unwrap();
        let dropped: usize = dropped.parse().unwrap();
        assert!(dropped > 0, "{metrics}");
        drop(release);
        drop(telemetry);
        let told = writes.iter().map(|write| write.split(|byte| *byte == b'\n').count() - 1).sum::<usize>();
        assert_eq!(told + dropped, REQUESTS);
    }
}
