//! Which file a path means.

use http::StatusCode;

use super::{Lookup, Outcome, Pack, Policy, Site, ask_with, content, field, settings};
use crate::{
    answer::Head,
    assets::{absent, has_page},
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
    Policy { cache_control: None, ranges_max: 4, lookup }
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
