//! Upstreams and clients that misbehave on the wire, where no HTTP library would let them.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::support::{
    bundle::Draft,
    client::Request,
    server::{Launch, Server},
    wait,
};

/// A server that reads each head of each connection and then does what `act` does with the socket and the head.
fn upstream(act: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let act = Arc::new(act);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let act = Arc::clone(&act);
            thread::spawn(move || converse(stream, &*act));
        }
    });
    address
}

fn converse(mut stream: TcpStream, act: &dyn Fn(&mut TcpStream, &str)) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    loop {
        let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        if head.is_empty() {
            return;
        }
        act(&mut stream, &head.join("\n"));
    }
}

/// Writes, and does not mind that the other side hung up.
fn say(stream: &mut TcpStream, bytes: impl AsRef<[u8]>) {
    let _gone = stream.write_all(bytes.as_ref());
}

/// Answers with the request head itself.
fn echo(stream: &mut TcpStream, head: &str) {
    say(stream, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len()));
}

fn before(address: SocketAddr) -> Server {
    Launch::sidecar(&address.to_string()).start()
}

/// Everything is Compute's, with one file to fall back to.
fn with_fallback(address: SocketAddr) -> Launch {
    let compute = json!({"kind": "Compute", "src": "default"});
    let bundle = Draft::with_routes(json!([{"path": "/*", "target": compute, "fallback": {"kind": "Static"}}]))
        .compute("")
        .file("page", "from the file")
        .write();
    Launch::new(&bundle).arg("--upstream").arg(address.to_string())
}

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\n";

#[test]
fn hints_before_a_404_do_not_cost_the_client_its_fallback() {
    let seen = Arc::new(Barrier::new(2));
    let hints_seen = Arc::clone(&seen);
    let address = upstream(move |stream, _| {
        say(stream, HINTS);
        hints_seen.wait();
        say(stream, [NOT_FOUND, "Content-Length: 5\r\n\r\nwrong"].concat());
    });
    let server = with_fallback(address).start();
    let mut connection = server.connect();
    for _ in 0..2 {
        connection.send(Request::get("/page").bytes(server.address()));
        assert_eq!(connection.take(HINTS.len()), HINTS.as_bytes());
        seen.wait();
        connection.receive("GET").expect(200).saying("from the file");
    }
}

#[test]
fn hints_before_a_broken_connection_end_in_502() {
    let address = upstream(|stream, _| {
        say(stream, HINTS);
        let _gone = stream.shutdown(std::net::Shutdown::Both);
    });
    let reply = before(address).get("/").expect(502);
    assert!(reply.interim.iter().all(|status| *status == 103), "{:?}", reply.interim);
}

#[test]
fn interim_answers_without_end_are_cut_short() {
    let address = upstream(|stream, _| {
        // Nearly without end, so that a proxy that passes them all on is found out.
        say(stream, HINTS.repeat(10_000));
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    let reply = before(address).get("/").expect(502);
    assert!(reply.interim.len() <= 32, "{}", reply.interim.len());
}

#[test]
fn a_switch_of_protocols_nobody_asked_for_is_502() {
    let address = upstream(|stream, _| {
        say(stream, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello");
    });
    let server = before(address);
    server.get("/").expect(502);
    // An Upgrade field without its connection option is none.
    server.send(&Request::get("/").field("Upgrade", "websocket")).expect(502);
}

#[test]
fn a_404_without_end_delays_its_fallback_only_for_a_moment() {
    let address = upstream(|stream, _| {
        say(stream, [NOT_FOUND, "Transfer-Encoding: chunked\r\n\r\n"].concat());
        while stream.write_all(&b"5\r\nwrong\r\n".repeat(1000)).is_ok() {}
    });
    let reply = with_fallback(address).start().get("/page").expect(200).saying("from the file");
    assert!(reply.total < Duration::from_secs(10), "{:?}", reply.total);
}

#[test]
fn a_silent_websocket_outlives_every_timeout_of_a_request() {
    let address = upstream(|stream, head| {
        if head.contains("Upgrade") {
            say(stream, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
            let mut stream = stream.try_clone().unwrap();
            // Whatever comes is echoed until the other side is done.
            let _gone = std::io::copy(&mut stream.try_clone().unwrap(), &mut stream);
        }
    });
    let server = Launch::sidecar(&address.to_string())
        .setting("timeouts.body-read", "1s")
        .setting("timeouts.request", "1s")
        .start();
    let mut connection = server.connect();
    connection
        .send(Request::get("/").field("Connection", "Upgrade").field("Upgrade", "websocket").bytes(server.address()));
    assert_eq!(connection.receive("GET").status, 101);
    // The client is silent on purpose: for longer than either limit.
    wait::pause(Duration::from_millis(2500));
    connection.send("still here");
    assert_eq!(connection.take(10), b"still here");
}

#[test]
fn a_connection_field_may_name_no_field_that_compute_relies_on() {
    let server = before(upstream(echo));
    for named in ["Host", "close, x-forwarded-for", "content-length", "a b", "\"x\"", "1,2,3,4,5,6,7,8,9,10"] {
        server.send(&Request::get("/").field("Connection", named)).expect(400);
    }
    let dropped = Request::get("/").field("Connection", "close, x-drop").field("X-Drop", "1").field("X-Keep", "2");
    server.send(&dropped).expect(200).hiding("X-Drop").saying("X-Keep: 2").hiding("close");
}

#[test]
fn a_target_reaches_compute_as_it_was_sent_or_not_at_all() {
    let server = before(upstream(echo));
    for target in ["/a|^\"{}[]\\%zz%00é", "/?|^`{}[]\\%zzé", "//a//../b", "/./a;b=c", "/a??b?"] {
        server
            .raw(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .expect(200)
            .saying(&format!("GET {target} HTTP/1.1\n"));
    }
    for target in ["/<", "/>", "/`", "/?<", "/?>", "/?\"", "/a#b", "/\u{7f}"] {
        server.raw(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).expect(400);
    }
}

#[test]
fn an_http_1_0_client_gets_no_interim_answer_and_compute_a_host() {
    let address = upstream(|stream, head| {
        say(stream, "HTTP/1.1 100 Continue\r\n\r\n");
        echo(stream, head);
    });
    let reply =
        before(address).raw("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expect(200).saying("Host: localhost");
    assert!(reply.interim.is_empty(), "{:?}", reply.interim);
    reply.hiding("x-forwarded-host");
}

#[test]
fn lengths_and_versions_of_an_upstream_are_put_right() {
    let address = upstream(|stream, head| {
        say(
            stream,
            match head.split(' ').nth(1) {
                Some("/twice") => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
                Some("/list") => "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
                Some("/differing") => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
                Some("/204") => "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison",
                Some("/204-chunked") => "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                Some("/304") => "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison",
                Some("/old") => "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
                _ => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            },
        );
    });
    let server = before(address);
    let mut connection = server.connect();
    let mut ask = |path: &str| {
        let reply = Request::get(path).send_on(&mut connection, server.address());
        // Whatever the last answer was, the next one is its own.
        let next = Request::get("/next").send_on(&mut connection, server.address()).expect(200);
        assert_eq!(next.text(), "ok", "after {path}");
        reply
    };
    ask("/twice").expect(200).with("content-length", "2");
    ask("/list").expect(200).with("content-length", "2");
    ask("/differing").expect(502);
    ask("/204").expect(204).without("content-length");
    ask("/204-chunked").expect(204).without("transfer-encoding");
    ask("/304").expect(304);
    let mut plain = server.connect();
    plain.send("GET /old HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(plain.take(12), b"HTTP/1.1 200");
}

#[test]
fn a_client_that_sends_only_empty_lines_does_not_stay() {
    let server = before(upstream(echo));
    server.raw("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").expect(200);
    let mut connection = server.connect();
    connection.send("\r\n".repeat(100));
    connection.receive("GET").expect(400);
    assert!(connection.is_closed());
}
