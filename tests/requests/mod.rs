//! Requests as nobody should write them, byte for byte: the right status, and a connection that is closed where what
//! follows on it can no longer be told apart (RFC 9112 9.6, 11.2).

mod cases;

use std::time::Duration;

use self::cases::{
    After::{Closed, Open},
    Case, cases,
};
use crate::support::{
    bundle::Draft,
    client::{Connection, Request},
    server::{Launch, Server},
    shared, wait,
};

/// Sends one case on `connection` and says what is wrong with the answer.
fn fault(connection: &mut Connection, case: &Case) -> Option<String> {
    connection.patience(Duration::from_secs(5));
    connection.send(&case.bytes);
    let method = if case.bytes.starts_with(b"HEAD") { "HEAD" } else { "GET" };
    let reply = connection.receive(method);
    let shown: String = String::from_utf8_lossy(&case.bytes).chars().take(90).collect();
    if !case.status.contains(&reply.status) {
        return Some(format!("{shown:?}: {} instead of {:?}", reply.status, case.status));
    }
    if !reply.complete {
        return Some(format!("{shown:?}: {} was cut short", reply.status));
    }
    if case.after == Closed && !connection.is_closed() {
        return Some(format!("{shown:?}: the connection stays open after {}", reply.status));
    }
    if case.after == Open && !(200..300).contains(&reply.status) && reply.status == 400 {
        // A server may always refuse and close; only what it serves must keep the connection.
        return None;
    }
    if case.after == Open {
        let next = Request::get("/hello.txt").field("Host", "next.example");
        connection.send(next.bytes(std::net::SocketAddr::from(([127, 0, 0, 1], 1))));
        let next = connection.receive("GET");
        if next.text() != "hello from a file\n" {
            return Some(format!("{shown:?}: the next request got {}", next.summary()));
        }
    }
    None
}

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "{} cases:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn odd_requests_get_their_status_and_close_what_cannot_be_trusted() {
    let server = shared::handmade();
    let faults: Vec<String> = cases().iter().filter_map(|case| fault(&mut server.connect(), case)).collect();
    report(&faults);
    server.get("/hello.txt").expect(200);
}

#[test]
fn odd_requests_are_no_different_behind_a_good_one_in_the_same_packet() {
    let server = shared::handmade();
    let mut faults = Vec::new();
    for case in cases() {
        let mut connection = server.connect();
        let good = Request::get("/hello.txt").bytes(server.address());
        let both = Case { bytes: [good, case.bytes].concat(), ..case };
        connection.patience(Duration::from_secs(5));
        connection.send(&both.bytes);
        let first = connection.receive("GET");
        if first.text() != "hello from a file\n" {
            faults.push(format!("the good request got {}", first.summary()));
            continue;
        }
        let second = connection.receive("GET");
        if !case.status.contains(&second.status) {
            let shown: String = String::from_utf8_lossy(&both.bytes).chars().skip(40).take(90).collect();
            faults.push(format!("{shown:?}: {} instead of {:?}", second.status, case.status));
        }
    }
    report(&faults);
}

#[test]
fn odd_requests_are_no_different_behind_a_body_in_chunks() {
    let server = shared::handmade();
    let mut faults = Vec::new();
    for case in cases() {
        let mut connection = server.connect();
        connection.patience(Duration::from_secs(5));
        connection
            .send("POST /echo HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        let first = connection.receive("POST");
        if first.status != 200 || first.json()["body"] != "abc" {
            faults.push(format!("the body in chunks got {}", first.summary()));
            continue;
        }
        faults.extend(fault(&mut connection, &case));
    }
    report(&faults);
}

#[test]
fn a_request_smuggled_behind_a_chunked_body_is_never_answered_as_its_own_client_asked() {
    // One packet: a body in chunks, and behind it a second request. Whoever answers it, nobody else's connection may.
    let server = shared::handmade();
    let mut connection = server.connect();
    connection.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
         GET /page HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(connection.receive("POST").expect(200).json()["body"], "abc");
    let second = connection.receive("GET");
    assert!(second.status == 0 || second.text() == "<h1>page</h1>", "{}", second.summary());
    for _ in 0..10 {
        assert_eq!(server.get("/echo").expect(200).json()["url"], "/echo");
    }
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let server = shared::handmade();
    let mut connection = server.connect();
    let targets = ["/hello.txt", "/page", "/hello.txt", "/made/x.json", "/assets/a.js", "/status/201"];
    let all: Vec<u8> = targets.iter().flat_map(|target| Request::get(target).bytes(server.address())).collect();
    connection.send(all);
    for (target, says) in
        targets.iter().zip(["hello from a file", "<h1>page", "hello from a file", "made", "let a", "201"])
    {
        let reply = connection.receive("GET");
        assert!(reply.text().contains(says), "{target}: {}", reply.summary());
    }
}

fn strict() -> Server {
    let bundle = Draft::usual().file("hello.txt", "hello from a file\n").write();
    Launch::new(&bundle)
        .setting("timeouts.head", "1s")
        .setting("timeouts.idle", "2s")
        .setting("timeouts.body-read", "1s")
        .start()
}

#[test]
fn a_head_that_comes_too_slowly_is_408_and_an_idle_connection_is_closed_in_silence() {
    let server = strict();
    let mut slow = server.connect();
    slow.send("GET /hello.txt HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    let reply = slow.receive("GET");
    assert_eq!(reply.status, 408, "{}", reply.summary());
    assert!(slow.is_closed());
    let mut idle = server.connect();
    Request::get("/hello.txt").send_on(&mut idle, server.address()).expect(200);
    assert!(idle.is_closed(), "an idle connection stays open, or gets an answer to nothing");
    let mut silent = server.connect();
    assert!(silent.is_closed(), "a connection without a request stays open, or gets an answer to nothing");
}

#[test]
fn a_body_that_stops_coming_ends_the_request_and_not_the_server() {
    let server = strict();
    let mut stalled = server.connect();
    stalled.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\npart of it");
    let reply = stalled.receive("POST");
    assert!(matches!(reply.status, 0 | 408), "{}", reply.summary());
    let mut cut = server.connect();
    cut.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\npart of it");
    cut.finish();
    let reply = cut.receive("POST");
    assert!(!(200..300).contains(&reply.status), "a body that was cut short was taken for whole: {}", reply.summary());
    server.get("/hello.txt").expect(200);
    wait::until("the stalled requests to end at Node", || server.get("/count").json()["open"] == 1);
}

#[test]
fn a_head_may_come_one_byte_at_a_time() {
    let server = shared::handmade();
    let mut connection = server.connect();
    let bytes = Request::get("/hello.txt").bytes(server.address());
    for byte in bytes {
        connection.send([byte]);
    }
    connection.receive("GET").expect(200).saying("hello from a file");
}

#[test]
fn connection_close_is_obeyed_and_announced() {
    let server = shared::handmade();
    for path in ["/hello.txt", "/page", "/assets/none.js"] {
        let mut connection = server.connect();
        let reply = Request::get(path).field("Connection", "close").send_on(&mut connection, server.address());
        assert!(reply.status > 0, "{path}");
        assert!(connection.is_closed(), "{path}: stays open");
        reply.holding("connection", "close");
    }
}

#[test]
fn every_answer_has_a_date_and_an_id() {
    let server = shared::handmade();
    let mut ids = Vec::new();
    for path in ["/hello.txt", "/page", "/assets/none.js", "/missing/empty"] {
        let reply = server.send(&Request::get(path).field("X-Request-Id", "forged"));
        assert!(reply.field("date").is_some_and(|date| date.ends_with("GMT")), "{path}: {}", reply.summary());
        ids.push(reply.field("x-request-id").unwrap_or_else(|| panic!("{path}: {}", reply.summary())).to_owned());
    }
    assert!(!ids.iter().any(|id| id == "forged"), "a stranger's id was kept: {ids:?}");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4, "ids repeat");
}

#[test]
fn a_file_is_the_same_answer_however_it_is_asked_for() {
    // The plain GET may take a shorter way through the program than its odd sisters; nobody may notice.
    let server = shared::handmade();
    let fields =
        ["", "Accept-Encoding: gzip, br\r\n", "Range: bytes=3-9\r\n", "If-None-Match: *\r\n", "If-Match: \"x\"\r\n"];
    for target in ["/hello.txt", "/assets/a.js", "/assets/none.js", "/assets/%2e%2e/x", "/assets/a.js?q"] {
        for field in fields {
            let ask = |line: &str, more: &str| {
                let reply = server.raw(format!("{line}\r\nHost: a.example\r\n{field}{more}\r\n"));
                let mut shown = reply.fields.clone();
                shown
                    .retain(|(name, _)| !["date", "x-request-id", "connection", "keep-alive"].contains(&name.as_str()));
                shown.sort_unstable();
                (reply.status, shown, reply.body)
            };
            let plain = ask(&format!("GET {target} HTTP/1.1"), "");
            for (line, more) in [
                (format!("GET {target} HTTP/1.1"), "Content-Length: 0\r\n"),
                (format!("GET {target} HTTP/1.1"), "Connection: close\r\n"),
                (format!("GET {target} HTTP/1.1"), "Upgrade: h2c\r\nConnection: upgrade\r\n"),
                (format!("GET http://a.example{target} HTTP/1.1"), ""),
                (format!("GET {target} HTTP/1.0"), ""),
            ] {
                assert_eq!(ask(&line, more), plain, "{line} {field}{more}");
            }
        }
    }
}

#[test]
fn a_connection_ends_after_as_many_requests_as_the_settings_say() {
    let bundle = Draft::usual().file("hello.txt", "hello from a file\n").write();
    let server = Launch::new(&bundle).setting("limits.keepalive-requests", "3").start();
    for path in ["/hello.txt", "/page"] {
        let mut connection = server.connect();
        for count in 1..=3 {
            let reply = Request::get(path).send_on(&mut connection, server.address()).expect(200);
            let last = reply.values("connection").iter().any(|value| value.eq_ignore_ascii_case("close"));
            assert_eq!(last, count == 3, "{path}, request {count}: {}", reply.summary());
        }
        assert!(connection.is_closed(), "{path}: stays open");
    }
}

#[test]
fn a_thousand_idle_connections_leave_room_for_a_request() {
    let server = shared::handmade();
    let idle: Vec<Connection> = (0..1000).map(|_| server.connect()).collect();
    server.get("/hello.txt").expect(200);
    server.get("/page").expect(200);
    drop(idle);
    server.get("/hello.txt").expect(200);
}
