//! Windows (RFC 9113 5.2): who gives none gets nothing and holds up nobody, and who has much to send takes turns.

use std::time::Duration;

use super::{
    frames::{
        CANCEL, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, WINDOW_UPDATE, Wire, frame, get, request, setting,
    },
    launch,
};
use crate::support::wait;

/// SETTINGS_INITIAL_WINDOW_SIZE.
const INITIAL_WINDOW: u16 = 4;
const LARGEST_WINDOW: u32 = (1 << 31) - 1;

/// A client that takes everything.
fn greedy(wire: &mut Wire) {
    wire.send(setting(INITIAL_WINDOW, LARGEST_WINDOW));
    wire.send(frame(WINDOW_UPDATE, 0, 0, &(LARGEST_WINDOW - 65_535).to_be_bytes()));
}

#[test]
fn a_stream_that_gives_no_window_is_reset_and_its_connection_lives() {
    let server = launch().setting("timeouts.write", "500ms").start();
    let mut wire = Wire::open(server.address());
    wire.send(setting(INITIAL_WINDOW, 0));
    // From files, in memory and by windows, and from Compute, in one piece and in many.
    let paths = ["/both/one.txt", "/files/large.bin", "/page", "/big?n=500000", "/echo"];
    for (stream, path) in (1..).step_by(2).zip(paths) {
        wire.send(get(stream, path));
        assert_eq!(wire.status(stream), 200, "{path}");
        let reset = wire.expect(RST_STREAM, stream);
        assert_eq!(reset.code(), CANCEL, "{path}");
    }
    assert!((server.metric("edgeplane_http2_resets_total{reason=\"stalled\"}") - 5.0).abs() < 0.5);
    let stream = 2 * u32::try_from(paths.len()).unwrap() + 1;
    wire.send(get(stream, "/both/one.txt"));
    assert_eq!(wire.status(stream), 200);
    wire.send(frame(WINDOW_UPDATE, 0, stream, &3_u32.to_be_bytes()));
    let data = wire.expect(DATA, stream);
    assert_eq!((&data.payload[..], data.flags & END_STREAM), (&b"one"[..], END_STREAM));
}

#[test]
fn a_window_is_filled_to_its_last_byte_and_no_further() {
    let server = launch().start();
    let mut wire = Wire::open(server.address());
    wire.send(setting(INITIAL_WINDOW, 1000));
    for (stream, path) in [(1, "/assets/picture.bin"), (3, "/big?n=300000")] {
        wire.send(get(stream, path));
        let mut received = 0;
        let mut room = 1000;
        while received < 300_000 {
            let data = wire.expect(DATA, stream);
            assert!(data.payload.len() <= room, "{path}: {} in {room}", data.payload.len());
            received += data.payload.len();
            room -= data.payload.len();
            if room == 0 {
                room = 7919;
                for of in [0, stream] {
                    wire.send(frame(WINDOW_UPDATE, 0, of, &7919_u32.to_be_bytes()));
                }
            }
        }
        assert_eq!(received, 300_000, "{path}");
    }
}

#[test]
fn a_client_that_takes_nothing_at_all_loses_its_connection() {
    let server = launch().setting("timeouts.write", "500ms").start();
    let mut wire = Wire::deaf(server.address());
    let stalled = || server.metric("edgeplane_http2_goaways_total{reason=\"stalled\"}");
    wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    greedy(&mut wire);
    for stream in (1..40).step_by(2) {
        wire.send(get(stream, "/files/large.bin"));
    }
    wait::until("the end of the connection", || stalled() > 0.5);
    wait::until("its streams' end", || server.metric("edgeplane_http2_connections") < 0.5);
    assert!(server.memory("VmRSS") < 400 * 1024, "{} KiB", server.memory("VmRSS"));
}

#[test]
fn large_answers_let_small_ones_pass() {
    let server = launch().start();
    let mut wire = Wire::open(server.address());
    // Only the connection's window, which all share, is small.
    wire.send(setting(INITIAL_WINDOW, LARGEST_WINDOW));
    wire.send([get(1, "/files/large.bin"), get(3, "/big?n=8000000")].concat());
    let mut room = 65_535;
    let (mut after, mut small) = (None, [(5, "/both/one.txt"), (7, "/page")].into_iter());
    let mut waiting = small.next();
    let mut others = 0;
    while let Some((stream, path)) = waiting {
        let frame = wire.next().expect("a frame");
        assert!(frame.payload.len() <= 16 * 1024, "{}", frame.payload.len());
        if frame.kind != DATA {
            continue;
        }
        room -= frame.payload.len();
        if frame.stream == stream && frame.flags & END_STREAM != 0 {
            assert!(others < 200_000, "{others} bytes of others before {path}");
            (waiting, after) = (small.next(), None);
        } else if room == 0 {
            // The others have used it up: now the small one asks, and gets its share of what is given from now on.
            if after.is_none() {
                wire.send(get(stream, path));
                wire.expect(HEADERS, stream);
                (after, others) = (Some(stream), 0);
            }
            room = 32_768;
            wire.send(frame_of_window(32_768));
        }
        others += frame.payload.len();
    }
}

fn frame_of_window(bytes: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, 0, &bytes.to_be_bytes())
}

#[test]
fn a_window_is_given_back_only_as_its_bytes_are_used() {
    let server = launch().start();
    let mut wire = Wire::open(server.address());
    // Compute does not read this body, so that no more of it is taken than the buffers on the way hold.
    wire.send(frame(HEADERS, END_HEADERS, 1, &request("POST", "/slow?ms=3000")));
    for _ in 0..4 {
        wire.send(frame(DATA, 0, 1, &[b'x'; 16_000]));
    }
    let given_back = |wire: &mut Wire| {
        wire.ends_within(Duration::from_millis(700));
        wire.seen.iter().filter(|frame| frame.kind == WINDOW_UPDATE && frame.stream == 1).count()
    };
    let first = given_back(&mut wire);
    // Another one of the same connection goes on meanwhile.
    wire.send(get(3, "/both/one.txt"));
    assert_eq!(wire.status(3), 200);
    assert!(first <= 4, "{first}");
}

#[test]
fn a_request_that_is_taken_back_is_worked_on_no_more() {
    let server = launch().start();
    let mut wire = Wire::open(server.address());
    let aborted = || server.get("/count").expect(200).json()["aborted"].as_u64().unwrap();
    for (stream, path) in [(1, "/endless"), (3, "/slow?ms=20000")] {
        let before = aborted();
        wire.send(get(stream, path));
        if stream == 1 {
            wire.expect(DATA, 1);
        } else {
            wait::until("the request at Node", || server.get("/count").expect(200).json()["open"].as_u64() == Some(2));
        }
        wire.send(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
        wait::until("the end at Node", || aborted() > before);
    }
    assert!((server.metric("edgeplane_http2_resets_total{reason=\"client\"}") - 2.0).abs() < 0.5);
    wire.send(get(5, "/both/one.txt"));
    assert_eq!(wire.status(5), 200);
}

#[test]
fn an_answer_that_breaks_off_is_no_complete_one() {
    let server = launch().start();
    let mut wire = Wire::open(server.address());
    for (stream, path) in [(1, "/short"), (3, "/short-chunked")] {
        wire.send(get(stream, path));
        assert_eq!(wire.status(stream), 200);
        assert_eq!(wire.expect(RST_STREAM, stream).code(), 2, "{path}");
    }
    assert!((server.metric("edgeplane_http2_resets_total{reason=\"broken\"}") - 2.0).abs() < 0.5);
}
