//! The two ways of speaking to Compute, side by side: every request is sent once so that it is relayed and once so that
//! Pingora passes it on. Nobody may see a difference.

mod chance;
mod pool;
mod script;
mod upstream;

use serde_json::json;

use self::{
    chance::Chance,
    upstream::{Seen, Upstream},
};
use crate::{
    compression::decoded_so_far,
    support::{
        bundle::Draft,
        client::{Connection, Request},
        reply::Reply,
        scratch,
        server::{Launch, Server},
    },
};

const HOST: &str = "shop.example:8080";

/// A client of one lane, which keeps its connection as long as it may.
struct Lane<'a> {
    server: &'a Server,
    connection: Option<Connection>,
    /// What stands before the path: nothing, or what makes it an absolute form.
    prefix: &'static str,
}

impl<'a> Lane<'a> {
    fn new(server: &'a Server, prefix: &'static str) -> Self {
        Self { server, connection: None, prefix }
    }

    /// Sends the request of a case, and says whether the connection can be used again.
    fn ask(&mut self, build: impl Fn(&str) -> Request) -> (Reply, bool) {
        let mut connection = self.connection.take().unwrap_or_else(|| self.server.connect());
        let request = build(self.prefix);
        let reply = request.send_on(&mut connection, self.server.address());
        let kept = reply.complete && reply.values("connection") != ["close"];
        if kept {
            self.connection = Some(connection);
        } else {
            assert!(connection.is_closed(), "open after {}", reply.summary());
        }
        (reply, kept)
    }
}

/// A request whose parts are drawn by chance.
fn request(case: u64) -> impl Fn(&str) -> Request {
    let mut chance = Chance::of(!case);
    let method = chance.one(&["GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "Odd"]);
    let path = chance.one(&["/page", "/page", "/none", "/", "/a%20b/%2F", "//x/../y", "/p;a=b,c", "/old/a%20b"]);
    let query = chance.one(&["", "&q=a%20b", "&x=|^{}", "&a?b", "&="]);
    let body = (method != "HEAD" && (method != "GET" || chance.once_in(9)) && chance.once_in(2)).then(|| {
        let size = chance.one(&[0, 1, 10, 5000, 60_000]);
        chance.bytes(size)
    });
    let n_fields = chance.below(6);
    let fields: Vec<(&str, &str)> = (0..n_fields).flat_map(|_| chance.one(&FIELDS)).copied().collect();
    move |prefix| {
        let target = format!("{prefix}{path}?{case}{query}");
        let request = match &body {
            Some(body) => Request::with_body(method, &target, body.clone()),
            None => Request::new(method, &target),
        };
        let options: Vec<&str> = fields.iter().filter(|(name, _)| *name == "Connection").map(|(_, to)| *to).collect();
        let request = request.field("Host", HOST);
        let request = if options.is_empty() { request } else { request.field("Connection", &options.join(", ")) };
        fields
            .iter()
            .filter(|(name, _)| *name != "Connection")
            .fold(request, |request, (name, value)| request.field(name, value))
    }
}

/// Fields of every sort: for the app, of the connection, about the client; those that belong together, together.
const FIELDS: [&[(&str, &str)]; 26] = [
    &[("Cookie", "a=1"), ("cookie", "b=2; c=3")],
    &[("X-ODD-case", "1")],
    &[("x-multi", "a"), ("X-Multi", "b")],
    &[("X-Empty", "")],
    &[("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)")],
    &[("Accept-Encoding", "gzip, br")],
    &[("Accept-Encoding", "gzip;q=0.5, zstd;q=0.4")],
    &[("Accept-Encoding", "zstd"), ("accept-encoding", "br;q=0.1")],
    &[("Accept-Encoding", "*"), ("Cache-Control", "no-cache")],
    &[("If-None-Match", "\"y\", W/\"x\"")],
    &[("Authorization", "Bearer x"), ("Proxy-Authorization", "Basic y")],
    &[("If-None-Match", "\"x\"")],
    &[("Range", "bytes=0-3")],
    &[("X-Forwarded-For", "203.0.113.9"), ("x-forwarded-for", "10.0.0.7")],
    &[("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "outside.example")],
    &[("X-Forwarded-Port", "8443"), ("x-forwarded-prefix", "/p")],
    &[("Forwarded", "for=6.6.6.6"), ("X-Real-IP", "6.6.6.6")],
    &[("CloudFront-Viewer-Country", "NZ"), ("CF-IPCountry", "NZ")],
    &[("TE", "trailers"), ("Trailer", "x-sum")],
    &[("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive")],
    &[("HTTP2-Settings", "AAMAAABkAAQAAP__")],
    &[("Upgrade", "websocket")],
    &[("Connection", "X-Hop"), ("X-Hop", "1")],
    &[("Connection", "keep-alive")],
    &[("Connection", "close")],
    &[("X-Obs", "caf\u{e9}")],
];

/// All that a client can tell apart; what differs from one request to the next is left out.
#[derive(Debug, PartialEq, Eq)]
struct Shown<'a> {
    status: u16,
    reason: &'a str,
    interim: &'a [u16],
    fields: Vec<(&'a str, &'a str)>,
    complete: bool,
    kept: bool,
}

fn shown(reply: &Reply, kept: bool, has_fallback: bool) -> Shown<'_> {
    let mut fields: Vec<(&str, &str)> =
        reply.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for (name, value) in &mut fields {
        if matches!(*name, "date" | "x-request-id") {
            *value = "";
        }
    }
    fields.sort_by_key(|(name, _)| *name);
    // Whether hints are seen before an answer that is not Compute's depends on whether both came at once.
    let interim = if has_fallback || reply.status == 502 { &[] } else { &reply.interim[..] };
    Shown { status: reply.status, reason: &reply.reason, interim, fields, complete: reply.complete, kept }
}

/// The content, whatever it was made of on its way: as much as can be had of it.
fn content(reply: &Reply) -> Vec<u8> {
    match reply.values("content-encoding")[..] {
        [coding @ ("br" | "zstd" | "gzip")] => decoded_so_far(coding, &reply.body),
        _ => reply.body.clone(),
    }
}

/// What Compute was asked, without the id that each request has of its own.
fn asked(seen: Vec<Seen>) -> Vec<Seen> {
    let anonymous = |mut seen: Seen| {
        for (_, value) in seen.fields.iter_mut().filter(|(name, _)| name == "x-request-id") {
            *value = format!("{} characters", value.len());
        }
        seen
    };
    seen.into_iter().map(anonymous).collect()
}

/// Exchanges that went a lane.
fn count(server: &Server, lane: &str) -> u64 {
    let series = format!("edgeplane_lane_requests_total{{lane=\"{lane}\"}} ");
    let metrics = server.admin("/metrics").expect(200).text();
    let line = metrics.lines().find_map(|line| line.strip_prefix(&series)).unwrap_or_else(|| panic!("no {series}"));
    line.parse().unwrap()
}

/// Sends the cases down both lanes and compares all that can be seen.
fn compare(server: &Server, upstream: &Upstream, cases: std::ops::Range<u64>) {
    let before = (count(server, "relay"), count(server, "engine"));
    let (mut relay, mut engine) = (Lane::new(server, ""), Lane::new(server, "http://shop.example:8080"));
    let n_cases = cases.end - cases.start;
    let (mut differing, mut n_compressed) = (Vec::new(), 0);
    for case in cases {
        let build = request(case);
        upstream.take_seen();
        let (relayed, kept) = relay.ask(&build);
        let relayed_request = asked(upstream.take_seen());
        let (passed, kept_too) = engine.ask(&build);
        let passed_request = asked(upstream.take_seen());
        // Compressed bytes depend on when they came.
        let contents = [content(&relayed), content(&passed)];
        n_compressed += u64::from(contents[0] != relayed.body);
        // Of an answer that breaks off, one may have got further than the other.
        let common = if relayed.complete { usize::MAX } else { contents[0].len().min(contents[1].len()) };
        let cut = |content: &[u8]| content[..common.min(content.len())].to_vec();
        let has_fallback =
            relayed_request.iter().any(|seen| seen.line.contains(" /page?") || seen.line.contains(" /none?"));
        let (left, right) = (shown(&relayed, kept, has_fallback), shown(&passed, kept_too, has_fallback));
        if left != right || relayed_request != passed_request || cut(&contents[0]) != cut(&contents[1]) {
            let sizes = (relayed.body.len(), passed.body.len());
            differing.push(format!(
                "case {case}: {:?}\nrelay   {left:?}\npingora {right:?}\nbodies {sizes:?}\nrelay   {relayed_request:?}\npingora {passed_request:?}",
                build("")
            ));
        }
    }
    assert!(
        differing.is_empty(),
        "{} cases differ, such as:\n{}",
        differing.len(),
        differing[..differing.len().min(5)].join("\n")
    );
    assert!(n_compressed > n_cases / 100, "only {n_compressed} of {n_cases} answers were compressed");
    let after = (count(server, "relay"), count(server, "engine"));
    assert_eq!((after.0 - before.0, after.1 - before.1), (n_cases, n_cases), "not all went the way they were sent");
}

fn launch(upstream: &Upstream) -> Launch {
    let compute = json!({"kind": "Compute", "src": "default"});
    let routes = json!([
        {"path": "/page", "target": compute, "fallback": {"kind": "Static"}},
        {"path": "/none", "target": compute, "fallback": {"kind": "Static"}},
        {"path": "/*", "target": compute},
    ]);
    let bundle = Draft::with_routes(routes).compute("").file("page", "from the file").write();
    let rules = json!([{"source": "/old/<*>", "target": "/new/<*>", "status": "200"}]);
    std::fs::write(bundle.join("customRules.json"), rules.to_string()).unwrap();
    Launch::new(&bundle).arg("--upstream").arg(upstream.address.to_string()).setting("log", "off")
}

#[test]
fn a_client_and_compute_see_the_same_whichever_way_it_goes() {
    let upstream = Upstream::start();
    compare(&launch(&upstream).start(), &upstream, 0..3000);
}

#[test]
fn with_custom_headers_too() {
    let upstream = Upstream::start();
    let headers = scratch::folder("headers").join("customHttp.yml");
    std::fs::write(&headers, HEADERS).unwrap();
    let server = launch(&upstream).setting("headers.file", &headers).start();
    compare(&server, &upstream, 3500..5000);
}

/// Headers that the upstream sends as well, and some that it does not.
const HEADERS: &str = "\
customHeaders:
  - pattern: '**'
    headers:
      - {key: server, value: custom}
      - {key: X-Powered-By, value: nobody}
      - {key: Cache-Control, value: public}
      - {key: set-cookie, value: custom=1}
      - {key: vary, value: Origin}
  - pattern: /page
    headers:
      - {key: x-empty, value: full}
      - {key: Content-Encoding, value: identity}
      - {key: x-hop, value: custom}
";

#[test]
fn over_tls_too() {
    let upstream = Upstream::start();
    compare(&launch(&upstream).tls().setting("tls.hsts-max-age", "1d").start(), &upstream, 5000..6000);
}

#[test]
fn behind_a_trusted_proxy_too() {
    let upstream = Upstream::start();
    let server = launch(&upstream).setting("trusted-proxies", "127.0.0.0/8").start();
    compare(&server, &upstream, 3000..3500);
}

#[test]
fn node_answers_the_same_whichever_way_it_is_asked() {
    let server = Launch::new(&Draft::usual().write()).setting("log", "off").start();
    let (mut relay, mut engine) = (Lane::new(&server, ""), Lane::new(&server, "http://shop.example:8080"));
    for path in [
        "/page",
        "/cookies",
        "/redirect",
        "/no-content",
        "/big?n=26",
        "/big?n=10000",
        "/big?n=300000",
        "/stream?n=3&ms=1",
        "/missing/empty",
        "/missing/length",
        "/missing/chunked",
        "/status/500",
        "/status/410",
        "/made/a.json?x=1",
        "/none.txt",
        "/early",
        "/short",
        "/short-chunked",
        "/long",
        "/hang-up",
        "/garbage",
    ] {
        for method in ["GET", "HEAD", "POST"] {
            let build = |prefix: &str| {
                let target = format!("{prefix}{path}");
                let body = if method == "POST" { Some("body") } else { None };
                let request = body.map_or_else(|| Request::new(method, &target), |body| Request::post(&target, body));
                request.field("Host", HOST)
            };
            let ((relayed, kept), (passed, kept_too)) = (relay.ask(build), engine.ask(build));
            assert_eq!(shown(&relayed, kept, false), shown(&passed, kept_too, false), "{method} {path}");
            assert!(relayed.body == passed.body, "{method} {path}: other bytes");
        }
    }
}
