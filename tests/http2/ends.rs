//! How connections end: said in two steps (RFC 9113 6.8), after the last answer, and in time.

use std::{
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use super::{
    client::Client,
    frames::{DATA, END_STREAM, GOAWAY, HEADERS, NO_ERROR, PING, SETTINGS, Wire, frame, get},
    launch,
};
use crate::support::{client::Request, wait};

/// Answers a PING.
fn pong(wire: &mut Wire) {
    let seen = wire.seen.iter().find(|frame| frame.kind == PING).cloned();
    let ping = seen.unwrap_or_else(|| wire.expect(PING, 0));
    wire.send(frame(PING, 1, 0, &ping.payload));
}

#[test]
fn without_the_setting_it_is_not_spoken() {
    let server = launch().setting("http2.cleartext", "false").start();
    server.raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect(505);
    assert!(server.metric("edgeplane_http2_connections_total") < 0.5);
}

#[test]
fn http1_is_spoken_on_the_same_address() {
    let server = launch().start();
    server.get("/both/one.txt").expect(200);
    let mut wire = Wire::open(server.address());
    wire.send(get(1, "/both/one.txt"));
    assert_eq!(wire.status(1), 200);
    // Only a first request can be the preface.
    let mut connection = server.connect();
    Request::get("/both/one.txt").send_on(&mut connection, server.address()).expect(200);
    connection.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    connection.receive("GET").expect(505);
}

#[test]
fn a_stop_loses_nothing_that_was_asked_for() {
    let mut server = launch().start();
    let client = Client::open(server.address());
    let requests: Vec<_> =
        ["/slow?ms=700", "/stream?n=6&ms=100", "/files/large.bin", "/events"].map(Request::get).into();
    thread::scope(|scope| {
        let answers = scope.spawn(|| client.send_all(&requests));
        wait::until("the requests", || server.metric("edgeplane_http2_streams_total") > 3.5);
        server.signal(Signal::SIGTERM);
        for reply in answers.join().unwrap() {
            reply.expect(200);
        }
    });
    assert!(server.ended().success());
}

#[test]
fn a_stop_is_said_in_two_steps_and_idle_connections_end_at_once() {
    let mut server = launch().start();
    let mut wire = Wire::open(server.address());
    wire.send(get(1, "/both/one.txt"));
    assert_eq!(wire.status(1), 200);
    server.signal(Signal::SIGTERM);
    let began = Instant::now();
    let first = wire.expect(GOAWAY, 0);
    assert_eq!((first.code(), &first.payload[..4]), (NO_ERROR, &[0x7f, 0xff, 0xff, 0xff][..]));
    // What was on its way then is still answered.
    wire.send(get(3, "/both/one.txt"));
    assert_eq!(wire.status(3), 200);
    pong(&mut wire);
    let last = wire.expect(GOAWAY, 0);
    assert_eq!((last.code(), &last.payload[..4]), (NO_ERROR, &[0, 0, 0, 3][..]));
    assert!(server.ended().success());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_client_that_does_not_listen_does_not_hold_up_a_stop() {
    let mut server = launch().start();
    let mut wire = Wire::open(server.address());
    wire.send(get(1, "/both/one.txt"));
    assert_eq!(wire.status(1), 200);
    server.signal(Signal::SIGTERM);
    let began = Instant::now();
    assert!(server.ended().success());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn an_idle_connection_ends_and_one_that_is_only_kept_awake_too() {
    let server = launch().setting("timeouts.idle", "400ms").start();
    let mut wire = Wire::open(server.address());
    wire.send(get(1, "/slow?ms=1200"));
    // It is not idle while something is under way.
    assert_eq!(wire.status(1), 200);
    wire.expect(DATA, 1);
    let awake = Instant::now();
    while !wire.seen.iter().any(|frame| frame.kind == GOAWAY) {
        wire.send(frame(PING, 0, 0, b"are you "));
        assert!(wire.next().is_some() && awake.elapsed() < wait::PATIENCE);
    }
    assert_eq!(wire.goaway(), NO_ERROR);
    assert!((server.metric("edgeplane_http2_goaways_total{reason=\"idle\"}") - 1.0).abs() < 0.5);
}

#[test]
fn an_old_connection_finishes_what_it_has_and_takes_no_more() {
    let server = launch().setting("http2.max-age", "1s").start();
    let mut wire = Wire::open(server.address());
    wire.send(get(1, "/slow?ms=2500"));
    assert_eq!(wire.expect(GOAWAY, 0).code(), NO_ERROR);
    pong(&mut wire);
    assert_eq!(wire.status(1), 200);
    assert_eq!(wire.goaway(), NO_ERROR);
    assert!((server.metric("edgeplane_http2_goaways_total{reason=\"age\"}") - 1.0).abs() < 0.5);
}

#[test]
fn a_connection_ends_after_its_share_of_requests() {
    let server = launch().setting("limits.keepalive-requests", "3").start();
    let mut wire = Wire::open(server.address());
    wire.send([get(1, "/both/one.txt"), get(3, "/echo"), get(5, "/both/one.txt")].concat());
    wire.expect(GOAWAY, 0);
    pong(&mut wire);
    assert_eq!(wire.goaway(), NO_ERROR);
    let ended = wire.seen.iter().filter(|frame| frame.kind == DATA && frame.flags & END_STREAM != 0).count();
    assert_eq!(ended, 3);
}

#[test]
fn no_more_streams_than_allowed_are_under_way() {
    let server = launch().setting("http2.streams", "4").start();
    let mut wire = Wire::open(server.address());
    let settings = wire.expect(SETTINGS, 0).payload;
    assert!(settings.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 4]), "{settings:?}");
    for stream in [1, 3, 5, 7, 9] {
        wire.send(get(stream, "/slow?ms=500"));
    }
    // REFUSED_STREAM: whoever asked may ask again.
    assert_eq!(wire.expect(super::frames::RST_STREAM, 9).code(), 7);
    for _ in 0..4 {
        while wire.next().is_some_and(|frame| frame.kind != HEADERS) {}
    }
    assert_eq!(wire.seen.iter().filter(|frame| frame.kind == HEADERS).count(), 4);
}
