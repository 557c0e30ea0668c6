//! Which file a path means, and that a head is written once for each set of custom headers.

use std::path::PathBuf;

use edgeplane_config::{HeaderField, HeaderPlace, HeaderRule};
use http::{HeaderValue, StatusCode};

use super::{Lookup, Outcome, Pack, Policy, Site, ask_with, content, field, settings};
use crate::{
    answer::Head,
    assets::{absent, has_page, ready},
    headers::{Headers, Overlay},
};

const FILES: [(&str, &[u8]); 9] = [
    ("index.html", b"root"),
    ("about.html", b"about"),
    ("both.html", b"page"),
    ("both/index.html", b"folder"),
    ("docs/index.html", b"docs"),
    ("docs/.html", b"no name"),
    ("exact", b"exact"),
    ("exact.html", b"not this"),
    (".html", b"no name either"),
];

fn policy(lookup: Lookup) -> Policy<'static> {
    Policy { cache_control: None, ranges_max: 4, lookup, overlay: None }
}

/// The content of the answer, where it leads, or nothing.
fn meant(pack: &Pack, path: &str, lookup: Lookup) -> String {
    match ask_with(pack, "GET", path, &[], &policy(lookup)) {
        Outcome::Answer(answer) if answer.status == StatusCode::MOVED_PERMANENTLY => {
            format!("-> {}", field(&answer, "location"))
        }
        Outcome::Answer(answer) => String::from_utf8(content(&answer)).unwrap(),
        Outcome::Missing => String::new(),
    }
}

#[test]
fn a_path_means_its_file_then_its_page_then_its_folder() {
    let site = Site::new(&FILES);
    let pack = site.prepare();
    // By the settings, for the specification's files only, and for pages rendered ahead.
    let all = Lookup::new(&settings());
    for (path, usual, exact, page) in [
        ("/", "root", "", "root"),
        ("/index", "root", "", "root"),
        ("/index.html", "root", "root", ""),
        ("/about", "about", "", "about"),
        ("/about/", "", "", ""),
        ("/both", "page", "", "page"),
        ("/both/", "folder", "", "folder"),
        ("/docs", "-> /docs/", "", "docs"),
        ("/docs/", "docs", "", "docs"),
        ("/docs//", "", "", ""),
        ("/exact", "exact", "exact", "not this"),
        ("/exact/", "", "", ""),
        ("//", "", "", ""),
        ("//docs", "", "", ""),
        ("", "", "", ""),
        ("*", "", "", ""),
        ("/docs%2F", "", "", ""),
    ] {
        assert_eq!(meant(&pack, path, all), usual, "{path}");
        assert_eq!(meant(&pack, path, Lookup::EXACT), exact, "{path}");
        assert_eq!(meant(&pack, path, Lookup::PAGES), page, "{path}");
    }
    let name = |path: &str| pack.meant(path.as_bytes(), all).map(|name| String::from_utf8_lossy(name).into_owned());
    assert_eq!(name("/about").as_deref(), Some("about.html"));
    assert_eq!((name("/about.html"), name("/docs"), name("/none")), (None, None, None));
}

#[test]
fn each_way_of_naming_a_file_can_be_turned_off() {
    let site = Site::new(&FILES);
    let pack = site.prepare();
    let mut settings = settings();
    settings.clean_urls = false;
    assert_eq!(meant(&pack, "/about", Lookup::new(&settings)), "");
    assert_eq!(meant(&pack, "/both", Lookup::new(&settings)), "-> /both/");
    settings.slash_redirects = false;
    assert_eq!(meant(&pack, "/both", Lookup::new(&settings)), "");
    assert_eq!(meant(&pack, "/both/", Lookup::new(&settings)), "folder");
    // A redirect to what is then missing would help nobody.
    (settings.slash_redirects, settings.index) = (true, false);
    assert_eq!(meant(&pack, "/docs", Lookup::new(&settings)), "");
    assert_eq!(meant(&pack, "/docs/", Lookup::new(&settings)), "");
}

fn head<'a>(method: &'a str, path: &'a str) -> Head<'a> {
    Head { method, path, query: None, fields: &[], http11: true, host: "localhost" }
}

#[test]
fn pages_are_for_reading() {
    let site = Site::new(&[("about.html", b"about"), ("404.html", b"none"), ("200.html", b"app")]);
    let pack = site.prepare();
    let (settings, policy) = (settings(), policy(Lookup::new(&settings())));
    for (method, page) in [("GET", true), ("HEAD", true), ("POST", false)] {
        assert_eq!(has_page(&pack, b"/about", &head(method, "/about")), page, "{method}");
        let answer = absent(&pack, b"/x", &head(method, "/x"), &settings, &policy);
        assert_eq!(answer.is_some(), page, "{method}");
    }
    assert!(!has_page(&pack, b"/a/about", &head("GET", "/a%2Fabout")));
    let status = |path: &str| {
        absent(&pack, path.as_bytes(), &head("GET", path), &settings, &policy).map(|answer| answer.status.as_u16())
    };
    for (path, expected) in [("/x", 200), ("/x.y/z", 200), ("/", 200), ("/x.js", 404), ("/x/.y", 404)] {
        assert_eq!(status(path), Some(expected), "{path}");
    }
}

fn rule(pattern: &str, name: &str, value: &str) -> HeaderRule {
    let place = HeaderPlace { file: PathBuf::from("customHttp.yml"), line: 1 };
    let field = HeaderField { name: name.parse().unwrap(), value: value.parse().unwrap(), place };
    HeaderRule { pattern: pattern.to_owned(), fields: vec![field] }
}

#[test]
fn a_head_is_written_once_for_each_set_of_custom_headers() {
    let site = Site::new(&[("about.html", b"about")]);
    let pack = site.prepare();
    let rules = vec![rule("/about", "x-clean", "1"), rule("/about.html", "x-exact", "1")];
    let headers = Headers::compile(rules).unwrap().unwrap();
    let ask = |path: &'static str| {
        let overlay = headers.find(path.as_bytes());
        let policy = policy(Lookup::new(&settings())).under(overlay.as_deref());
        let ready = ready(&pack, path.as_bytes(), &head("GET", path), &policy).unwrap();
        (ready.head.lines().as_ptr(), String::from_utf8_lossy(ready.head.lines()).into_owned())
    };
    let (clean, exact) = (ask("/about"), ask("/about.html"));
    assert!(clean.1.contains("\r\nx-clean: 1\r\n") && !clean.1.contains("x-exact"), "{}", clean.1);
    assert!(exact.1.contains("\r\nx-exact: 1\r\n") && !exact.1.contains("x-clean"), "{}", exact.1);
    assert_eq!((ask("/about"), ask("/about.html")), (clean, exact), "the same bytes in the same place");
}

#[test]
fn too_many_sets_of_custom_headers_go_the_long_way() {
    let site = Site::new(&[("about.html", b"about")]);
    let pack = site.prepare();
    let rules = (0..20).map(|n| rule(&format!("/{n}"), "x", &n.to_string())).collect();
    let headers = Headers::compile(rules).unwrap().unwrap();
    let taken = (0..20).filter(|n| {
        let overlay = headers.find(format!("/{n}").as_bytes());
        let policy = policy(Lookup::EXACT).under(overlay.as_deref());
        let ready = ready(&pack, b"/about.html", &head("GET", "/about.html"), &policy);
        ready.is_some_and(|ready| String::from_utf8_lossy(ready.head.lines()).contains(&format!("\r\nx: {n}\r\n")))
    });
    assert_eq!(taken.count(), 8);
}

#[test]
fn custom_cache_control_takes_the_place_of_the_routes() {
    let route = HeaderValue::from_static("max-age=1");
    let headers = Headers::compile(vec![rule("/**", "cache-control", "max-age=2")]).unwrap().unwrap();
    let overlay = headers.find(b"/").unwrap();
    let of = |overlay: Option<&Overlay>| {
        let policy = Policy::new(&settings(), &route).under(overlay);
        policy.cache_control.map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(of(None).as_deref(), Some("max-age=1"));
    assert_eq!(of(Some(&overlay)).as_deref(), Some("max-age=2"));
}
