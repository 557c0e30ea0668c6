//! What becomes of one page: made, kept, renewed, stale, purged.

use std::time::Duration;

use super::{KEEP, bundle, launch, seen, status};
use crate::support::{client::Request, server::Launch, wait};

#[test]
fn a_page_is_made_once_and_answered_from_the_cache_by_every_way() {
    let server = launch().start();
    for (path, more) in [("/whole", ""), ("/chunked", "&chunks")] {
        let target = format!("{path}?{KEEP}&h=etag:%22one%22&h=x-note:hello{more}");
        let first = server.get(&target).expect(200);
        assert_eq!((status(&first), first.text().starts_with("1 for")), ("MISS", true), "{path}");
        // The long way at first, then what the thread has at hand; and HTTP/1.0, which never is.
        let mut again: Vec<_> = (0..4).map(|_| server.get(&target)).collect();
        again.push(server.raw(format!("GET {target} HTTP/1.0\r\nHost: {}\r\n\r\n", server.address())));
        for again in again {
            let again = again.expect(200);
            assert_eq!((status(&again), again.text()), ("HIT", first.text()), "{path}");
            assert_eq!((again.field("x-note"), again.field("date")), (Some("hello"), first.field("date")));
            assert!(again.field("age").is_some() && again.field("content-length").is_some());
        }
        let head = server.send(&Request::new("HEAD", &target)).expect(200);
        assert_eq!(
            (status(&head), head.field("content-length")),
            ("HIT", Some(first.text().len().to_string().as_str()))
        );
        let held = server.send(&Request::get(&target).field("If-None-Match", "\"one\"")).expect(304);
        assert_eq!((status(&held), held.field("etag"), held.field("x-note")), ("HIT", Some("\"one\""), None));
        let part = server.send(&Request::get(&target).field("Range", "bytes=2-4")).expect(206);
        assert_eq!((part.text().as_str(), part.field("content-range").is_some()), ("for", true));
        server.send(&Request::get(&target).field("Range", "bytes=99-")).expect(416);
        assert_eq!(seen(&server, path).0, 1, "{path}");
    }
    assert!(server.metric("edgeplane_lane_requests_total{lane=\"plain\"}") > 0.0, "some had it at hand");
    assert_eq!(server.metric("edgeplane_edge_cache_requests_total{result=\"miss\"}"), 2.0);
    assert!(server.metric("edgeplane_edge_cache_requests_total{result=\"hit\"}") >= 18.0);
}

#[test]
fn without_the_setting_nothing_is_kept_or_said() {
    let server = Launch::new(&bundle()).start();
    for number in 1..=3 {
        let reply = server.get(&format!("/page?{KEEP}")).expect(200);
        assert_eq!(
            (status(&reply), reply.text()),
            ("-", format!("{number} for 127.0.0.1:{}", server.address().port()))
        );
    }
}

#[test]
fn what_is_not_to_be_kept_reaches_node_each_time() {
    let server = launch().start();
    for (path, query) in [
        ("/silent", "x"),
        ("/last-modified", "h=last-modified:Thu,%2001%20Jan%202015%2000:00:00%20GMT"),
        ("/private", "h=cache-control:private,%20max-age=60"),
        ("/no-store", "h=cache-control:s-maxage=60,%20no-store"),
        ("/no-cache", "h=cache-control:s-maxage=60,%20no-cache"),
        ("/cookie", "h=cache-control:s-maxage=60&h=set-cookie:a=b"),
        ("/vary", "h=cache-control:s-maxage=60&h=vary:*"),
        ("/error", "h=cache-control:s-maxage=60&status=500"),
        ("/forbidden", "h=cache-control:s-maxage=60&status=403"),
        ("/broken", "h=cache-control:s-maxage=60&breaks"),
    ] {
        for number in 1..=3 {
            let reply = server.get(&format!("{path}?{query}"));
            assert!(reply.text().starts_with(&format!("{number} for")), "{path}: {}", reply.summary());
            assert_ne!(status(&reply), "HIT", "{path}");
        }
    }
}

#[test]
fn requests_of_other_kinds_pass_by() {
    let server = launch().start();
    let target = format!("/page?{KEEP}");
    server.get(&target).expect(200);
    for request in [
        Request::post(&target, "x"),
        Request::get(&target).field("Cookie", "a=b"),
        Request::get(&target).field("If-Match", "\"x\""),
        Request::with_body("GET", &target, "x"),
        Request::with_body("GET", &target, "x").chunked(),
    ] {
        let reply = server.send(&request).expect(200);
        assert_eq!(status(&reply), "BYPASS");
    }
    assert_eq!(seen(&server, "/page").0, 6);
}

#[test]
fn a_stale_page_is_answered_while_it_is_made_anew() {
    let server = launch().start();
    let target = "/page?h=cache-control:s-maxage=1,%20stale-while-revalidate=60";
    assert_eq!(status(&server.get(target).expect(200)), "MISS");
    let stale = wait::within(wait::PATIENCE, "the end of its lifetime", || {
        let reply = server.get(target).expect(200);
        (status(&reply) != "HIT").then_some(reply)
    });
    assert_eq!((status(&stale), stale.text().starts_with("1 for")), ("STALE", true), "{}", stale.summary());
    wait::until("the page of the second making", || server.get(target).expect(200).text().starts_with("2 for"));
}

#[test]
fn a_page_outlives_an_application_that_fails_where_it_says_so() {
    for how in ["503", "hang-up"] {
        let server = launch().start();
        let target = format!("/page?may-fail={how}&h=cache-control:s-maxage=1,%20stale-if-error=60");
        let strict =
            format!("/strict?may-fail={how}&h=cache-control:s-maxage=1,%20stale-if-error=60,%20must-revalidate");
        server.get(&target).expect(200);
        server.get(&strict).expect(200);
        server.get("/failing?is=yes").expect(200);
        wait::until("the end of its lifetime", || status(&server.get(&target).expect(200)) == "STALE");
        wait::until("the end of the other one's", || server.get(&strict).status >= 500);
        server.get("/failing?is=no").expect(200);
        assert_eq!(status(&server.get(&target).expect(200)), "MISS", "{how}");
    }
}

#[test]
fn a_page_past_its_lifetime_is_asked_about_and_renewed() {
    let server = launch().start();
    let target = "/page?h=cache-control:s-maxage=1&h=etag:%22one%22";
    let first = server.get(target).expect(200);
    wait::until("a question", || {
        let reply = server.get(target).expect(200);
        assert_eq!((status(&reply), reply.text()), ("HIT", first.text()));
        seen(&server, "/page").0 == 2
    });
    assert_eq!(seen(&server, "/page").1["if-none-match"], "\"one\"");
}

#[test]
fn an_unsafe_request_makes_the_page_invalid() {
    let server = launch().start();
    let target = format!("/page?{KEEP}");
    let html = Request::get(&target).field("Accept", "text/html");
    for request in [&html, &Request::get(&target)] {
        server.send(request).expect(200);
        assert_eq!(status(&server.send(request)), "HIT");
    }
    server.send(&Request::post("/page?status=500", "x")).expect(500);
    assert_eq!(status(&server.send(&html)), "HIT", "it did nothing, and to another URI");
    server.send(&Request::post(&target, "x")).expect(200);
    for request in [&html, &Request::get(&target)] {
        assert_eq!(status(&server.send(request)), "MISS");
    }
    server.send(&Request::post(&format!("/form?h=location:{target}"), "x")).expect(200);
    assert_eq!(status(&server.send(&html)), "MISS", "the answer named it");
    // A body in chunks takes another way to Compute.
    server.send(&Request::post(&format!("/form?h=location:{target}"), "x").chunked()).expect(200);
    assert_eq!(status(&server.send(&html)), "MISS", "the answer named it");
}

#[test]
fn what_is_under_way_has_a_bound() {
    let server = launch().setting("edge-cache.fetching-bytes", "64KiB").start();
    // Each byte counts for the page and for a client that has not taken it.
    for (bytes, again) in [(32_768, "HIT"), (32_769, "MISS")] {
        let target = format!("/page?bytes={bytes}&{KEEP}");
        for expected in ["MISS", again] {
            let reply = server.get(&target).expect(200);
            assert_eq!(reply.body.len(), bytes);
            assert!(bytes == 32_769 || status(&reply) == expected, "{}", reply.summary());
            assert!(bytes == 32_768 || status(&reply) != "HIT", "{}", reply.summary());
        }
    }
    assert_eq!(status(&server.get(&format!("/small?bytes=32768&{KEEP}"))), "MISS");
    assert_eq!(status(&server.get(&format!("/small?bytes=32768&{KEEP}"))), "HIT", "what was claimed is given back");
}

#[test]
fn a_404_that_is_the_files_to_answer_is_not_kept() {
    let server = launch().start();
    for _ in 0..2 {
        let reply = server.get(&format!("/half/there?{KEEP}&status=404")).expect(200).saying("the file");
        assert_eq!(status(&reply), "-");
        server.get(&format!("/half/nowhere?{KEEP}&status=404")).expect(404);
    }
    assert_eq!(seen(&server, "/half/there").0, 2);
    let other = format!("/gone?{KEEP}&status=404");
    server.get(&other).expect(404);
    assert_eq!(status(&server.get(&other).expect(404)), "HIT", "where nobody else answers, it is the page");
}

#[test]
fn a_page_that_is_too_long_is_passed_on_whole() {
    let server = launch().setting("edge-cache.entry-bytes", "64KiB").start();
    for more in ["", "&chunks"] {
        for bytes in [65_536, 65_537, 3_000_000] {
            let target = format!("/long?bytes={bytes}&{KEEP}{more}");
            let replies = [server.get(&target), server.get(&target)].map(|reply| reply.expect(200));
            assert!(replies.iter().all(|reply| reply.body.len() == bytes), "{target}");
            let kept = status(&replies[1]) == "HIT";
            assert_eq!(kept, bytes == 65_536, "{target}: {}", status(&replies[1]));
        }
    }
}

#[test]
fn operators_purge_by_beginning_by_tag_and_all() {
    let server = launch().start();
    let state = server.state().to_str().unwrap().to_owned();
    let purge = |arguments: &[&str]| {
        Launch::bare("purge").args(arguments).args(&["--state-dir", &state]).finish().expect(0).stdout
    };
    let pages = ["/blog/1", "/blog/2", "/shop"].map(|path| format!("{path}?{KEEP}&h=cache-tag:all,%20of{path}"));
    let fill = || pages.iter().for_each(|page| drop(server.get(page).expect(200)));
    let kept = || pages.each_ref().map(|page| status(&server.get(page)) == "HIT");
    fill();
    assert_eq!(kept(), [true; 3]);
    assert_eq!(purge(&["/blog/1"]), "{\"purged\":1}\n");
    assert_eq!(kept(), [false, true, true]);
    assert_eq!(purge(&["--tag", "of/shop"]), "{\"purged\":1}\n");
    assert_eq!(kept(), [true, true, false]);
    assert_eq!(purge(&[&format!("http://{}/blog/", server.address())]), "{\"purged\":2}\n");
    fill();
    assert_eq!(purge(&["*"]), "{\"purged\":3}\n");
    assert_eq!(kept(), [false; 3]);
}

#[test]
fn a_client_may_ask_past_the_cache_only_where_that_is_set() {
    for obeyed in [false, true] {
        let server = launch().setting("edge-cache.obey-clients", obeyed.to_string()).start();
        let target = format!("/page?{KEEP}");
        server.get(&target).expect(200);
        let says = |value: &str| server.send(&Request::get(&target).field("Cache-Control", value));
        assert_eq!(status(&says("no-cache")), if obeyed { "MISS" } else { "HIT" });
        assert_eq!(status(&says("no-store")), if obeyed { "BYPASS" } else { "HIT" });
        assert_eq!(status(&says("only-if-cached")), "HIT");
        let missing = Request::get("/missing").field("Cache-Control", "only-if-cached");
        assert_eq!(server.send(&missing).status, if obeyed { 504 } else { 200 });
    }
}

#[test]
fn explain_tells_the_key_and_why_a_request_goes_past() {
    let bundle = bundle();
    let explain = |words: &[&str]| {
        let launch = Launch::bare("explain").args(words).arg("--bundle").arg(&bundle);
        launch.setting("edge-cache.enabled", "true").finish().expect(0).stdout
    };
    let told = explain(&["GET", "https://Shop.example/a?b", "-H", "Accept: text/html"]);
    assert!(told.contains("url https://shop.example/a?b, accept text/html; and what"), "{told}");
    for (words, why) in [
        (&["POST", "/a"][..], "BYPASS: only GET and HEAD"),
        (&["GET", "/a", "-H", "Cookie: a=b"], "BYPASS: the request carries a Cookie"),
        (&["GET", "/a", "-H", "Range: bytes=0-1"], "BYPASS where nothing is kept: the request asks for a part"),
    ] {
        let told = explain(words);
        assert!(told.contains(why), "{told}");
    }
    let off = Launch::bare("explain").args(&["GET", "/a", "--bundle"]).arg(&bundle).finish().expect(0).stdout;
    assert!(!off.contains("edge cache"), "{off}");
}

#[test]
fn a_lifetime_ends() {
    let server = launch().start();
    let target = "/page?h=cache-control:s-maxage=1";
    server.get(target).expect(200);
    assert_eq!(status(&server.get(target)), "HIT");
    wait::pause(Duration::from_millis(1100));
    let reply = server.get(target).expect(200);
    assert_eq!((status(&reply), reply.text().starts_with("2 for")), ("MISS", true));
}

#[test]
fn a_page_that_is_gone_is_forgotten_where_a_fallback_answers() {
    let server = launch().start();
    let target = "/half/there?h=cache-control:s-maxage=1,%20stale-while-revalidate=600&once";
    assert_eq!(status(&server.get(target).expect(200)), "MISS");
    wait::until("the file", || server.get(target).expect(200).text() == "the file");
    assert_eq!(server.get(target).expect(200).text(), "the file");
}

#[test]
fn the_operators_word_keeps_a_page_out() {
    let bundle = bundle();
    let headers = "customHeaders:\n- pattern: '/account/**'\n  headers: [{key: Cache-Control, value: 'private, no-store'}]\n\
                   - pattern: '**'\n  headers: [{key: X-Frame-Options, value: DENY}]\n";
    std::fs::write(bundle.join("customHttp.yml"), headers).unwrap();
    let server = Launch::new(&bundle).setting("edge-cache.enabled", "true").start();
    for _ in 0..2 {
        let reply = server.get(&format!("/account/me?{KEEP}")).expect(200).with("cache-control", "private, no-store");
        assert_ne!(status(&reply), "HIT");
        assert_ne!(status(&reply), "MISS");
    }
    // Every other page is kept, and has the custom header from wherever it comes.
    let seen: Vec<String> = (0..3)
        .map(|_| {
            let reply = server.get(&format!("/page?{KEEP}")).expect(200).with("x-frame-options", "DENY");
            status(&reply).to_owned()
        })
        .collect();
    assert_eq!(seen, ["MISS", "HIT", "HIT"]);
}
