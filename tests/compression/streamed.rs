//! Answers that come bit by bit: nothing is held back, nothing that was cut off looks whole, nobody's leaving is missed.

use super::{CODINGS, LANES, as_it_is, decoded, decoded_so_far, launch, metric};
use crate::support::{
    client::{Connection, Request},
    server::Server,
    wait,
};

/// A client that listens to events.
struct Listener {
    connection: Connection,
    coding: &'static str,
    raw: Vec<u8>,
}

impl Listener {
    fn open(server: &Server, lane: &str, coding: &'static str) -> Self {
        let mut connection = server.connect();
        let request = Request::get(&format!("{lane}/events")).field("Accept-Encoding", coding);
        connection.send(request.bytes(server.address()));
        let mut raw = Vec::new();
        while !raw.ends_with(b"\r\n\r\n") {
            let byte = connection.take(1);
            assert!(!byte.is_empty(), "no head: {}", raw.escape_ascii());
            raw.extend(byte);
        }
        let head = String::from_utf8(raw).unwrap().to_ascii_lowercase();
        assert!(head.contains(&format!("\r\ncontent-encoding: {coding}\r\n")), "{head}");
        Self { connection, coding, raw: Vec::new() }
    }

    /// Reads until the text of all events so far is `expected`.
    fn expect(&mut self, expected: &str) {
        while decoded_so_far(self.coding, &unchunked(&self.raw)) != expected.as_bytes() {
            let byte = self.connection.take(1);
            assert!(!byte.is_empty(), "{}: no {expected:?} in {}", self.coding, self.raw.escape_ascii());
            self.raw.extend(byte);
        }
    }
}

/// The content of the chunks, as far as they have come.
fn unchunked(mut raw: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some(end) = raw.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&raw[..end]).unwrap(), 16).unwrap();
        let rest = &raw[end + 2..];
        content.extend_from_slice(&rest[..size.min(rest.len())]);
        let Some(next) = rest.get(size + 2..) else { break };
        raw = next;
    }
    content
}

/// Each event is sent only when the one before it was read.
#[test]
fn events_arrive_one_by_one_in_every_coding_on_every_lane() {
    let server = launch().start();
    for lane in LANES {
        for coding in CODINGS {
            let mut listener = Listener::open(&server, lane, coding);
            let mut expected = String::new();
            for n in 0..4 {
                server.get(&format!("/tick?say={n}")).expect(200);
                expected.extend(["data: ", &n.to_string(), "\n\n"]);
                listener.expect(&expected);
            }
            drop(listener);
            wait::until("the end of it", || metric(&server, "edgeplane_compression_streams") == 0);
        }
    }
}

#[test]
fn who_listens_for_hours_leaves_room_for_the_others() {
    let server = launch().setting("compression.event-streams-max", "1").start();
    let mut first = Listener::open(&server, "", "gzip");
    let request = Request::get("/events").field("Accept-Encoding", "gzip");
    let mut second = server.connect();
    second.send(request.bytes(server.address()));
    wait::until("the second one's answer", || {
        metric(&server, "edgeplane_uncompressed_answers_total{reason=\"busy\"}") == 1
    });
    server.get("/tick?say=x").expect(200);
    first.expect("data: x\n\n");
    let mut plain = String::new();
    while !plain.contains("data: x\n\n") {
        let byte = second.take(1);
        assert!(!byte.is_empty(), "{plain}");
        plain += &String::from_utf8_lossy(&byte);
    }
    assert!(!plain.to_ascii_lowercase().contains("content-encoding"), "{plain}");
    server.send(&Request::get("/page").field("Accept-Encoding", "gzip")).expect(200).with("content-encoding", "gzip");
}

#[test]
fn an_answer_that_is_cut_off_is_cut_off_in_every_coding() {
    let server = launch().start();
    for framing in ["cut-length", "cut-chunked"] {
        for lane in LANES {
            for coding in CODINGS {
                let path = format!("{lane}/page?bytes=90000&framing={framing}");
                let reply = server.send(&Request::get(&path).field("Accept-Encoding", coding));
                assert_eq!((reply.status, reply.complete), (200, false), "{framing} {coding} {lane}");
                assert!(decoded(coding, &reply.body).is_err(), "{framing} {coding} {lane}: it looks whole");
                let came = decoded_so_far(coding, &reply.body);
                let whole = as_it_is(&server, "/page?bytes=90000");
                assert!(whole.starts_with(&came), "{framing} {coding} {lane}: other bytes");
                assert!(lane.is_empty() <= (came.len() == 45_000), "{framing} {coding}: {} bytes came", came.len());
            }
        }
    }
    wait::until("the end of all", || metric(&server, "edgeplane_compression_streams") == 0);
}

#[test]
fn a_client_that_leaves_ends_it() {
    let server = launch().start();
    let aborted = || server.get("/seen").json()["aborted"].as_u64().unwrap();
    for (lane, coding) in LANES.into_iter().zip(["zstd", "br"]) {
        let before = aborted();
        let listener = Listener::open(&server, lane, coding);
        assert_eq!(metric(&server, "edgeplane_compression_streams"), 1);
        drop(listener);
        wait::until("the abort to reach Node", || aborted() > before);
        wait::until("the encoder's end", || metric(&server, "edgeplane_compression_streams") == 0);
    }
}
