//! What costs a client little and a server much. Each ends the connection with a word about it, and nobody else's.

use std::time::Duration;

use super::{
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, FRAME_SIZE_ERROR, HEADERS, PING, PRIORITY,
        PROTOCOL_ERROR, RST_STREAM, SETTINGS, WINDOW_UPDATE, Wire, field, frame, get, request, setting,
    },
    launch,
};
use crate::support::{server::Server, wait};

/// Streams of a client.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|n| 2 * n + 1)
}

/// What Compute has seen.
fn requests(server: &Server) -> u64 {
    server.get("/count").expect(200).json()["requests"].as_u64().unwrap()
}

#[test]
fn requests_that_are_taken_back_at_once_end_the_connection() {
    let server = launch().start();
    let before = requests(&server);
    let mut wire = Wire::open(server.address());
    for stream in streams(10_000) {
        wire.send([get(stream, "/slow?ms=1000"), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat());
    }
    assert_eq!(wire.goaway(), ENHANCE_YOUR_CALM);
    let asked = requests(&server) - before;
    assert!(asked < 400, "Node got {asked} requests");
    let resets = server.metric("edgeplane_http2_goaways_total{reason=\"resets\"}")
        + server.metric("edgeplane_http2_goaways_total{reason=\"calm\"}");
    assert!((resets - 1.0).abs() < 0.5, "{resets}");
}

#[test]
fn a_person_who_leaves_many_pages_is_no_attacker() {
    let server = launch().start();
    let mut wire = Wire::open(server.address());
    for stream in streams(100) {
        wire.send(get(stream, "/assets/picture.bin"));
        wire.send(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    wire.send(get(201, "/both/one.txt"));
    assert_eq!(wire.status(201), 200);
}

/// Bytes that are sent after the preface, and the errors of which one is to be named.
fn table() -> Vec<(&'static str, Vec<u8>, &'static [u32])> {
    const CALM: &[u32] = &[ENHANCE_YOUR_CALM];
    let (open, upload) = (request("GET", "/echo"), request("POST", "/upload"));
    let many = |frame: Vec<u8>, count: usize| frame.repeat(count);
    // A value of 4000 bytes that both sides remember, then one byte for each time it is meant (RFC 7541 6.1).
    let mut bomb = open.clone();
    bomb.extend([0x40, 1, b'x', 127, 0xa1, 0x1e]);
    bomb.extend([b'v'; 4000]);
    bomb.extend([0xbe; 12_000]);
    let continued = |piece: &[u8], count: usize| {
        let mut bytes = frame(HEADERS, END_STREAM, 1, &open);
        bytes.extend(many(frame(CONTINUATION, 0, 1, piece), count));
        bytes
    };
    // Each stream is given a window beyond all bounds (RFC 9113 6.9.1), which is an error of the stream.
    let overflow = (2_u32.pow(31) - 1).to_be_bytes();
    let made: Vec<u8> = streams(200)
        .flat_map(|stream| [get(stream, "/slow?ms=2000"), frame(WINDOW_UPDATE, 0, stream, &overflow)].concat())
        .collect();
    let closed: Vec<u8> = streams(200)
        .flat_map(|stream| [get(stream, "/slow?ms=2000"), frame(DATA, 0, stream, b"more")].concat())
        .collect();
    let malformed: Vec<u8> = streams(200)
        .flat_map(|stream| {
            let fields = [request("GET", "/echo"), field("connection", "close")].concat();
            frame(HEADERS, END_STREAM | END_HEADERS, stream, &fields)
        })
        .collect();
    let slivers = [frame(HEADERS, END_HEADERS, 1, &request("POST", "/early")), many(frame(DATA, 0, 1, b"x"), 60_000)];
    vec![
        ("SETTINGS", many(setting(4, 65_535), 5000), CALM),
        ("PING", many(frame(PING, 0, 0, b"12345678"), 5000), CALM),
        ("PRIORITY", many(frame(PRIORITY, 0, 3, &[0, 0, 0, 1, 7]), 5000), CALM),
        ("WINDOW_UPDATE", many(frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()), 5000), CALM),
        ("unknown frames", many(frame(0xfa, 0, 0, b"?"), 5000), CALM),
        ("empty DATA", [frame(HEADERS, END_HEADERS, 1, &upload), many(frame(DATA, 0, 1, b""), 5000)].concat(), CALM),
        ("slivers of DATA", slivers.concat(), CALM),
        ("CONTINUATION without end", continued(&field("x", "y"), 5000), CALM),
        ("empty CONTINUATION", continued(b"", 5000), CALM),
        ("a bomb of fields", frame(HEADERS, END_STREAM | END_HEADERS, 1, &bomb), CALM),
        ("streams that break their window", made, CALM),
        ("DATA after the end", closed, &[ENHANCE_YOUR_CALM, PROTOCOL_ERROR]),
        ("heads that are malformed", malformed, CALM),
        ("a frame that is too large", frame(DATA, 0, 1, &[0; 16_385]), &[FRAME_SIZE_ERROR]),
        ("DATA of no stream", frame(DATA, 0, 1, b"?"), &[PROTOCOL_ERROR, 5]),
        ("SETTINGS of a stream", frame(SETTINGS, 0, 1, &[]), &[PROTOCOL_ERROR]),
        ("a head of an even stream", get(2, "/echo"), &[PROTOCOL_ERROR]),
    ]
}

/// How often each abuse is tried.
const ROUNDS: u64 = 8;

#[test]
fn every_abuse_ends_its_connection_and_leaves_nothing_behind() {
    let server = launch().start();
    let mut calm = Wire::open(server.address());
    let before = requests(&server);
    let mut resident = 0;
    for round in 0..ROUNDS {
        for (abuse, bytes, expected) in table() {
            let mut wire = Wire::open(server.address());
            wire.send(&bytes);
            let code = wire.goaway();
            assert!(expected.contains(&code), "{abuse}: {code}, {:?}", wire.seen.last());
        }
        // What was taken for the first times may stay for the next.
        if round == ROUNDS / 2 {
            resident = server.memory("VmRSS");
        }
    }
    let now = server.memory("VmRSS");
    assert!(now < resident + 8 * 1024, "{now} KiB after {resident} KiB");
    assert!(requests(&server) - before < 200 * ROUNDS, "Node got {}", requests(&server) - before);
    wait::until("the end of what they began", || {
        server.get("/count").expect(200).json()["open"].as_u64().is_some_and(|open| open <= 1)
    });
    calm.send(get(1, "/both/one.txt"));
    assert_eq!(calm.status(1), 200);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn who_begins_and_never_ends_is_not_waited_for() {
    let server = launch().setting("timeouts.head", "300ms").start();
    let mut halves = [Wire::silent(server.address()), Wire::silent(server.address()), Wire::silent(server.address())];
    for (wire, said) in halves.iter_mut().zip([&b"PRI * HTTP/2.0\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n", b"PRI"])
    {
        wire.send(said);
    }
    for wire in &mut halves {
        assert!(wire.ends_within(Duration::from_secs(10)));
    }
    let mut other = Wire::silent(server.address());
    other.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
    assert!(other.ends_within(Duration::from_secs(10)));
}
