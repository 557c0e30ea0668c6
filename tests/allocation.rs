//! Hot code does not allocate, or not more than it says.

use std::{
    hint::black_box,
    io,
    net::IpAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use edgeplane::{
    access::{Access, Caller, Verdict},
    answer::Head,
    app::{App, Parts},
    assets::{self, Lookup, Outcome, Policy},
    route::{Routes, decode},
    server::plain::Rehearsal,
    telemetry::{
        RequestId, Shard, Telemetry,
        access_log::{AccessLog, Protocol, Record},
        metrics::Metrics,
    },
};
use edgeplane_config::{
    HeaderSettings, LogFormat, Manifest, Rate, Settings, StaticSettings, TargetKind, custom_headers,
};
use http::StatusCode;

use crate::support::allocation::count;

#[test]
fn allocations_are_counted() {
    assert_eq!(count(|| black_box(1)).0, 0);
    assert_eq!(count(|| black_box(Box::new(1))).0, 1);
}

#[test]
fn finding_a_route_does_not_allocate() {
    let routes = Routes::compile(["/_nuxt/image", "/_nuxt/*", "/*.*", "/*"]).unwrap();
    assert!(!routes.is_lazy());
    for path in ["/", "/_nuxt/entry.js", "/favicon.ico", "/a/long/path/to/some/page/that/is/rendered", ""] {
        let (allocations, _) = count(|| black_box(routes.find(path.as_bytes())));
        assert_eq!(allocations, 0, "{path}");
    }
}

#[test]
fn finding_a_route_lazily_does_not_allocate_once_its_states_are_known() {
    let patterns: Vec<String> = (b'a'..=b'y').map(|n| format!("/*{0}*b{0}*c{0}*d*", char::from(n))).collect();
    let routes = Routes::compile(patterns.iter().map(String::as_str)).unwrap();
    assert!(routes.is_lazy());
    let path = b"/the/quick/brown/fox/jumps";
    let first = routes.find(path);
    let (allocations, second) = count(|| routes.find(path));
    assert_eq!((allocations, second), (0, first));
}

/// The lane of plain requests over a folder with a file and a page, with custom headers and rules or without any.
fn lane(dir: &Path, headers: &str, rules: &str) -> Rehearsal {
    let folder = dir.join("static");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["app.js", "page.html"] {
        std::fs::write(folder.join(name), "words ".repeat(1000)).unwrap();
    }
    let file = dir.join("customHttp.yml");
    std::fs::write(&file, headers).unwrap();
    let (custom_headers, problems) =
        custom_headers(&HeaderSettings { file: Some(file), app_root: String::new() }, None);
    assert!(problems.is_empty(), "{problems}");
    let (custom_rules, _) = edgeplane_config::parse_custom_rules(rules, Path::new("rules")).unwrap();
    let settings = Arc::new(Settings::default());
    let pack = assets::prepare(Some(&folder), &dir.join("packs"), &settings.assets).unwrap();
    let routes = r#"[{"path": "/*", "target": {"kind": "Static"}}]"#;
    let text = format!(r#"{{"version": 1, "framework": {{"name": "none", "version": "1.0.0"}}, "routes": {routes}}}"#);
    let (manifest, _) = Manifest::parse(&text).unwrap();
    let telemetry = Telemetry::new(Metrics::new().unwrap(), AccessLog::start(LogFormat::Off).unwrap());
    let shard = telemetry.shard();
    let parts =
        Parts { id: None, manifest, custom_rules, pack, compute: None, custom_headers, public_host: Vec::new() };
    Rehearsal::new(App::build(settings, parts, telemetry).unwrap(), shard)
}

/// Rules of every kind, none of which takes what is asked for here.
fn rules() -> String {
    let rule = |source: &str| format!(r#"{{"source": "{source}", "target": "/x", "status": "301"}}"#);
    let pages = r"</^[^.]+\\.(?!(css|js|png)$)([^.]+$)/>";
    let rules: Vec<String> = (0..100).map(|n| rule(&format!("/old-{n}/<name>"))).collect();
    let elsewhere = rule("https://other.example").replace("/x", "https://x.example");
    format!("[{}, {}, {elsewhere}]", rules.join(","), rule(pages))
}

#[test]
fn a_plain_request_is_answered_without_an_allocation() {
    let dir = tempfile::tempdir().unwrap();
    let some = "customHeaders:\n- pattern: '**'\n  headers: [{key: x-a, value: 1}, {key: cache-control, value: no-cache}]\n\
                - pattern: '*.js'\n  headers: [{key: x-b, value: 2}]\n";
    for (headers, rules, path, holds) in [
        ("", "[]", "/app.js", ""),
        ("", "[]", "/page", ""),
        (some, "[]", "/app.js", "x-b: 2"),
        (some, "[]", "/page", "x-a: 1"),
        ("", &*rules(), "/app.js", ""),
        (some, &*rules(), "/page", "x-a: 1"),
    ] {
        let lane = lane(dir.path(), headers, rules);
        let request = format!(
            "GET {path}?v=1 HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip, br\r\nuser-agent: test\r\n\r\n"
        );
        let mut out = BytesMut::with_capacity(4096);
        for _ in 0..3 {
            out.clear();
            assert!(lane.answer(request.as_bytes(), &mut out).is_some());
        }
        out.clear();
        let (allocations, content) = count(|| lane.answer(request.as_bytes(), &mut out));
        assert_eq!(allocations, 0, "{path} {headers}");
        let told = String::from_utf8_lossy(&out);
        assert!(content.unwrap() > 0 && told.starts_with("HTTP/1.1 200 OK\r\n") && told.contains(holds), "{told}");
    }
}

#[test]
fn decoding_a_path_does_not_allocate_twice() {
    let mut scratch = Vec::new();
    assert_eq!(count(|| decode("/plain/path.js", &mut scratch).len()).0, 0);
    decode("/my%20photo.jpg", &mut scratch);
    assert_eq!(count(|| decode("/my%20other.jpg", &mut scratch).len()).0, 0);
}

#[test]
fn a_static_answer_allocates_its_fields_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("static");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("page.html"), "words ".repeat(1000)).unwrap();
    let settings = StaticSettings {
        cache_control: String::new(),
        compress: true,
        compress_bytes_max: 1024 * 1024,
        ranges_max: 4,
        files_max: 10,
        ..Settings::default().assets
    };
    let pack = assets::prepare(Some(&folder), &dir.path().join("packs"), &settings).unwrap();
    let policy = Policy { cache_control: None, ranges_max: 4, lookup: Lookup::EXACT, overlay: None };
    let fields = [httparse::Header { name: "accept-encoding", value: b"gzip, deflate, br, zstd" }];
    let head = |path| Head { method: "GET", path, query: None, fields: &fields, http11: true, host: "localhost" };
    let ask = |path: &'static str| {
        let head = head(path);
        count(|| assets::answer(&pack, path.as_bytes(), &head, &policy))
    };
    assert!(matches!(ask("/page.html"), (_, Outcome::Answer(_))));
    let (allocations, outcome) = ask("/page.html");
    assert!(matches!(outcome, Outcome::Answer(_)));
    assert_eq!(allocations, 2, "the two tables of a header map");
    assert!(matches!(ask("/missing.html"), (0, Outcome::Missing)));
}

#[test]
fn a_million_addresses_take_no_memory() {
    let mut settings = Settings::default().access;
    settings.everywhere.rate = Some(Rate { count: 1, per: Duration::from_secs(3600) });
    settings.everywhere.burst = 1;
    settings.everywhere.deny = vec!["198.51.100.0/24".parse().unwrap()];
    let access = Access::of(&settings).unwrap().unwrap();
    let head = Head { method: "GET", path: "/", query: None, fields: &[], http11: true, host: "localhost" };
    let now = Instant::now();
    let (allocations, n_welcome) = count(|| {
        let addresses = (0..1_000_000_u32).map(|number| IpAddr::from(number.wrapping_mul(2_654_435_761).to_be_bytes()));
        addresses
            .filter(|address| {
                matches!(access.enter(&head, Caller { address: *address, named: true }, now), Verdict::Welcome { .. })
            })
            .count()
    });
    assert_eq!(allocations, 0);
    // One for each place of IPv4, of an address or of its neighbours, and one for all others.
    assert!((36_000..=32_768 + 4096 + 1).contains(&n_welcome), "{n_welcome}");
}

fn tell(shard: &Shard) {
    let started = Instant::now();
    let request_id = shard.request_id();
    black_box(shard.clock().date(started));
    shard.record(&Record {
        client: "2001:db8::1".parse().unwrap(),
        method: "GET",
        path: "/a \"quoted\" path",
        query: Some("a=1"),
        host: "localhost",
        protocol: Protocol::Http11,
        status: StatusCode::OK,
        bytes: 1234,
        started,
        ended: started + Duration::from_micros(50),
        target: Some(TargetKind::Static),
        instance: Some("default-1"),
        user_agent: Some("an \"agent\"\u{1}"),
        referer: None,
        request_id: &request_id,
    });
}

#[test]
fn telling_of_a_request_does_not_allocate() {
    for (format, most) in [(LogFormat::Off, 0), (LogFormat::Text, 100), (LogFormat::Json, 100)] {
        let telemetry = Telemetry::new(Metrics::new().unwrap(), AccessLog::to(format, io::sink()).unwrap());
        let shard = telemetry.shard();
        // The memory that lines gather in has to grow first, and grows again after a burst.
        let (allocations, ()) = count(|| (0..5000).for_each(|_| tell(&shard)));
        assert!(allocations <= most, "{format:?}: {allocations} allocations for 5000 requests");
    }
}

#[test]
fn an_id_does_not_allocate() {
    let given = "Root=1-67891233-abcdef012345678912345678";
    assert_eq!(count(|| RequestId::parse(given).map(|id| id.clone().as_str().len())), (0, Some(given.len())));
}
