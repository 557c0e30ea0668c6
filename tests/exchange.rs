//! What happens between a client and Node: bodies both ways, upgrades, limits, and everything either side may do wrong.

use std::time::Duration;

use crate::support::{
    bundle::Draft,
    client::{Connection, Request},
    reply::names_no_internals,
    server::Launch,
    shared, wait,
    websocket::WebSocket,
};

#[test]
fn a_client_that_leaves_ends_the_work_done_for_it() {
    let server = Launch::new(&Draft::usual().write()).start();
    let mut connection = server.connect();
    connection.send(Request::get("/endless").bytes(server.address()));
    assert!(!connection.take(64).is_empty());
    drop(connection);
    wait::until("the abort to reach Node", || server.get("/count").json()["aborted"].as_u64() >= Some(1));
}

#[test]
fn a_client_that_leaves_is_logged_with_what_it_was_sent() {
    let server = Launch::new(&Draft::usual().write()).start();
    let mut connection = server.connect();
    connection.send(Request::get("/endless").bytes(server.address()));
    let n_taken = connection.take(4096).len() as u64;
    drop(connection);
    let line = wait::within(wait::PATIENCE, "the line", || {
        server.access_log().into_iter().find(|line| line.contains("\"GET /endless\" 200 "))
    });
    let bytes = line.split_whitespace().find_map(|word| word.strip_suffix('B')?.parse::<u64>().ok());
    assert!(bytes.is_some_and(|bytes| bytes >= n_taken), "{n_taken} taken: {line}");
}

#[test]
fn an_answer_that_is_too_long_or_too_short_never_reaches_the_next_client() {
    let server = Launch::new(&Draft::usual().write()).start();
    let mut connection = server.connect();
    for path in ["/long", "/short", "/short-chunked", "/long"] {
        let mut bad = server.connect();
        let reply = Request::get(path).send_on(&mut bad, server.address());
        assert!(!reply.text().contains("poison"), "{path}: {}", reply.summary());
        if path == "/long" {
            assert!(reply.status == 502 || reply.text() == "hello", "{}", reply.summary());
        } else {
            assert!(!reply.complete, "{path}: {}", reply.summary());
        }
        for _ in 0..5 {
            let next = Request::get("/page").send_on(&mut connection, server.address());
            assert_eq!((next.status, next.text().as_str()), (200, "<h1>page</h1>"), "after {path}");
        }
    }
}

#[test]
fn answers_that_are_none_give_502_and_name_no_internals() {
    let server = Launch::new(&Draft::usual().write()).start();
    for path in ["/hang-up", "/garbage"] {
        let reply = server.send(&Request::post(path, "x")).expect(502);
        names_no_internals(&reply.text());
        server.get("/page").expect(200);
    }
}

#[test]
fn an_exchange_that_takes_too_long_gives_504() {
    let server = Launch::new(&Draft::usual().write()).setting("timeouts.request", "1s").start();
    let reply = server.get("/slow?ms=20000").expect(504);
    assert!(reply.total < Duration::from_secs(10), "{:?}", reply.total);
    names_no_internals(&reply.text());
    server.get("/page").expect(200);
}

#[test]
fn a_body_above_the_limit_is_413_and_node_never_sees_all_of_it() {
    let server = Launch::new(&Draft::usual().write()).setting("limits.request-body", "1MiB").start();
    server.send(&Request::post("/upload", vec![b'x'; 1 << 20])).expect(200);
    let declared = server.send(&Request::post("/upload", vec![b'x'; (1 << 20) + 1]));
    assert_eq!(declared.status, 413, "{}", declared.summary());
    let chunked = server.send(&Request::post("/upload", vec![b'x'; (1 << 20) + 1]).chunked());
    assert_eq!(chunked.status, 413, "{}", chunked.summary());
    server.get("/page").expect(200);
}

#[test]
fn a_client_that_waits_for_100_gets_it_and_one_that_does_not_is_not_kept_waiting() {
    let server = shared::handmade();
    let mut connection = server.connect();
    connection.send(format!(
        "POST /echo HTTP/1.1\r\nHost: {}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
        server.address()
    ));
    assert!(connection.take(12).starts_with(b"HTTP/1.1 100"));
    // The rest of the interim head, then the body.
    let rest = connection.take(13);
    assert!(rest.ends_with(b"\r\n\r\n"), "{:?}", String::from_utf8_lossy(&rest));
    connection.send("body");
    assert_eq!(connection.receive("POST").expect(200).json()["body"], "body");
    let at_once = Request::post("/echo", "body").field("Expect", "100-continue");
    assert_eq!(server.send(&at_once).expect(200).json()["body"], "body");
}

#[test]
fn a_websocket_passes_both_ways_and_ends_with_either_side() {
    let server = shared::handmade();
    let mut socket = WebSocket::open(server.address(), "/ws").unwrap();
    for text in ["first", "second", &"x".repeat(125)] {
        socket.send(text);
        assert_eq!(socket.receive(), text);
    }
    assert!(socket.close(), "the connection stays open after the close frame");
    let refused = WebSocket::open(server.address(), "/refuse-upgrade").expect_err("403");
    assert_eq!(refused.status, 403, "{}", refused.summary());
}

#[test]
fn events_and_chunks_are_not_held_back() {
    for (path, least) in [("/events", 4), ("/stream?n=4&ms=150", 4)] {
        let request = Request::get(path).field("Accept-Encoding", "gzip, br");
        let reply = shared::handmade().send(&request).expect(200).with("content-encoding", "br");
        assert!(reply.arrivals.len() >= least, "{path}: {:?}", reply.arrivals);
    }
}

#[test]
fn a_large_upload_streams_through_without_being_kept() {
    let server = Launch::new(&Draft::usual().write()).start();
    server.get("/page").expect(200);
    let before = server.memory("VmHWM");
    let body = vec![b'u'; 64 << 20];
    let told = server.send(&Request::post("/upload", body).chunked()).expect(200).json();
    assert_eq!(told["bytes"], 64 << 20);
    let grown = server.memory("VmHWM") - before;
    assert!(grown < 32 << 10, "{grown} KiB more for an upload of 64 MiB");
}

#[test]
fn answers_flow_while_the_request_still_does() {
    let server = shared::handmade();
    let mut connection = server.connect();
    connection.send(format!(
        "POST /duplex HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n",
        server.address()
    ));
    let begun = String::from_utf8_lossy(&connection.take(60)).into_owned();
    assert!(begun.starts_with("HTTP/1.1 200"), "{begun}");
    wait::within(wait::PATIENCE, "the echo of the first piece", || {
        String::from_utf8_lossy(&connection.take(64)).contains("got 4").then_some(())
    });
    connection.send("0\r\n\r\n");
    let mut rest = String::new();
    while !rest.contains("end") {
        let piece = connection.take(1);
        assert!(!piece.is_empty(), "{rest}");
        rest.push_str(&String::from_utf8_lossy(&piece));
    }
}

#[test]
fn a_request_carries_who_asked_and_nothing_that_a_stranger_made_up() {
    let request = Request::get("/echo")
        .field("Host", "shop.example:8080")
        .field("X-Forwarded-For", "6.6.6.6")
        .field("X-Forwarded-Proto", "https")
        .field("X-Forwarded-Host", "evil.example")
        .field("Forwarded", "for=6.6.6.6")
        .field("Connection", "keep-alive, X-Hop")
        .field("X-Hop", "1")
        .field("Proxy-Authorization", "Basic x")
        .field("X-Kept", "yes");
    let told = shared::handmade().send(&request).expect(200).json();
    let fields = &told["headers"];
    assert_eq!(fields["host"], "shop.example:8080");
    assert_eq!(fields["x-forwarded-host"], "shop.example:8080");
    assert_eq!(fields["x-forwarded-proto"], "http");
    assert_eq!(fields["x-forwarded-for"], "127.0.0.1");
    assert_eq!(fields["x-kept"], "yes");
    assert!(fields["x-hop"].is_null() && fields["keep-alive"].is_null(), "{fields:#}");
    assert!(!fields.to_string().contains("6.6.6.6"), "{fields:#}");
    let trusting = Launch::new(&Draft::usual().write()).setting("trusted-proxies", "127.0.0.0/8").start();
    let told = trusting.send(&request).expect(200).json();
    assert_eq!(told["headers"]["x-forwarded-for"], "6.6.6.6, 127.0.0.1");
    assert_eq!(told["headers"]["x-forwarded-proto"], "https");
}

#[test]
fn connections_to_node_are_kept_and_used_again() {
    let server = Launch::new(&Draft::usual().write()).start();
    let mut connection = server.connect();
    let count =
        |connection: &mut Connection| Request::get("/count").send_on(connection, server.address()).expect(200).json();
    let before = count(&mut connection)["connections"].as_u64().unwrap();
    for _ in 0..20 {
        Request::get("/page").send_on(&mut connection, server.address()).expect(200);
    }
    let after = count(&mut connection)["connections"].as_u64().unwrap();
    assert!(after - before <= 1, "{} new connections for 20 requests", after - before);
}
