//! Requests that mean two things, or none: RFC 9113 8.1.1 has them end as errors of their streams, or (5.4.1) of the
//! connection, as the library has it where the field itself is none.

use super::{
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PROTOCOL_ERROR, RST_STREAM, Wire, field, frame,
        get, request,
    },
    launch,
};

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Status(u16),
    Reset(u32),
    Goaway(u32),
}

fn fields(list: &[(&str, &str)]) -> Vec<u8> {
    list.iter().flat_map(|(name, value)| field(name, value)).collect()
}

fn table() -> Vec<(&'static str, Vec<u8>, End)> {
    const BROKEN: End = End::Reset(PROTOCOL_ERROR);
    const NO_FIELD: End = End::Goaway(PROTOCOL_ERROR);
    let usual = |more: &[(&str, &str)]| [request("GET", "/both/one.txt"), fields(more)].concat();
    let without = |name: &str| {
        let pseudo = [(":method", "GET"), (":scheme", "http"), (":path", "/both/one.txt"), (":authority", "h")];
        fields(&pseudo.into_iter().filter(|(known, _)| *known != name).collect::<Vec<_>>())
    };
    let long = "x".repeat(9000);
    vec![
        ("fine", usual(&[("te", "trailers"), ("accept", "*/*")]), End::Status(200)),
        ("capitals", usual(&[("X-Name", "1")]), NO_FIELD),
        ("connection", usual(&[("connection", "close")]), BROKEN),
        ("keep-alive", usual(&[("keep-alive", "timeout=5")]), BROKEN),
        ("transfer-encoding", usual(&[("transfer-encoding", "chunked")]), BROKEN),
        ("upgrade", usual(&[("upgrade", "websocket")]), BROKEN),
        ("te", usual(&[("te", "gzip")]), BROKEN),
        ("a line end", usual(&[("x", "a\r\nb: c")]), NO_FIELD),
        ("a zero", usual(&[("x", "a\0b")]), NO_FIELD),
        ("a space in a name", usual(&[("x y", "1")]), NO_FIELD),
        ("white space around a value", usual(&[("x", " 1")]), End::Status(400)),
        ("a pseudo-field after others", usual(&[("x", "1"), (":path", "/")]), BROKEN),
        ("an unknown pseudo-field", usual(&[(":other", "1")]), NO_FIELD),
        ("no method", without(":method"), BROKEN),
        ("no scheme", without(":scheme"), BROKEN),
        ("no authority", without(":authority"), End::Status(400)),
        (
            "a host in the place of the authority",
            [without(":authority"), fields(&[("host", "h")])].concat(),
            End::Status(200),
        ),
        ("two hosts", usual(&[("host", "other.example")]), End::Status(400)),
        ("the same host twice", usual(&[("host", "h.example")]), End::Status(200)),
        ("CONNECT", fields(&[(":method", "CONNECT"), (":authority", "h:443")]), End::Status(501)),
        ("a WebSocket (RFC 8441)", [request("CONNECT", "/"), fields(&[(":protocol", "websocket")])].concat(), BROKEN),
        ("TRACE", request("TRACE", "/"), End::Status(501)),
        ("an empty path", request("GET", ""), BROKEN),
        ("a path without a slash", request("GET", "x"), BROKEN),
        ("a length without a body", usual(&[("content-length", "5")]), BROKEN),
        ("two lengths", usual(&[("content-length", "0"), ("content-length", "1")]), BROKEN),
        ("no length", usual(&[("content-length", "many")]), BROKEN),
        ("fields without end", usual(&[("a", &long), ("b", &long), ("c", &long), ("d", &long)]), End::Status(431)),
        ("many fields", usual(&[("x", "1"); 150]), End::Status(431)),
    ]
}

#[test]
fn what_is_malformed_is_never_answered_as_if_it_were_not() {
    let server = launch().setting("http2.broken-streams", "1000").start();
    let mut wire = Wire::open(server.address());
    let (mut stream, mut wrong) = (1, Vec::new());
    for (case, fields, expected) in table() {
        for (n, piece) in fields.chunks(16_000).enumerate() {
            let is_last = (n + 1) * 16_000 >= fields.len();
            let (kind, flags) = if n == 0 { (HEADERS, END_STREAM) } else { (CONTINUATION, 0) };
            wire.send(frame(kind, flags | if is_last { END_HEADERS } else { 0 }, stream, piece));
        }
        let ended = ended(&mut wire, stream);
        if ended != expected {
            wrong.push(format!("{case}: {ended:?}"));
        }
        stream += 2;
        if let End::Goaway(_) = ended {
            wire = Wire::open(server.address());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    wire.send(get(stream, "/both/one.txt"));
    assert_eq!(wire.status(stream), 200);
}

#[test]
fn a_body_that_is_not_as_long_as_it_says_never_reaches_compute_as_a_whole() {
    let server = launch().start();
    let mut wire = Wire::open(server.address());
    for (stream, said, sent) in [(1, "10", &b"short"[..]), (3, "3", b"longer than that")] {
        let head = [request("POST", "/echo"), field("content-length", said)].concat();
        wire.send(frame(HEADERS, END_HEADERS, stream, &head));
        wire.send(frame(DATA, END_STREAM, stream, sent));
        assert_eq!(ended(&mut wire, stream), End::Reset(PROTOCOL_ERROR), "{said}");
    }
    wire.send(get(5, "/count"));
    assert_eq!(wire.status(5), 200);
}

fn ended(wire: &mut Wire, stream: u32) -> End {
    loop {
        let frame = wire.next().unwrap_or_else(|| panic!("the connection ended: {:?}", wire.seen.last()));
        if frame.stream == stream && frame.kind == RST_STREAM {
            return End::Reset(frame.code());
        }
        if frame.kind == GOAWAY {
            return End::Goaway(frame.code());
        }
        if frame.stream == stream && frame.kind == HEADERS {
            return End::Status(wire.status_of(&frame));
        }
    }
}
