//! The same requests over HTTP/1.1 and over HTTP/2: nobody can tell by the answer.

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::Value;

use super::{LARGE, client::Client, launch, picture};
use crate::support::{
    client::{Connection, Request},
    reply::Reply,
    server::Server,
    wait,
};

/// Requests drawn by chance.
const REQUESTS: usize = 1500;

/// What must be the same: all but what is of a connection, the time of day, and the request's own number.
fn told(mut reply: Reply) -> (u16, Vec<(String, String)>, Value, bool) {
    let own = ["date", "age", "x-request-id", "connection", "keep-alive", "transfer-encoding"];
    reply.fields.retain(|(name, _)| !own.contains(&name.as_str()));
    reply.fields.sort();
    let body =
        serde_json::from_slice(&reply.body).map_or_else(|_| reply.body.escape_ascii().to_string().into(), echoed);
    (reply.status, reply.fields, body, reply.complete)
}

/// What Compute saw, without what differs from request to request.
fn echoed(mut body: Value) -> Value {
    if let Some(headers) = body.get_mut("headers").and_then(Value::as_object_mut) {
        headers.remove("x-request-id");
        headers.remove("connection");
        // A body without a length has the framing of whoever sends it.
        headers.remove("transfer-encoding");
    }
    for name in ["names", "pid", "first", "last"] {
        body.as_object_mut().map(|body| body.remove(name));
    }
    body
}

fn assert_alike(server: &Server, client: &Client, request: &Request) {
    // What is kept is there then, for both.
    request.send(server.address());
    let (one, two) = (request.send(server.address()), client.send(request));
    assert!(one.status != 0, "no answer to {request:?}");
    assert_eq!(told(one), told(two), "{request:?}");
}

#[test]
fn every_kind_of_answer_is_the_same() {
    let server = launch().start();
    let client = Client::open(server.address());
    let etag = server.get("/assets/app.js").expect(200).field("etag").unwrap().to_owned();
    let get = Request::get;
    let small: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let large: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    for request in [
        get("/assets/app.js"),
        get("/assets/app.js").field("accept-encoding", "br, gzip"),
        get("/assets/app.js").field("if-none-match", &etag),
        get("/assets/app.js").field("range", "bytes=10-19"),
        get("/assets/picture.bin").field("range", "bytes=100000-299998"),
        get("/assets/app.js").field("range", "bytes=1-2,5-6"),
        get("/assets/app.js").field("range", "bytes=999999999-"),
        Request::new("HEAD", "/assets/app.js"),
        get("/assets/picture.bin"),
        get("/files/empty.txt"),
        get("/files/a%20b.txt"),
        get("/files/none"),
        Request::post("/assets/app.js", "x"),
        // Fallbacks, both ways.
        get("/both/one.txt"),
        get("/both/none"),
        get("/missing/length"),
        get("/missing/chunked"),
        Request::post("/missing/length", "dropped"),
        // Compute.
        get("/"),
        get("/echo?q=a%20b").field("cookie", "a=1; b=2").field("user-agent", "tests"),
        Request::post("/echo", "a body"),
        Request::post("/echo", ""),
        Request::post("/echo", small.clone()),
        Request::post("/echo", small).chunked(),
        Request::post("/upload", large.clone()),
        Request::post("/upload", large).chunked(),
        Request::with_body("PUT", "/echo", "put"),
        Request::new("DELETE", "/echo"),
        Request::new("OPTIONS", "/echo"),
        Request::new("HEAD", "/page"),
        get("/cookies"),
        get("/redirect"),
        get("/no-content"),
        get("/status/304"),
        get("/status/500"),
        get("/stream?n=3&ms=1"),
        get("/big?n=500000"),
        get("/hang-up"),
        get("/garbage"),
        // Rules and images.
        get("/moved/app.js"),
        get("/pretty/one"),
        get("/_amplify/image?url=%2Fphoto.png&w=32"),
        get("/_amplify/image?url=%2Fphoto.png&w=32").field("accept", "image/webp"),
        get("/_amplify/image?url=%2Fphoto.png&w=33"),
        get("/_amplify/image?url=%2Fnone.png&w=32"),
        // What the gate refuses.
        get("/a%00"),
        get("/echo").field("expect", "wonders"),
        Request::new("TRACE", "/echo"),
    ] {
        assert_alike(&server, &client, &request);
    }
}

#[test]
fn what_is_drawn_by_chance_is_the_same() {
    let server = launch().start();
    let client = Client::open(server.address());
    let sample = server.get("/assets/app.js").expect(200);
    let (etag, date) = (sample.field("etag").unwrap().to_owned(), sample.field("last-modified").unwrap().to_owned());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut plain = Connection::open(server.address());
    for _ in 0..REQUESTS {
        let (method, target, fields) = drawn().new_tree(&mut runner).unwrap().current();
        let request = fields.iter().fold(Request::new(method, target), |request, (name, value)| {
            request.field(name, &value.replace("{etag}", &etag).replace("{date}", &date))
        });
        let one = request.send_on(&mut plain, server.address());
        if one.status == 0 || one.values("connection").contains(&"close") {
            plain = Connection::open(server.address());
        }
        assert_eq!(told(one), told(client.send(&request)), "{request:?}");
    }
    let streams = server.metric("edgeplane_http2_streams_total");
    assert!(streams >= REQUESTS as f64, "{streams}");
}

type Drawn = (&'static str, &'static str, Vec<(&'static str, &'static str)>);

fn drawn() -> impl Strategy<Value = Drawn> {
    let method = prop::sample::select(vec!["GET", "GET", "GET", "HEAD", "POST", "DELETE", "OPTIONS"]);
    let target = prop::sample::select(vec![
        "/",
        "/assets/app.js",
        "/assets/picture.bin",
        "/assets/none.js",
        "/both/one.txt",
        "/both/none",
        "/files/a%20b.txt",
        "/files/empty.txt",
        "/moved/x",
        "/pretty/one",
        "/pretty/none",
        "/echo",
        "/page",
        "/missing/empty",
        "/cookies",
        "/assets/app.js?v=1",
        "/echo?a=%zz&b",
        "//assets/app.js",
        "/assets/../both/one.txt",
    ]);
    let field = prop::sample::select(vec![
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("accept-encoding", "identity"),
        ("if-none-match", "{etag}"),
        ("if-none-match", "*"),
        ("if-modified-since", "{date}"),
        ("if-match", "\"other\""),
        ("range", "bytes=0-9"),
        ("range", "bytes=2-3,5-6"),
        ("if-range", "{etag}"),
        ("cookie", "a=1; b=2"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
        ("x-request-id", "chosen-by-the-client"),
        ("x-forwarded-for", "203.0.113.9"),
        ("cache-control", "no-cache"),
        ("priority", "u=1, i"),
        ("te", "trailers"),
        ("accept", "text/html,*/*;q=0.8"),
    ]);
    (method, target, prop::collection::vec(field, 0..5))
}

#[test]
fn pages_that_are_kept_are_the_same() {
    let server = launch().setting("edge-cache.enabled", "true").start();
    let client = Client::open(server.address());
    for request in [Request::get("/page"), Request::get("/events"), Request::get("/"), Request::get("/")] {
        assert_alike(&server, &client, &request);
    }
}

#[test]
fn what_comes_over_time_is_passed_on_as_it_comes() {
    let server = launch().start();
    let client = Client::open(server.address());
    let reply = client.send(&Request::get("/events")).expect(200);
    assert_eq!(reply.text().matches("data: tick").count(), 4);
    assert!(reply.arrivals.len() >= 3, "{:?}", reply.arrivals);
}

#[test]
fn many_requests_at_once_are_each_answered() {
    let server = launch().start();
    let client = Client::open(server.address());
    let paths =
        ["/assets/app.js", "/assets/picture.bin", "/echo?x", "/big?n=200000", "/files/large.bin", "/slow?ms=100"];
    let requests: Vec<_> = (0..90).map(|n| Request::get(paths[n % paths.len()])).collect();
    let picture = picture();
    for (n, reply) in client.send_all(&requests).into_iter().enumerate() {
        let reply = reply.expect(200);
        match paths[n % paths.len()] {
            "/assets/picture.bin" => assert!(reply.body == picture, "other bytes"),
            "/big?n=200000" => assert_eq!(reply.body.len(), 200_000),
            "/files/large.bin" => assert!(reply.body.len() == LARGE && reply.body.iter().all(|byte| *byte == b'l')),
            _ => {}
        }
    }
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let server = launch().setting("limits.request-body", "100KiB").start();
    let client = Client::open(server.address());
    let body = vec![b'x'; 300 * 1024];
    client.send(&Request::post("/upload", body.clone())).expect(413);
    client.send(&Request::post("/upload", body).chunked()).expect(413);
    client.send(&Request::post("/echo", "small")).expect(200);
}

#[test]
fn the_access_log_says_what_was_spoken() {
    let server = launch().setting("log", "json").start();
    let client = Client::open(server.address());
    for (path, expected, status) in
        [("/assets/app.js", "", 200), ("/echo", "100-continue", 200), ("/page", "wonders", 417)]
    {
        let request = Request::get(path);
        let request = if expected.is_empty() { request } else { request.field("expect", expected) };
        let reply = client.send(&request).expect(status);
        let id = reply.field("x-request-id").unwrap().to_owned();
        let found = || server.access_log().into_iter().find(|line| line.contains(&id));
        let line: Value = serde_json::from_str(&wait::within(wait::PATIENCE, "the line", found)).unwrap();
        assert_eq!((&line["protocol"], &line["status"]), (&"HTTP/2".into(), &status.into()), "{line}");
    }
    let id = server.get("/echo").field("x-request-id").unwrap().to_owned();
    let found = || server.access_log().into_iter().find(|line| line.contains(&id));
    assert!(wait::within(wait::PATIENCE, "the line", found).contains("\"protocol\":\"HTTP/1.1\""));
}
