//! The tables of allowed URLs: hosts, ports, protocols and paths.

use std::time::Duration;

use super::*;
use crate::image::sample;

fn settings(domains: &[&str], patterns: Vec<RemotePattern>) -> ImageSettings {
    let domains = domains.iter().map(|domain| (*domain).into()).collect();
    ImageSettings { domains, remote_patterns: patterns, ..sample::settings() }
}

fn pattern(hostname: &str) -> RemotePattern {
    RemotePattern { protocol: None, hostname: hostname.into(), port: None, pathname: None }
}

/// With plain http allowed, so that the pattern itself decides.
fn allows(pattern: RemotePattern, url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| Patterns::new(&settings(&[], vec![pattern]), true).allow(&url))
}

#[test]
fn hosts() {
    let cases = [
        // Row, pattern, url, allowed.
        (1, "cdn.acme.io", "https://cdn.acme.io/a.png", true),
        (2, "cdn.acme.io", "https://CDN.ACME.IO/a.png", true),
        (3, "CDN.acme.io", "https://cdn.acme.io/a.png", true),
        (4, "cdn.acme.io", "https://cdn.acme.io./a.png", false),
        (5, "cdn.acme.io", "https://cdn.acme.io.evil.net/a.png", false),
        (6, "cdn.acme.io", "https://evilcdn.acme.io/", false),
        (7, "cdn.acme.io", "https://cdnxacme.io/", false),
        (8, "cdn.acme.io", "https://user:pw@cdn.acme.io/a.png", false),
        (9, "cdn.acme.io", "https://cdn.acme.io@evil.net/a.png", false),
        (17, "*.acme.io", "https://img.acme.io/", true),
        (18, "*.acme.io", "https://acme.io/", false),
        (19, "*.acme.io", "https://a.b.acme.io/", false),
        (20, "*.acme.io", "https://.acme.io/", false),
        (21, "**.acme.io", "https://img.acme.io/", true),
        (21, "**.acme.io", "https://a.b.c.acme.io/", true),
        (22, "**.acme.io", "https://acme.io/", false),
        (22, "**.acme.io", "https://evilacme.io/", false),
        (22, "**.acme.io", "https://x.acme.io.evil.net/", false),
        (23, "img-*.acme.io", "https://img-eu.acme.io/", true),
        (23, "img-*.acme.io", "https://img-.acme.io/", true),
        (24, "img-*.acme.io", "https://img-eu.west.acme.io/", false),
        (25, "cdn.*.acme.io", "https://cdn.eu.acme.io/", true),
        (26, "cdn.*.acme.io", "https://cdn.eu.west.acme.io/", false),
        (28, "cdn.**.acme.io", "https://cdn.acme.io/", false),
        (29, "**", "https://anything.example/", false),
        (29, "**.**", "https://anything.example/", false),
        (30, "*", "https://a.b/", false),
        (31, "{cdn,img}.acme.io", "https://cdn.acme.io/", false),
        (31, "img?.acme.io", "https://img1.acme.io/", false),
        (31, "img[0-9].acme.io", "https://img1.acme.io/", false),
        (31, "+(cdn|img).acme.io", "https://cdn.acme.io/", false),
        (31, "!evil.acme.io", "https://cdn.acme.io/", false),
        (32, "xn--bcher-kva.example", "https://bücher.example/", true),
        (34, "127.0.0.1", "http://0x7f.1/", true),
        (35, "[::1]", "http://[::1]/", true),
    ];
    for (row, host, url, expected) in cases {
        assert_eq!(allows(pattern(host), url), expected, "row {row}: {host} {url}");
    }
}

#[test]
fn ports_and_protocols() {
    let with = |protocol: Option<&str>, port| RemotePattern {
        protocol: protocol.map(Into::into),
        port,
        ..pattern("cdn.acme.io")
    };
    let cases = [
        // Row 10 as settled here: without a port the protocol's own counts.
        (10, with(None, None), "https://cdn.acme.io:8443/", false),
        (12, with(None, None), "https://cdn.acme.io:443/", true),
        (12, with(None, None), "http://cdn.acme.io:80/", true),
        (12, with(None, None), "http://cdn.acme.io:443/", false),
        (13, with(None, Some(443)), "https://cdn.acme.io/", true),
        (14, with(None, Some(8443)), "https://cdn.acme.io:8443/", true),
        (14, with(None, Some(8443)), "https://cdn.acme.io/", false),
        (15, with(Some("https"), None), "http://cdn.acme.io/", false),
        (16, with(Some("https:"), None), "https://cdn.acme.io/", true),
    ];
    for (row, pattern, url, expected) in cases {
        assert_eq!(allows(pattern, url), expected, "row {row}: {url}");
    }
}

#[test]
fn plain_http_needs_the_operators_word() {
    // Row 71: even a pattern that names http.
    let http = RemotePattern { protocol: Some("http".into()), ..pattern("cdn.acme.io") };
    let patterns = |allow_http| Patterns::new(&settings(&["acme.io"], vec![http.clone()]), allow_http);
    for url in ["http://cdn.acme.io/a", "http://acme.io/a"] {
        let url = Url::parse(url).expect("url");
        assert!(patterns(true).allow(&url) && !patterns(false).allow(&url), "{url}");
    }
}

#[test]
fn domains() {
    // Rows 38 to 41.
    let allows = |domains: &[&str], url: &str| {
        Patterns::new(&settings(domains, Vec::new()), false).allow(&Url::parse(url).expect(url))
    };
    assert!(allows(&["acme.io"], "https://acme.io:81/x"));
    assert!(!allows(&["acme.io"], "http://acme.io/x"));
    assert!(!allows(&["acme.io"], "https://www.acme.io/"));
    for domain in ["*.acme.io", "acme.io:81", "https://acme.io"] {
        assert!(!allows(&[domain], "https://acme.io:81/") && !allows(&[domain], "https://x.acme.io/"), "{domain}");
    }
    assert!(!allows(&[], "https://acme.io/"));
}

#[test]
fn paths() {
    let cases: &[(u32, &str, &str, bool)] = &[
        (42, "/acct/**", "/acct", true),
        (42, "/acct/**", "/acct/", true),
        (42, "/acct/**", "/acct/a/b.png", true),
        (42, "/acct/**", "/acct/.hid/.b.png", true),
        (42, "/acct/**", "/acctx/a", false),
        (42, "/acct/**", "/ACCT/a", false),
        (43, "/acct/*", "/acct/a.png", true),
        (43, "/acct/*", "/acct/", false),
        (43, "/acct/*", "/acct", false),
        (43, "/acct/*", "/acct/a/b.png", false),
        (44, "/*/a.png", "/x/a.png", true),
        (44, "/*/a.png", "/x/y/a.png", false),
        (45, "/a/**/z.png", "/a/z.png", true),
        (45, "/a/**/z.png", "/a/b/c/z.png", true),
        (45, "/a/**/z.png", "/a/b/c/z.png/y", false),
        (46, "/a**", "/abc", true),
        (46, "/a**", "/a/b", false),
        (47, "/**", "/", true),
        (47, "/**", "/x/y", true),
        (48, "/", "/", true),
        (48, "/", "/x", false),
        (49, "", "/x", true),
        (50, "/img/*.png", "/img/a.png", true),
        (50, "/img/*.png", "/img/.png", true),
        (50, "/img/*.png", "/img/a.PNG", false),
        (51, "/acct/**", "/acct/../etc/x", false),
        (51, "/acct/**", "/acct/%2e%2e/etc/x", false),
        (51, "/acct/**", "/acct\\..\\x", false),
        (52, "/acct/**", "/acct/..%2fetc", false),
        (52, "/acct/**", "/acct/x%2f..%5cetc", false),
        (52, "/acct/**", "/acct/o%2fimage.png", true),
        (53, "/acct/**", "/acct//x", true),
        (70, "/ok/**", "/ok/../no/a.png", false),
        (54, "/a%20b/**", "/a b/x.png", true),
        (54, "/a b/**", "/a b/x.png", true),
        (55, "/%C3%A9/**", "/é/x.png", true),
        (55, "/é/**", "/é/x.png", true),
        (55, "/%c3%a9/**", "/%C3%A9/x.png", true),
    ];
    for (row, pathname, path, expected) in cases {
        let pattern = RemotePattern { pathname: Some((*pathname).into()), ..pattern("h.io") };
        assert_eq!(allows(pattern, &format!("https://h.io{path}")), *expected, "row {row}: {pathname} {path}");
    }
    assert!(allows(pattern("h.io"), "https://h.io/x/y"), "row 47: absent");
    // Rows 56 and 57: the manifest knows no `search`, so a query is free, and a fragment is never sent.
    for url in ["https://h.io/a?", "https://h.io/a?x=1", "https://h.io/a#f"] {
        assert!(allows(pattern("h.io"), url), "{url}");
    }
}

#[test]
fn many_wildcards_take_no_long_time() {
    let pathname = "/*a".repeat(200) + "/**/**/**/b";
    let path = "/aaaaaaaaaa".repeat(270);
    let started = std::time::Instant::now();
    let pattern = RemotePattern { pathname: Some(pathname), ..pattern("h.io") };
    assert!(!allows(pattern, &format!("https://h.io{path}")));
    assert!(started.elapsed() < Duration::from_secs(20));
}
