//! Pages of the edge cache: kept as they came, given in each coding, compressed once.

use super::{CODINGS, as_it_is, decoded, launch, metric};
use crate::support::{
    client::Request,
    reply::Reply,
    server::{Launch, Server},
};

const PAGE: &str = "/page?bytes=60000&h=cache-control:s-maxage=60&h=etag:%22v1%22";

fn caching() -> Launch {
    launch().setting("edge-cache.enabled", "true")
}

fn ask(server: &Server, request: &Request, status: u16, cached: &str) -> Reply {
    server.send(request).expect(status).with("x-edgeplane-cache", cached)
}

fn get(coding: &str) -> Request {
    Request::get(PAGE).field("Accept-Encoding", coding)
}

#[test]
fn a_page_is_kept_as_it_came_and_given_in_each_coding() {
    let server = caching().start();
    // The fetch is compressed as it passes; what is kept is not.
    let first = ask(&server, &get("gzip"), 200, "MISS").with("content-encoding", "gzip").with("etag", "W/\"v1\"");
    let plain = ask(&server, &Request::get(PAGE), 200, "HIT").without("content-encoding").with("etag", "\"v1\"");
    assert_eq!(plain.field("vary"), Some("Accept-Encoding"));
    assert!(decoded("gzip", &first.body).unwrap() == plain.body && plain.body.len() == 60_000);
    for coding in CODINGS {
        // The first comes the long way, the others from what the thread has at hand.
        let answers: Vec<_> = (0..4).map(|_| ask(&server, &get(coding), 200, "HIT")).collect();
        for reply in &answers {
            assert_eq!(reply.field("content-encoding"), Some(coding), "{}", reply.summary());
            assert_eq!(reply.field("content-length"), Some(reply.body.len().to_string().as_str()));
            assert_eq!((reply.field("vary"), reply.field("etag")), (Some("Accept-Encoding"), Some("W/\"v1\"")));
            assert!(reply.body == answers[0].body, "{coding}: compressed anew");
        }
        assert!(decoded(coding, &answers[0].body).unwrap() == plain.body, "{coding}: other bytes");
        let head = Request::new("HEAD", PAGE).field("Accept-Encoding", coding);
        let head = ask(&server, &head, 200, "HIT").with("content-encoding", coding);
        assert_eq!(head.field("content-length"), answers[0].field("content-length"));
    }
    // The fetch, and each coding once.
    let counted = |coding: &str| metric(&server, &format!("edgeplane_compressed_answers_total{{coding=\"{coding}\"}}"));
    assert_eq!([counted("br"), counted("zstd"), counted("gzip")], [1, 1, 2]);
}

#[test]
fn who_has_it_in_any_coding_is_told_so() {
    let server = caching().start();
    ask(&server, &get("br"), 200, "MISS");
    for held in ["W/\"v1\"", "\"v1\""] {
        for _ in 0..3 {
            let reply = ask(&server, &get("br").field("If-None-Match", held), 304, "HIT");
            assert_eq!((reply.field("etag"), reply.field("vary")), (Some("W/\"v1\""), Some("Accept-Encoding")));
            assert!(reply.field("content-encoding").is_none(), "{}", reply.summary());
        }
    }
    let plain = Request::get(PAGE).field("If-None-Match", "\"v1\"");
    ask(&server, &plain, 304, "HIT").with("etag", "\"v1\"");
}

#[test]
fn nothing_is_compressed_for_who_has_it_already() {
    let server = caching().start();
    ask(&server, &Request::get(PAGE), 200, "MISS");
    let counted = || metric(&server, "edgeplane_compressed_answers_total{coding=\"br\"}");
    for _ in 0..3 {
        ask(&server, &get("br").field("If-None-Match", "W/\"v1\""), 304, "HIT").with("etag", "W/\"v1\"");
    }
    assert_eq!(counted(), 0);
    for _ in 0..3 {
        ask(&server, &get("br"), 200, "HIT").with("content-encoding", "br");
        ask(&server, &get("br").field("If-None-Match", "W/\"v1\""), 304, "HIT").with("etag", "W/\"v1\"");
    }
    assert_eq!(counted(), 1);
}

#[test]
fn who_wants_it_untransformed_gets_it_so_and_nobody_else() {
    let server = caching().setting("edge-cache.obey-clients", "false").start();
    let untransformed = get("br").field("Cache-Control", "no-transform");
    ask(&server, &untransformed, 200, "MISS").without("content-encoding");
    for _ in 0..4 {
        ask(&server, &untransformed, 200, "HIT").without("content-encoding");
        ask(&server, &get("br"), 200, "HIT").with("content-encoding", "br");
    }
}

#[test]
fn a_part_is_one_of_the_page_as_it_came() {
    let server = caching().start();
    let plain = as_it_is(&server, PAGE);
    let reply = ask(&server, &get("gzip").field("Range", "bytes=10-19"), 206, "HIT").without("content-encoding");
    assert_eq!(reply.body, plain[10..20]);
    let reply = ask(&server, &get("gzip").field("Range", "bytes=10-19").field("If-Range", "\"v1\""), 206, "HIT");
    assert_eq!(reply.body, plain[10..20]);
    // What a client has compressed is nothing to go on with.
    let reply = ask(&server, &get("gzip").field("Range", "bytes=10-19").field("If-Range", "W/\"v1\""), 200, "HIT");
    assert_eq!(reply.body, plain);
}

#[test]
fn a_page_that_is_asked_for_by_many_at_once_is_compressed_for_the_one_who_brings_it() {
    let server = caching().start();
    let replies: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..12)
            .map(|n| {
                scope.spawn({
                    let server = &server;
                    move || server.send(&get(CODINGS[n % 3])).expect(200)
                })
            })
            .collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let plain = as_it_is(&server, PAGE);
    for (n, reply) in replies.iter().enumerate() {
        let coding = CODINGS[n % 3];
        assert_eq!(reply.field("content-encoding"), Some(coding), "{}", reply.summary());
        assert!(decoded(coding, &reply.body).unwrap() == plain, "{coding}");
    }
    assert_eq!(replies.iter().filter(|reply| reply.field("x-edgeplane-cache") == Some("MISS")).count(), 1);
}

#[test]
fn a_page_that_broke_off_is_cut_off_and_not_kept() {
    let server = caching().start();
    for coding in CODINGS {
        let path = format!("/page?framing=cut-chunked&bytes=90000&h=cache-control:s-maxage=60&x={coding}");
        let reply = server.send(&Request::get(&path).field("Accept-Encoding", coding));
        assert!(!reply.complete && decoded(coding, &reply.body).is_err(), "{coding}: {}", reply.summary());
    }
}
