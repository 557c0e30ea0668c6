//! Custom headers: on files, pages, pictures and errors alike, and where each of them came from.

use std::fs;

use serde_json::{Value, json};

use crate::support::{
    bundle::{self, Draft, SERVER},
    client::Request,
    scratch,
    server::{Finished, Launch, Server},
    wait,
};

const HEADERS: &str = "\
customHeaders:
  - pattern: '**'
    headers:
      - key: X-Frame-Options
        value: DENY
      - key: Cache-Control
        value: public, max-age=60
      - key: X-Powered-By
        value: nobody
      - key: Set-Cookie
        value: custom=1
  - pattern: '/assets/*'
    headers:
      - key: Cache-Control
        value: public, max-age=31536000, immutable
  - pattern: '/assets/**/*.svg'
    headers:
      - key: X-Frame-Options
        value: SAMEORIGIN
  - pattern: '/api/*'
    headers: [{key: Access-Control-Allow-Origin, value: '*'}, {key: Access-Control-Allow-Methods, value: GET}]
  - pattern: '/packed/*'
    headers: [{key: Content-Encoding, value: gzip}]
";

fn draft() -> Draft {
    let compute = json!({"kind": "Compute", "src": "default"});
    let routes = json!([
        {"path": "/img", "target": {"kind": "ImageOptimization", "cacheControl": "max-age=5"}},
        {"path": "/assets/*", "target": {"kind": "Static", "cacheControl": "max-age=1"}},
        {"path": "/api/*", "target": {"kind": "Static"}},
        {"path": "/packed/*", "target": {"kind": "Static"}},
        {"path": "/*.*", "target": {"kind": "Static"}, "fallback": compute},
        {"path": "/*", "target": compute},
    ]);
    let images = json!({"sizes": [16, 96], "domains": [], "remotePatterns": [], "formats": ["image/webp"],
                        "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    Draft::with_routes(routes)
        .compute(SERVER)
        .key("imageSettings", images)
        .file("assets/app.js", "let a = 1;\n".repeat(400))
        .file("assets/img/x.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>")
        .file("api/data.json", "{}")
        .file("packed/data.js", "packed by hand, or so it is said\n".repeat(400))
        .file("coffee.jpg", fs::read(bundle::built("nuxt3").join("static/images/coffee.jpg")).unwrap())
}

fn start() -> Server {
    Launch::new(&draft().beside("customHttp.yml", HEADERS).write()).start()
}

#[test]
fn they_are_on_files_pages_pictures_and_errors_alike() {
    let server = start();
    for (method, path, status) in [
        ("GET", "/assets/app.js", 200),
        ("HEAD", "/assets/app.js", 200),
        ("GET", "/coffee.jpg", 200),
        ("GET", "/", 200),
        ("GET", "/page", 200),
        ("GET", "/redirect", 302),
        ("GET", "/no-content", 204),
        ("GET", "/status/500", 500),
        ("GET", "/hang-up", 502),
        ("GET", "/missing/length", 404),
        ("GET", "/none.txt", 404),
        ("GET", "/assets/none.js", 404),
        ("POST", "/assets/app.js", 405),
        ("POST", "/echo", 200),
        ("GET", "/img?url=%2Fcoffee.jpg&w=96", 200),
        ("GET", "/img?url=%2Fcoffee.jpg&w=97", 400),
        ("GET", "/img?url=%2Fnone.jpg&w=96", 404),
        ("GET", "/a%20b", 404),
    ] {
        // Both ways to Compute, both ways to files; and a picture is at hand the second time.
        for target in [path.to_owned(), format!("http://{}{path}", server.address()), path.to_owned()] {
            let reply = server.send(&Request::new(method, &target)).expect(status);
            let reply = reply.with("x-frame-options", "DENY").with("x-powered-by", "nobody");
            assert!(reply.values("set-cookie").contains(&"custom=1"), "{target}: {}", reply.summary());
        }
    }
}

#[test]
fn an_asterisk_stops_at_a_slash_and_the_later_rule_wins() {
    let server = start();
    let immutable = "public, max-age=31536000, immutable";
    server.get("/assets/app.js").expect(200).with("cache-control", immutable).with("x-frame-options", "DENY");
    let nested = server.get("/assets/img/x.svg").expect(200);
    nested.with("cache-control", "public, max-age=60").with("x-frame-options", "SAMEORIGIN");
    // The pattern is held against the path that was asked for, decoded once.
    server.get("/%61ssets/app.js").expect(200).with("cache-control", immutable);
}

#[test]
fn cache_control_goes_with_what_was_found_and_with_no_error() {
    let server = start();
    let immutable = "public, max-age=31536000, immutable";
    let etag = server.get("/assets/app.js").expect(200).field("etag").unwrap().to_owned();
    let held = Request::get("/assets/app.js").field("If-None-Match", &etag);
    server.send(&held).expect(304).with("cache-control", immutable).with("x-frame-options", "DENY");
    let part = Request::get("/assets/app.js").field("Range", "bytes=0-9");
    server.send(&part).expect(206).with("cache-control", immutable);
    let parts = Request::get("/assets/app.js").field("Range", "bytes=0-1,4-5");
    server.send(&parts).expect(206).holding("content-type", "multipart/byteranges");
    for (path, status) in [("/assets/none.js", 404), ("/hang-up", 502), ("/img?url=%2Fcoffee.jpg&w=97", 400)] {
        server.get(path).expect(status).with("cache-control", "no-store");
    }
    // What Compute says of an error is its own word; of what it found, the custom header is.
    server.get("/page").expect(200).with("cache-control", "public, max-age=60");
    server.get("/status/500").expect(500).without("cache-control");
    server.get("/img?url=%2Fcoffee.jpg&w=96").expect(200).with("cache-control", "public, max-age=60");
}

#[test]
fn a_picture_at_hand_has_them_too() {
    let launch = Launch::new(&draft().beside("customHttp.yml", HEADERS).write());
    // One thread, so that what it has at hand is asked for there.
    let server = launch.setting("threads", "1").setting("image.avif-wait", "unlimited").start();
    let target = "/img?url=%2Fcoffee.jpg&w=96";
    let plain = || server.metric(r#"edgeplane_lane_requests_total{lane="plain"}"#);
    let round = || {
        let reply = server.get(target).expect(200);
        let reply = reply.with("x-frame-options", "DENY").with("cache-control", "public, max-age=60");
        let held = Request::get(target).field("If-None-Match", reply.field("etag").unwrap());
        let held = server.send(&held).expect(304).with("x-frame-options", "DENY");
        held.with("cache-control", "public, max-age=60").without("content-type");
    };
    (0..3).for_each(|_| round());
    // A request is counted after its answer.
    let counted = |number: f64| {
        let of =
            |status: &str| server.metric(&format!("edgeplane_requests_total{{status=\"{status}\",target=\"image\"}}"));
        wait::until("every request is counted", || (of("2xx"), of("3xx")) == (number, number));
    };
    counted(3.0);
    let before = plain();
    round();
    counted(4.0);
    assert_eq!(plain() - before, 2.0, "both were at hand in the end");
}

#[test]
fn cookies_of_the_app_stay_beside_those_that_are_added() {
    let cookies = start().get("/cookies").expect(200);
    assert_eq!(
        cookies.values("set-cookie"),
        ["a=1; Path=/", "b=two%20words; HttpOnly", "c=3", "custom=1"],
        "{}",
        cookies.summary()
    );
}

#[test]
fn a_file_that_is_said_to_be_encoded_is_sent_as_it_is() {
    let server = start();
    let request = |path| Request::get(path).field("Accept-Encoding", "br, gzip, zstd");
    let packed = server.send(&request("/packed/data.js")).expect(200).with("content-encoding", "gzip");
    assert!(packed.body.starts_with(b"packed by hand"), "{}", packed.summary());
    let other = server.send(&request("/assets/app.js")).expect(200);
    assert!(!other.body.starts_with(b"let a"), "{}", other.summary());
    server.get("/packed/none.js").expect(404).without("content-encoding");
}

#[test]
fn a_browser_that_asks_beforehand_is_let_in_where_others_are() {
    let server = start();
    let ask = |path| {
        let request = Request::new("OPTIONS", path).field("Origin", "https://other.example");
        server.send(&request.field("Access-Control-Request-Method", "GET"))
    };
    ask("/api/data.json").expect(204).with("access-control-allow-origin", "*").with("allow", "GET, HEAD, OPTIONS");
    ask("/assets/app.js").expect(405).with("allow", "GET, HEAD");
}

#[test]
fn without_any_nothing_is_added() {
    let server = Launch::new(&draft().write()).start();
    server.get("/assets/app.js").expect(200).without("x-frame-options").with("cache-control", "max-age=1");
    server.get("/page").expect(200).without("x-frame-options").with("cache-control", "private");
}

#[test]
fn patterns_that_explode_answer_all_the_same() {
    let letters = "abcdefghijklmnopqrstuvwxyz".repeat(3);
    let rules: String = (0..40)
        .map(|n| {
            let [a, b, c] = [n, n + 9, n + 17].map(|at| &letters[at..=at]);
            format!("  - pattern: '/**{a}**{b}**{c}**'\n    headers: [{{key: X-Long, value: {n}}}]\n")
        })
        .collect();
    let text = format!("customHeaders:\n{rules}  - pattern: '**'\n    headers: [{{key: X-All, value: 1}}]\n");
    let server = Launch::new(&draft().beside("customHttp.yml", &text).write()).start();
    for path in ["/assets/app.js", "/page", "/none/the/quick/brown/fox/jumps/over/the/lazy/dog"] {
        server.get(path).expect_one_of(&[200, 404]).with("x-all", "1");
    }
}

#[test]
fn the_settings_may_name_the_file_and_the_application() {
    let file = scratch::folder("headers").join("headers.yml");
    let of = |root: &str| {
        format!(
            "  - appRoot: {root}\n    customHeaders: [{{pattern: '**', headers: [{{key: X-App, value: {root}}}]}}]\n"
        )
    };
    fs::write(&file, format!("applications:\n{}{}", of("apps/one"), of("apps/two"))).unwrap();
    let launch = |root: &str| {
        let bundle = draft().beside("customHttp.yml", HEADERS).write();
        Launch::new(&bundle).setting("headers.file", &file).setting("headers.app-root", root)
    };
    launch("apps/two").start().get("/assets/app.js").expect(200).with("x-app", "apps/two").without("x-frame-options");
    let outcome = launch("").fail().expect(65);
    assert!(outcome.stderr.contains("headers.app-root") && outcome.stderr.contains("apps/one"), "{}", outcome.stderr);
}

#[test]
fn a_sidecar_without_a_bundle_has_them_too() {
    let compute = Launch::new(&draft().write()).start();
    let file = scratch::folder("headers").join("customHttp.yml");
    fs::write(&file, HEADERS).unwrap();
    let server = Launch::sidecar(&compute.address().to_string()).setting("headers.file", &file).start();
    server.get("/page").expect(200).with("x-frame-options", "DENY").with("cache-control", "public, max-age=60");
    let wrong = scratch::folder("headers").join("customHttp.yml");
    fs::write(&wrong, "customHeaders: 1").unwrap();
    Launch::sidecar("127.0.0.1:1").setting("headers.file", &wrong).fail().expect(65);
}

#[test]
fn what_cannot_be_sent_is_refused_with_its_line() {
    let text = "customHeaders:\n  - pattern: '**'\n    headers:\n      - {key: Content-Length, value: 5}\n      - {key: 'a b', value: x}\n";
    let bundle = draft().beside("customHttp.yml", text).write();
    let outcome = Launch::bare("check").arg(&bundle).finish().expect(65);
    for part in ["customHttp.yml:4:15", "customHttp.yml:5:15", "error[header-reserved]", "error[header-name]"] {
        assert!(outcome.stdout.contains(part), "{part} missing: {}", outcome.stdout);
    }
    Launch::new(&bundle).fail().expect(65);
}

fn explain(bundle: &std::path::Path, request: &[&str]) -> Finished {
    Launch::bare("explain").args(request).arg("--bundle").arg(bundle).finish().expect(0)
}

#[test]
fn explain_tells_which_line_each_header_came_from() {
    let bundle = draft().beside("customHttp.yml", HEADERS).write();
    let told = explain(&bundle, &["GET", "/assets/img/x.svg"]).stdout;
    for line in [
        "  x-frame-options: SAMEORIGIN  (customHttp.yml:18)",
        "  cache-control: public, max-age=60  (customHttp.yml:6)",
        "  x-powered-by: nobody  (customHttp.yml:8)",
        "  accept-ranges: bytes",
    ] {
        assert!(told.lines().any(|told| told == line), "no `{line}` in {told}");
    }
    let compute = explain(&bundle, &["GET", "/page"]).stdout;
    assert!(compute.contains("  x-frame-options: DENY  (customHttp.yml:4)"), "{compute}");
    let json: Value = serde_json::from_str(&explain(&bundle, &["GET", "/page", "--format", "json"]).stdout).unwrap();
    let first = json!({"name": "x-frame-options", "value": "DENY", "file": "customHttp.yml", "line": 4});
    assert_eq!(json["custom_headers"][0], first, "{json:#}");
}

#[test]
fn explain_tells_what_serve_does() {
    let bundle = draft().beside("customHttp.yml", HEADERS).write();
    let server = Launch::new(&bundle).start();
    for path in ["/assets/app.js", "/assets/img/x.svg", "/assets/none.js", "/packed/data.js", "/api/data.json"] {
        let json: Value = serde_json::from_str(&explain(&bundle, &["GET", path, "--format", "json"]).stdout).unwrap();
        let reply = server.get(path);
        for (name, value) in json["steps"][0]["headers"].as_object().unwrap() {
            let value = value.as_str().unwrap();
            assert!(reply.values(name).contains(&value), "{path}: {name}: {value} in {}", reply.summary());
        }
    }
}
