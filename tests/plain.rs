//! Plain requests for files have a lane of their own, and nobody can tell by the answer which lane a request took.
//!
//! A target in absolute form means the same as one in origin form (RFC 9112 3.2.2) and is never plain, so that every
//! request can be sent both ways.

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

use crate::support::{
    bundle::Draft,
    client::{Connection, Request},
    reply::Reply,
    server::{Launch, Server},
    wait,
};

/// Requests sent both ways.
const REQUESTS: usize = 3000;

/// A file that is sent out of the pack and not copied. No two places in it look alike.
fn picture() -> Vec<u8> {
    let mut bytes = vec![0; 300_000];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

/// Patterns that overlap, so that one file has other headers by another path.
const HEADERS: &str = "\
customHeaders:
  - pattern: '**'
    headers: [{key: X-All, value: 1}, {key: X-Frame-Options, value: DENY}]
  - pattern: '/assets/*.js'
    headers: [{key: Cache-Control, value: max-age=7}, {key: x-frame-options, value: SAMEORIGIN}]
  - pattern: '/*.html'
    headers: [{key: Vary, value: Origin}, {key: Content-Type, value: text/html}]
  - pattern: '/page'
    headers: [{key: Link, value: </assets/app.css>; rel=preload}]
  - pattern: '/assets/*.css'
    headers: [{key: Content-Encoding, value: identity}]
  - pattern: '/echo'
    headers: [{key: Set-Cookie, value: a=1}]
";

fn start(draft: impl FnOnce(Draft) -> Draft, prerendered: &str) -> Server {
    launch(draft, prerendered).start()
}

fn launch(draft: impl FnOnce(Draft) -> Draft, prerendered: &str) -> Launch {
    let text: String = (0..900).map(|n| format!("line {n} of a text that compresses well\n")).collect();
    let routes = json!([
        {"path": "/assets/*", "target": {"kind": "Static", "cacheControl": "public, max-age=31536000, immutable"}},
        {"path": "/both/*", "target": {"kind": "Static", "cacheControl": "max-age=5"},
         "fallback": {"kind": "Compute", "src": "default"}},
        {"path": "/echo", "target": {"kind": "Compute", "src": "default"}},
        {"path": "/dynamic/*", "target": {"kind": "Compute", "src": "default"}},
        {"path": "/*", "target": {"kind": "Static"}},
    ]);
    let bundle = Draft::with_routes(routes)
        .compute(crate::support::bundle::SERVER)
        .file("index.html", "<h1>root</h1>")
        .file("page.html", "<h1>page</h1>")
        .file("dynamic/page/index.html", "<h1>rendered ahead</h1>")
        .file("dynamic/other.html", "<h1>rendered ahead, too</h1>")
        .file("assets/app.js", &text)
        .file("assets/app.css", text.repeat(40))
        .file("assets/picture.bin", picture())
        .file("both/one.txt", "one")
        .file("a b.txt", "space")
        .file("empty.txt", "")
        .file("folder/index.html", "<h1>folder</h1>")
        .file("dynamic/hidden.txt", "never served");
    let root = draft(bundle).write();
    std::fs::write(root.join("customRules.json"), rules().to_string()).unwrap();
    // How Compute's answers are compressed depends on when their bytes come.
    Launch::new(&root).setting("static.prerendered", prerendered).setting("compression.enabled", "false")
}

/// Some of every kind; those without a condition never take what the other tests ask for.
fn rules() -> serde_json::Value {
    let rule = |source: &str, target: &str, status: &str, condition: Option<&str>| json!({"source": source, "target": target, "status": status, "condition": condition});
    json!([
        rule("/moved/<*>", "/assets/<*>", "301", None),
        rule("/pretty/<name>", "/both/<name>.txt", "200", None),
        rule("/index.html?v=<v>", "/version/<v>", "302", None),
        rule("/empty.txt", "/us", "302", Some("<US>")),
        rule("</^\\/expression-(?!no).*$/>", "/assets/app.js", "200", None),
        rule("https://elsewhere.example", "https://other.example", "302", None),
        rule("/assets/missing.js", "/index.html", "404", None),
        rule("/lost/<*>", "/both/one.txt", "404-200", None),
    ])
}

fn target() -> impl Strategy<Value = String> {
    let path = prop::sample::select(vec![
        "/",
        "/index.html",
        "/assets/app.js",
        "/assets/app.js",
        "/assets/app.css",
        "/assets/picture.bin",
        "/assets/missing.js",
        "/both/one.txt",
        "/both/nothing",
        "/dynamic/hidden.txt",
        "/a%20b.txt",
        "/assets%2Fapp.js",
        "/%61ssets/app.js",
        "/empty.txt",
        "/folder/",
        "/folder",
        "/folder",
        "/page",
        "/page.html",
        "/page/",
        "/index",
        "/dynamic/page",
        "/dynamic/page/",
        "/dynamic/other",
        "/dynamic/none",
        "//empty.txt",
        "/assets/../empty.txt",
        "/assets/app.js%",
        "/moved/app.js",
        "/moved//elsewhere",
        "/pretty/one",
        "/pretty/none",
        "/expression-yes",
        "/expression-no",
        "/lost/page",
    ]);
    (path, prop::sample::select(vec!["", "", "?", "?v=1", "?a=%zz&b"]))
        .prop_map(|(path, query)| format!("{path}{query}"))
}

/// Fields that an answer may depend on, and some that it may not. `{etag}` and `{date}` are filled in from an answer.
fn field() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("Accept-Encoding", "gzip"),
        ("accept-encoding", "br;q=0.5, zstd;q=0.9, *;q=0"),
        ("accept-encoding", "identity"),
        ("accept-encoding", ""),
        ("if-none-match", "{etag}"),
        ("If-None-Match", "W/{etag}, \"other\""),
        ("if-none-match", "*"),
        ("if-none-match", "\"other\""),
        ("if-modified-since", "{date}"),
        ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("if-match", "{etag}"),
        ("if-match", "\"other\""),
        ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("range", "bytes=0-9"),
        ("range", "bytes=2-3,5-6"),
        ("range", "bytes=999999999-"),
        ("if-range", "{etag}"),
        ("cookie", "a=1; b=2"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
        ("x-request-id", "chosen-by-the-client"),
        ("x-forwarded-for", "203.0.113.9"),
        ("cache-control", "no-cache"),
        ("connection", "keep-alive"),
        ("priority", "u=1, i"),
        ("content-length", "0"),
        ("expect", "100-continue"),
        ("upgrade", "websocket"),
    ])
}

type Drawn = (&'static str, String, Vec<(&'static str, &'static str)>);

fn request() -> impl Strategy<Value = Drawn> {
    let method = prop::sample::select(vec!["GET", "GET", "GET", "HEAD", "POST", "DELETE"]);
    (method, target(), prop::collection::vec(field(), 0..5))
}

/// What must be the same: everything but the time of day and the request's own number.
fn told(mut reply: Reply) -> (u16, Vec<(String, String)>, Vec<u8>, bool) {
    reply.fields.retain(|(name, _)| name != "date" && name != "x-request-id");
    reply.fields.sort();
    (reply.status, reply.fields, reply.body, reply.complete)
}

#[test]
fn both_lanes_answer_alike() {
    compare(&start(|draft| draft, "fallback"));
}

#[test]
fn both_lanes_answer_alike_with_custom_headers_and_pages_that_go_first() {
    compare(&start(|draft| draft.beside("customHttp.yml", HEADERS), "first"));
}

#[test]
fn both_lanes_answer_alike_over_tls() {
    let draft = |draft: Draft| draft.beside("customHttp.yml", HEADERS);
    compare(&launch(draft, "fallback").tls().setting("tls.hsts-max-age", "1d").start());
}

fn compare(server: &Server) {
    let address = server.address();
    let sample = server.get("/assets/app.js").expect(200);
    let (etag, date) = (sample.field("etag").unwrap().to_owned(), sample.field("last-modified").unwrap().to_owned());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let (mut plain, mut other) = (Connection::open(address), Connection::open(address));
    let before = server.metric(r#"edgeplane_lane_requests_total{lane="plain"}"#);
    for _ in 0..REQUESTS {
        let (method, target, fields) = request().new_tree(&mut runner).unwrap().current();
        let build = |target: &str| {
            fields.iter().fold(Request::new(method, target), |request, (name, value)| {
                request.field(name, &value.replace("{etag}", &etag).replace("{date}", &date))
            })
        };
        let absolute = format!("http://{address}{target}");
        let one = build(&target).send_on(&mut plain, address);
        let two = build(&absolute).send_on(&mut other, address);
        let closed = |reply: &Reply| reply.status == 0 || reply.values("connection").contains(&"close");
        assert_eq!(closed(&one), closed(&two), "{method} {target} {fields:?}");
        if closed(&one) {
            (plain, other) = (Connection::open(address), Connection::open(address));
        }
        assert_eq!(told(one), told(two), "{method} {target} {fields:?}");
    }
    // Both ways were really gone: a good part of the requests is plain, and none of those in absolute form.
    let taken = server.metric(r#"edgeplane_lane_requests_total{lane="plain"}"#) - before;
    assert!((REQUESTS as f64 * 0.1..REQUESTS as f64 * 0.9).contains(&taken), "{taken} of {REQUESTS}");
}

#[test]
fn pipelined_requests_are_answered_in_order_whatever_their_lane() {
    let server = start(|draft| draft, "fallback");
    let mut connection = Connection::open(server.address());
    let targets =
        ["/both/one.txt", "/a%20b.txt", "/assets/app.js", "/index.html", "/echo", "/assets/picture.bin", "/empty.txt"];
    let all: Vec<u8> = targets.iter().flat_map(|target| Request::get(target).bytes(server.address())).collect();
    connection.send(&all);
    for target in targets {
        let reply = connection.receive("GET").expect(200);
        if target != "/echo" {
            assert_eq!(reply.body, server.get(target).expect(200).body, "{target}");
        }
    }
}

#[test]
fn a_head_that_arrives_byte_by_byte_gets_the_same_answer() {
    let server = start(|draft| draft, "fallback");
    let mut connection = Connection::open(server.address());
    for byte in Request::get("/both/one.txt").bytes(server.address()) {
        connection.send([byte]);
    }
    assert_eq!(connection.receive("GET").expect(200).text(), "one");
}

#[test]
fn a_client_that_reads_slowly_gets_every_byte_and_holds_up_nobody() {
    read_slowly(&start(|draft| draft, "fallback"));
}

#[test]
fn a_client_that_reads_slowly_over_tls_gets_every_byte_and_holds_up_nobody() {
    read_slowly(&launch(|draft| draft, "fallback").tls().start());
}

fn read_slowly(server: &Server) {
    let address = server.address();
    let mut slow = Connection::open(address);
    let requests: Vec<u8> = (0..40).flat_map(|_| Request::get("/assets/picture.bin").bytes(address)).collect();
    slow.send(&requests);
    assert_eq!(server.get("/both/one.txt").expect(200).text(), "one");
    let picture = picture();
    for _ in 0..40 {
        assert!(slow.receive("GET").expect(200).body == picture, "other bytes");
    }
}

#[test]
fn a_gathered_answer_does_not_wait_for_the_body_of_the_next_request() {
    let server = start(|draft| draft, "fallback");
    let mut connection = Connection::open(server.address());
    let mut requests = Request::get("/both/one.txt").bytes(server.address());
    requests.extend(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n");
    connection.send(&requests);
    assert_eq!(connection.receive("GET").expect(200).text(), "one");
    connection.send("later");
    assert_eq!(connection.receive("POST").expect(200).json()["body"], "later");
}

#[test]
fn a_client_that_asks_for_much_and_leaves_is_counted_for_what_it_was_sent() {
    let server = start(|draft| draft, "fallback");
    let many: Vec<u8> = (0..20_000).flat_map(|_| Request::get("/both/one.txt").bytes(server.address())).collect();
    for _ in 0..4 {
        let mut connection = Connection::open(server.address());
        connection.send(&many[..many.len() / 2]);
    }
    let bytes = || server.metric(r#"edgeplane_response_bytes_total{target="static"}"#);
    let plain = || server.metric(r#"edgeplane_lane_requests_total{lane="plain"}"#);
    wait::until("the end of its connections", || plain() > 0.0 && server.metric("edgeplane_connections") == 0.0);
    assert!((1.0..4.0 * 20_000.0 * 500.0).contains(&bytes()), "{} bytes", bytes());
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
