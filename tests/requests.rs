//! Requests as nobody should write them, byte for byte: the right status, and a connection that is closed where what
//! follows on it can no longer be told apart (RFC 9112 9.6, 11.2).

use std::time::Duration;

use crate::support::{
    bundle::Draft,
    client::{Connection, Request},
    server::{Launch, Server},
    shared, wait,
};

/// What must happen to the connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Open,
    Closed,
}
use After::{Closed, Open};

/// A request that must be refused or served, with the status.
struct Case {
    bytes: Vec<u8>,
    status: &'static [u16],
    after: After,
}

fn case(bytes: impl Into<Vec<u8>>, status: &'static [u16], after: After) -> Case {
    Case { bytes: bytes.into(), status, after }
}

fn cases() -> Vec<Case> {
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let with = |fields: &str| format!("GET /hello.txt HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n\r\n");
    let post = |fields: &str, body: &str| format!("POST /echo HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n\r\n{body}");
    let chunks = |body: &str| post("Transfer-Encoding: chunked", body);
    let refused: &[u16] = &[400];
    let absent: &[u16] = &[400, 404];
    let mut cases = vec![
        // Ordinary ones, so that the table shows it can tell the difference.
        case(get("/hello.txt"), &[200], Open),
        case(get("/echo"), &[200], Open),
        case("GET /hello.txt HTTP/1.1\r\nhOsT:a.example\r\nX-Empty:\r\nX-Pad:  \t x \t\r\n\r\n", &[200], Open),
        // The way up, in every encoding.
        case(get("/../deploy-manifest.json"), absent, Open),
        case(get("/assets/../../deploy-manifest.json"), absent, Open),
        case(get("/assets/%2e%2e/%2e%2e/deploy-manifest.json"), absent, Open),
        case(get("/assets/..%2f..%2fdeploy-manifest.json"), absent, Open),
        case(get("/assets/..%5c..%5cdeploy-manifest.json"), absent, Open),
        case(get("/assets/%252e%252e/deploy-manifest.json"), absent, Open),
        case(get("/assets/%c0%ae%c0%ae/deploy-manifest.json"), absent, Open),
        case(get("/assets/./a.js/../../../deploy-manifest.json"), absent, Open),
        case(get("/assets/a.js%00.txt"), absent, Open),
        case(get("/assets/%zz"), absent, Open),
        case(get("/assets/%"), absent, Open),
        // The request line.
        case("GET /hello.txt\r\nHost: a\r\n\r\n", refused, Closed),
        case("GET  /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", refused, Closed),
        case("GET /hello.txt  HTTP/1.1\r\nHost: a\r\n\r\n", refused, Closed),
        case("GET\t/hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", refused, Closed),
        case("GET hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", refused, Closed),
        case("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", refused, Closed),
        case("GET /hello.txt#part HTTP/1.1\r\nHost: a\r\n\r\n", refused, Closed),
        case(b"GET /h\x00.txt HTTP/1.1\r\nHost: a\r\n\r\n", refused, Closed),
        case(b"GET /h\x7f.txt HTTP/1.1\r\nHost: a\r\n\r\n", refused, Closed),
        case("G@T /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", refused, Closed),
        case("get /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &[405, 501], Open),
        case("GET * HTTP/1.1\r\nHost: a\r\n\r\n", refused, Closed),
        case("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", &[400, 405, 501], Closed),
        case("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 204, 400, 404, 405], Open),
        case("GET http://b.example/hello.txt HTTP/1.1\r\nHost: b.example\r\n\r\n", &[200], Open),
        case("GET ftp://b.example/hello.txt HTTP/1.1\r\nHost: b.example\r\n\r\n", refused, Closed),
        case("GET http:///hello.txt HTTP/1.1\r\nHost: b.example\r\n\r\n", refused, Closed),
        case("GET http://user@b.example/hello.txt HTTP/1.1\r\nHost: b.example\r\n\r\n", refused, Closed),
        // Versions.
        case("GET /hello.txt HTTP/1.0\r\n\r\n", &[200], Closed),
        case("GET /hello.txt HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", &[200], Open),
        case("GET /hello.txt HTTP/2.0\r\nHost: a\r\n\r\n", &[505], Closed),
        case("GET /hello.txt HTTP/1.2\r\nHost: a\r\n\r\n", &[200, 505], Closed),
        case("GET /hello.txt HTTP/3\r\nHost: a\r\n\r\n", &[400, 505], Closed),
        case("GET /hello.txt http/1.1\r\nHost: a\r\n\r\n", refused, Closed),
        case("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[400, 505], Closed),
        // Host.
        case("GET /hello.txt HTTP/1.1\r\n\r\n", refused, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", refused, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", refused, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: a b\r\n\r\n", refused, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: a/b\r\n\r\n", refused, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: user@a\r\n\r\n", refused, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", &[200], Open),
        // Lines.
        case("GET /hello.txt HTTP/1.1\nHost: a\n\n", refused, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", refused, Closed),
        case("GET /hello.txt HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", refused, Closed),
        case("\r\nGET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 400], Open),
        case(with("X: y\r\n folded"), refused, Closed),
        case(with("X : y"), refused, Closed),
        case(with(" X: y"), refused, Closed),
        case(with("X"), refused, Closed),
        case(with(": y"), refused, Closed),
        case(with("X\0: y"), refused, Closed),
        case(with("X: y\0z"), refused, Closed),
        case(with("X: y\rz"), refused, Closed),
        // How long the body is.
        case(post("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), refused, Closed),
        case(post("Transfer-Encoding: chunked\r\nContent-Length: 4", "0\r\n\r\n"), refused, Closed),
        case(post("Content-Length: 4\r\nContent-Length: 4", "body"), refused, Closed),
        case(post("Content-Length: 4\r\nContent-Length: 5", "body"), refused, Closed),
        case(post("Content-Length: 4, 4", "body"), refused, Closed),
        case(post("Content-Length: +4", "body"), refused, Closed),
        case(post("Content-Length: -4", "body"), refused, Closed),
        case(post("Content-Length: 0x4", "body"), refused, Closed),
        case(post("Content-Length: 4 4", "body"), refused, Closed),
        case(post("Content-Length: ", "body"), refused, Closed),
        case(post("Content-Length: 99999999999999999999", ""), refused, Closed),
        case(post("Content-Length: 9223372036854775807", ""), &[413], Closed),
        case(post("Content-Length: 004", "body"), &[200, 400], Open),
        case(post("Content-Length: 4", "body"), &[200], Open),
        case(post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), &[400, 501], Closed),
        case(post("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"), &[400, 501], Closed),
        case(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), &[400, 501], Closed),
        case(post("Transfer-Encoding: identity", "body"), &[400, 501], Closed),
        case(post("Transfer-Encoding: xchunked", "0\r\n\r\n"), &[400, 501], Closed),
        case(post("Transfer-Encoding : chunked", "0\r\n\r\n"), refused, Closed),
        case(post("Transfer-Encoding:\u{b}chunked", "0\r\n\r\n"), &[400, 501], Closed),
        case("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400, 501], Closed),
        // Chunks.
        case(chunks("4\r\nbody\r\n0\r\n\r\n"), &[200], Open),
        case(chunks("4;name=value\r\nbody\r\n0\r\nTrailer: x\r\n\r\n"), &[200, 400], Open),
        case(chunks("x\r\nbody\r\n0\r\n\r\n"), refused, Closed),
        case(chunks("-4\r\nbody\r\n0\r\n\r\n"), refused, Closed),
        case(chunks("0x4\r\nbody\r\n0\r\n\r\n"), refused, Closed),
        case(chunks("4 \r\nbodyy\r\n0\r\n\r\n"), refused, Closed),
        case(chunks("4\nbody\r\n0\r\n\r\n"), refused, Closed),
        case(chunks("4\r\nbodyX0\r\n\r\n"), refused, Closed),
        case(chunks("fffffffffffffffff\r\nbody"), refused, Closed),
        case(chunks("\r\nbody\r\n0\r\n\r\n"), refused, Closed),
        // Expectations.
        case(with("Expect: 200-ok"), &[417], Closed),
        case(with("Expect: 100-continue"), &[200], Open),
    ];
    // Methods that nobody registered are Compute's to answer, and not those of files.
    cases.push(case("BREW /echo HTTP/1.1\r\nHost: a\r\n\r\n", &[200, 400, 405, 501], Open));
    cases.push(case("BREW /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n", &[405, 501], Open));
    cases.push(case(get(&format!("/made/{}", "p".repeat(8000))), &[200], Open));
    cases.push(case(get(&format!("/{}", "p".repeat(17_000))), &[414], Closed));
    cases.push(case(with(&format!("X-Large: {}", "v".repeat(40_000))), &[431], Closed));
    let many: String = (0..200).map(|i| format!("X-{i}: v\r\n")).collect();
    cases.push(case(with(many.trim_end()), &[431], Closed));
    cases
}

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
