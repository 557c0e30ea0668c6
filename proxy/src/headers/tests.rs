//! What patterns match, that the automaton agrees with a naive loop, and which fields go with which answer.

use std::path::PathBuf;

use edgeplane_config::{HeaderField, HeaderPlace, HeaderRule};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use proptest::prelude::*;

use super::{Headers, Overlay};
use crate::answer::{Answer, Body};

/// Whether a pattern matches the whole path, in the most naive way.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    if let Some(rest) = pattern.strip_prefix(b"/**/") {
        let folders = (0..path.len()).filter(|at| path[*at] == b'/').any(|at| matches(rest, &path[at + 1..]));
        return path.first() == Some(&b'/') && folders;
    }
    if pattern.starts_with(b"**") {
        let rest = &pattern[pattern.iter().take_while(|byte| **byte == b'*').count()..];
        return (0..=path.len()).any(|skipped| matches(rest, &path[skipped..]));
    }
    match pattern.split_first() {
        None => path.is_empty(),
        Some((b'*', rest)) => {
            let most = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
            (0..=most).any(|skipped| matches(rest, &path[skipped..]))
        }
        Some((byte, rest)) => path.first() == Some(byte) && matches(rest, &path[1..]),
    }
}

fn field(name: &str, value: &str, line: usize) -> HeaderField {
    let place = HeaderPlace { file: PathBuf::from("customHttp.yml"), line };
    HeaderField { name: name.parse().unwrap(), value: value.parse().unwrap(), place }
}

fn rule(pattern: &str, fields: &[(&str, &str)]) -> HeaderRule {
    let fields = fields.iter().enumerate().map(|(at, (name, value))| field(name, value, at + 1)).collect();
    HeaderRule { pattern: pattern.to_owned(), fields }
}

/// Dense where it fits, and the lazy automaton for the same rules.
fn both(rules: &[HeaderRule]) -> [Headers; 2] {
    [1024 * 1024, 0].map(|most| Headers::compile_within(rules.to_vec(), most).unwrap().unwrap())
}

/// The fields that a path gets, as `name=value`.
fn told(headers: &Headers, path: &str) -> Vec<String> {
    let overlay = headers.find(path.as_bytes());
    let fields = overlay.as_deref().map(Overlay::all).unwrap_or_default();
    fields.iter().map(|field| format!("{}={}", field.name, field.value.to_str().unwrap())).collect()
}

#[test]
fn an_asterisk_stops_at_a_slash_and_two_do_not() {
    for (pattern, yes, no) in [
        ("/*.json", &["/a.json", "/.json"][..], &["/a/b.json", "/a.jsonx", "a.json"][..]),
        ("/path/*", &["/path/", "/path/x"], &["/path", "/path/x/y", "/path/x/"]),
        ("/assets/*", &["/assets/x.svg"], &["/assets/img/x.svg"]),
        ("/assets/**/*", &["/assets/x.svg", "/assets/img/x.svg", "/assets/a/b/c"], &["/assets", "/other/assets/x"]),
        ("/**", &["/", "/a", "/a/b/", "//"], &["*", ""]),
        ("/**/*", &["/", "/a", "/a/b", "/a/b/"], &["*"]),
        ("/**/*.html", &["/index.html", "/a/b/index.html"], &["/index.htm", "/html"]),
        ("/foo/*.html", &["/foo/a.html"], &["/foo/b/a.html", "/a.html"]),
        ("/", &["/"], &["/a", "//", ""]),
        ("/foo/**", &["/foo/", "/foo/a/b"], &["/foo", "/foobar"]),
        ("/a**z", &["/az", "/a/b/z"], &["/a"]),
        ("/*/x", &["/a/x", "//x"], &["/x", "/a/b/x"]),
        ("/a.b+c?[d](e){1,2}|^$\\d", &["/a.b+c?[d](e){1,2}|^$\\d"], &["/aXb+c", "/a"]),
        ("/caf\u{e9}*", &["/caf\u{e9}s"], &["/cafe"]),
        ("/*.{js,css}", &["/a.{js,css}"], &["/a.js"]),
    ] {
        for headers in both(&[rule(pattern, &[("x", "y")])]) {
            for (path, wanted) in yes.iter().map(|path| (path, true)).chain(no.iter().map(|path| (path, false))) {
                assert_eq!(headers.find(path.as_bytes()).is_some(), wanted, "{pattern} {path} {headers:?}");
                assert_eq!(matches(pattern.as_bytes(), path.as_bytes()), wanted, "naively: {pattern} {path}");
            }
        }
    }
}

#[test]
fn of_rules_that_name_the_same_header_the_later_wins_and_all_others_count() {
    let rules = [
        rule("/**", &[("x-frame-options", "DENY"), ("cache-control", "no-cache"), ("x-all", "1")]),
        rule("/*.css", &[("cache-control", "max-age=60")]),
        rule("/foo/*.html", &[("x-frame-options", "SAMEORIGIN"), ("x-foo", "2")]),
    ];
    for headers in both(&rules) {
        let common = ["x-frame-options=DENY", "cache-control=no-cache", "x-all=1"];
        assert_eq!(told(&headers, "/a/b"), common);
        assert_eq!(told(&headers, "/a/b.css"), common);
        assert_eq!(told(&headers, "/b.css"), ["x-frame-options=DENY", "cache-control=max-age=60", "x-all=1"]);
        assert_eq!(
            told(&headers, "/foo/a.html"),
            ["x-frame-options=SAMEORIGIN", "cache-control=no-cache", "x-all=1", "x-foo=2"]
        );
    }
}

#[test]
fn paths_that_match_the_same_rules_share_an_overlay_and_others_do_not() {
    let rules = [rule("/**", &[("a", "1")]), rule("/*.css", &[("b", "1")]), rule("/x/**", &[("c", "1")])];
    let [dense, lazy] = both(&rules);
    let number = |path: &str| dense.find(path.as_bytes()).unwrap().number().unwrap();
    assert_eq!(number("/a"), number("/b/c/d"));
    assert_eq!(number("/a.css"), number("/b.css"));
    assert_ne!(number("/a"), number("/a.css"));
    assert_ne!(number("/a.css"), number("/x/a.css"));
    assert_eq!(lazy.find(b"/a").unwrap().number(), None);
}

#[test]
fn nothing_to_say_is_nothing_to_search() {
    assert!(Headers::compile(Vec::new()).unwrap().is_none());
    assert!(Headers::compile(vec![rule("/**", &[])]).unwrap().is_none());
}

#[test]
fn patterns_that_would_explode_are_searched_lazily() {
    let letters = "abcdefghijklmnopqrstuvwxyz".repeat(3);
    let rules: Vec<HeaderRule> = (0..40)
        .map(|n| {
            rule(
                &format!("/**{}**{}**{}**", &letters[n..=n], &letters[n + 9..=n + 9], &letters[n + 17..=n + 17]),
                &[("x", "y")],
            )
        })
        .collect();
    let headers = Headers::compile(rules.clone()).unwrap().unwrap();
    assert!(format!("{headers:?}").contains("Lazy"));
    let path = "/the/quick/brown/fox/jumps/over/the/lazy/dog";
    let naive = rules.iter().any(|rule| matches(rule.pattern.as_bytes(), path.as_bytes()));
    assert_eq!(headers.find(path.as_bytes()).is_some(), naive);
}

fn overlay(fields: &[(&str, &str)]) -> Overlay {
    let headers = Headers::compile(vec![rule("/**", fields)]).unwrap().unwrap();
    headers.find(b"/").unwrap().into_owned()
}

fn names(overlay: &Overlay, status: u16) -> Vec<&str> {
    overlay.fields(StatusCode::from_u16(status).unwrap()).map(|field| field.name.as_str()).collect()
}

#[test]
fn what_speaks_of_the_content_goes_with_the_content_only() {
    let overlay = overlay(&[("cache-control", "no-cache"), ("content-encoding", "gzip"), ("x-frame-options", "DENY")]);
    for status in [200, 206, 304] {
        assert_eq!(names(&overlay, status), ["cache-control", "content-encoding", "x-frame-options"], "{status}");
    }
    for status in [201, 204, 301, 404, 405, 416, 500, 503] {
        assert_eq!(names(&overlay, status), ["x-frame-options"], "{status}");
    }
    assert!(overlay.replaces("CACHE-control", StatusCode::OK));
    assert!(!overlay.replaces("cache-control", StatusCode::NOT_FOUND));
    assert!(!overlay.replaces("x-other", StatusCode::OK));
}

#[test]
fn a_field_takes_the_place_of_the_answers_own_but_cookies_and_variance_add_up() {
    let overlay = overlay(&[
        ("content-type", "text/x"),
        ("vary", "Origin"),
        ("set-cookie", "a=1"),
        ("cache-control", "max-age=1"),
        ("x-frame-options", "DENY"),
    ]);
    let mut headers = HeaderMap::new();
    for (name, value) in [("content-type", "text/html"), ("vary", "Accept-Encoding"), ("cache-control", "no-store")] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let mut answer = Answer { status: StatusCode::OK, headers, body: Body::Empty };
    overlay.lay(&mut answer);
    let values = |name: &str| answer.headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(values("content-type"), ["text/x"]);
    assert_eq!(values("vary"), ["Accept-Encoding", "Origin"]);
    assert_eq!(values("set-cookie"), ["a=1"]);
    assert_eq!(values("x-frame-options"), ["DENY"]);
    assert_eq!(values("cache-control"), ["no-store"], "decided where the answer is made");
    assert!(!overlay.replaces("vary", StatusCode::OK) && !overlay.replaces("Set-Cookie", StatusCode::OK));
}

#[test]
fn the_envelope_of_several_parts_keeps_its_type() {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("multipart/byteranges; boundary=b"));
    let mut answer = Answer { status: StatusCode::PARTIAL_CONTENT, headers, body: Body::Empty };
    overlay(&[("content-type", "text/x")]).lay(&mut answer);
    assert_eq!(answer.headers["content-type"], "multipart/byteranges; boundary=b");
}

fn pattern() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["/", "*", "**", "/**/", "a", "b", ".", "/a", "?"]), 0..7)
        .prop_map(|parts| format!("/{}", parts.concat()))
}

proptest! {
    #[test]
    fn the_automaton_agrees_with_a_naive_loop(
        patterns in prop::collection::vec(pattern(), 1..6),
        paths in prop::collection::vec("/[ab./?]{0,8}", 1..8),
    ) {
        let names = ["a", "b", "c", "d", "e", "f"];
        let rules: Vec<_> = patterns.iter().zip(names).map(|(pattern, name)| rule(pattern, &[(name, "1")])).collect();
        for headers in both(&rules) {
            for path in &paths {
                let wanted: Vec<_> = patterns
                    .iter()
                    .zip(names)
                    .filter(|(pattern, _)| matches(pattern.as_bytes(), path.as_bytes()))
                    .map(|(_, name)| format!("{name}=1"))
                    .collect();
                prop_assert_eq!(told(&headers, path), wanted, "{} {:?} {:?}", path, patterns, headers);
            }
        }
    }
}
