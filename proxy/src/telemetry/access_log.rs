//! The access log: what one line per request tells. `line` says how, `sink` writes the lines.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use edgeplane_config::{LogFormat, TargetKind};
use http::StatusCode;

use super::{
    Clock, RequestId, line,
    sink::{Inlet, Sink},
};

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 1945.
    Http10,
    /// RFC 9112.
    Http11,
    /// RFC 9113.
    Http2,
}

impl Protocol {
    /// Its name, as requests of HTTP/1 write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// What one line tells.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the log's fields")]
pub struct Record<'a> {
    pub client: IpAddr,
    pub method: &'a str,
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub host: &'a str,
    pub protocol: Protocol,
    pub status: StatusCode,
    pub bytes: u64,
    pub started: Instant,
    pub ended: Instant,
    pub target: Option<TargetKind>,
    pub instance: Option<&'a str>,
    pub user_agent: Option<&'a str>,
    pub referer: Option<&'a str>,
    pub request_id: &'a RequestId,
}

impl<'a> Record<'a> {
    /// The record of a request whose head did not pass the gate: nothing in it can be trusted to be told.
    pub fn of_refused(
        peer: SocketAddr,
        protocol: Protocol,
        status: StatusCode,
        bytes: u64,
        (started, ended): (Instant, Instant),
        request_id: &'a RequestId,
    ) -> Self {
        Self {
            client: peer.ip(),
            method: "-",
            path: "-",
            query: None,
            host: "-",
            protocol,
            status,
            bytes,
            started,
            ended,
            target: None,
            instance: None,
            user_agent: None,
            referer: None,
            request_id,
        }
    }

    /// The time it took.
    pub fn elapsed(&self) -> Duration {
        self.ended.saturating_duration_since(self.started)
    }
}

/// The log of the process.
#[derive(Debug)]
pub struct AccessLog {
    format: LogFormat,
    sink: Option<Sink>,
}

impl AccessLog {
    /// Starts the writing thread, unless the log is off.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(format: LogFormat) -> io::Result<Self> {
        Self::to(format, io::stdout())
    }

    /// A log that is written somewhere else.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn to(format: LogFormat, out: impl io::Write + Send + 'static) -> io::Result<Self> {
        let sink = match format {
            LogFormat::Off => None,
            LogFormat::Text | LogFormat::Json => Some(Sink::start("access-log", out)?),
        };
        Ok(Self { format, sink })
    }

    /// The log as one more thread writes it.
    pub(super) fn shard(&self) -> ShardLog {
        ShardLog { format: self.format, inlet: self.sink.as_ref().map(Sink::inlet) }
    }

    /// Waits until what was written so far is out, but not for a reader that does not read.
    pub fn finish(&self) {
        if let Some(sink) = &self.sink {
            sink.finish(Duration::from_secs(1));
        }
    }
}

/// The log as one thread writes it.
#[derive(Debug)]
pub(super) struct ShardLog {
    format: LogFormat,
    inlet: Option<Inlet>,
}

impl ShardLog {
    /// Writes one line. False when it found no room.
    pub(super) fn write(&self, record: &Record<'_>, clock: &Clock) -> bool {
        let Some(inlet) = &self.inlet else { return true };
        let time = clock.timestamp(record.ended);
        inlet.push(line::most(record), |lines| match self.format {
            LogFormat::Json => line::json(record, &time, lines),
            LogFormat::Text | LogFormat::Off => line::text(record, &time, lines),
        })
    }
}
