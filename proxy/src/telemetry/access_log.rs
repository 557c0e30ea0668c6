//! The access log: what one line per request tells, as text or JSON. `sink` writes the lines.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use edgeplane_config::{LogFormat, TargetKind};
use http::StatusCode;
use prometheus::IntCounter;

use super::{RequestId, clock::Timestamp, sink::Sink};

/// What one line tells.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the log's fields")]
pub struct Record<'a> {
    pub client: IpAddr,
    pub method: &'a str,
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub host: &'a str,
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

    fn target_name(&self) -> &'static str {
        self.target.map_or("-", TargetKind::as_str)
    }

    fn text(&self, time: &str) -> String {
        let question = if self.query.is_some() { "?" } else { "" };
        format!(
            "{time} {} \"{} {}{question}{}\" {} {}B {:.1}ms {} {} {}\n",
            self.client,
            visible(self.method),
            visible(self.path),
            visible(self.query.unwrap_or("")),
            self.status.as_u16(),
            self.bytes,
            self.elapsed().as_secs_f64() * 1e3,
            self.target_name(),
            self.instance.unwrap_or("-"),
            self.request_id.as_str(),
        )
    }

    fn json(&self, time: &str) -> String {
        let line = serde_json::json!({
            "time": time,
            "client": self.client.to_string(),
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "host": self.host,
            "status": self.status.as_u16(),
            "bytes": self.bytes,
            "duration_ms": (self.elapsed().as_secs_f64() * 1e6).round() / 1e3,
            "target": self.target.map(TargetKind::as_str),
            "instance": self.instance,
            "user_agent": self.user_agent,
            "referer": self.referer,
            "request_id": self.request_id.as_str(),
        });
        format!("{line}\n")
    }
}

/// What a client sent must not be able to forge a line, end a quotation, colour a terminal or turn its writing round.
/// Beyond ASCII all is escaped: among it are characters that are invisible, look like others or change direction.
fn visible(text: &str) -> std::borrow::Cow<'_, str> {
    if text.bytes().any(|byte| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'\\')) {
        text.escape_default().to_string().into()
    } else {
        text.into()
    }
}

/// The log. Cheap to write to from any thread.
#[derive(Debug)]
pub struct AccessLog {
    format: LogFormat,
    sink: Option<Sink>,
    dropped: IntCounter,
}

impl AccessLog {
    /// Starts the writing thread, unless the log is off. `dropped` counts the lines that found no room.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(format: LogFormat, dropped: IntCounter) -> io::Result<Self> {
        let sink = match format {
            LogFormat::Off => None,
            LogFormat::Text | LogFormat::Json => Some(Sink::start("access-log", io::stdout())?),
        };
        Ok(Self { format, sink, dropped })
    }

    /// Writes one line.
    pub(super) fn write(&self, record: &Record<'_>, time: &Timestamp) {
        let Some(sink) = &self.sink else { return };
        let time = str::from_utf8(time).unwrap_or_default();
        let line = if self.format == LogFormat::Json { record.json(time) } else { record.text(time) };
        if !sink.push(line.as_bytes()) {
            self.dropped.inc();
        }
    }

    /// Waits until what was written so far is out, but not for a reader that does not read.
    pub fn finish(&self) {
        if let Some(sink) = &self.sink {
            sink.finish(Duration::from_secs(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &RequestId) -> Record<'_> {
        let started = Instant::now();
        Record {
            client: [127, 0, 0, 1].into(),
            method: "GET",
            path: "/a\"b\u{1b}[31m",
            query: Some("q=1"),
            host: "h",
            status: StatusCode::OK,
            bytes: 12,
            started,
            ended: started + Duration::from_micros(1234),
            target: Some(TargetKind::Compute),
            instance: Some("default-1"),
            user_agent: Some("curl"),
            referer: None,
            request_id: id,
        }
    }

    #[test]
    fn a_text_line_cannot_be_forged_by_a_path() {
        let id = RequestId::parse("id-1").unwrap();
        let line = record(&id).text("now");
        assert!(line.contains(r#""GET /a\"b\u{1b}[31m?q=1" 200 12B 1.2ms Compute default-1 id-1"#), "{line}");
        assert_eq!(line.matches('\n').count(), 1);
    }

    #[test]
    fn nothing_in_a_text_line_ends_its_quotation_or_turns_it_round() {
        assert_eq!(visible("/plain?a=b|c"), "/plain?a=b|c");
        assert_eq!(visible("/a\\"), "/a\\\\");
        assert_eq!(visible("/\u{202e}gpj.exe"), "/\\u{202e}gpj.exe");
    }

    #[test]
    fn a_json_line_is_one_object() {
        let id = RequestId::parse("id-1").unwrap();
        let value: serde_json::Value = serde_json::from_str(&record(&id).json("now")).unwrap();
        assert_eq!(value["path"], "/a\"b\u{1b}[31m");
        assert_eq!(value["duration_ms"], 1.234);
        assert_eq!(value["target"], "Compute");
    }
}
