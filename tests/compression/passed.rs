//! Whole answers: what is compressed, in which coding, and what is left alone.

use std::process::Command;

use super::{CODINGS, LANES, as_it_is, bundle, decoded, launch, metric, shown};
use crate::support::{client::Request, server::Launch, wait};

#[test]
fn every_coding_gives_what_node_sent_on_every_lane_and_in_every_framing() {
    let server = launch().start();
    for framing in ["length", "chunked", "close"] {
        for bytes in [1024, 20_000, 400_000] {
            let path = format!("/page?framing={framing}&bytes={bytes}");
            let plain = as_it_is(&server, &path);
            assert_eq!(plain.len(), bytes);
            for coding in CODINGS {
                for lane in LANES {
                    let request = Request::get(&format!("{lane}{path}")).field("Accept-Encoding", coding);
                    let reply = server.send(&request).expect(200).with("content-encoding", coding);
                    let reply = reply.with("vary", "Accept-Encoding").without("content-length");
                    assert!(reply.body.len() < bytes / 3, "{path} {coding} {lane}: {} bytes", reply.body.len());
                    assert!(decoded(coding, &reply.body).unwrap() == plain, "{path} {coding} {lane}: other bytes");
                }
            }
        }
    }
}

#[test]
fn a_connection_serves_on_after_a_compressed_answer() {
    let server = launch().start();
    let plain = as_it_is(&server, "/page");
    for lane in LANES {
        let mut connection = server.connect();
        for coding in CODINGS.into_iter().cycle().take(9) {
            let request = Request::get(&format!("{lane}/page")).field("Accept-Encoding", coding);
            let reply = request.send_on(&mut connection, server.address()).expect(200);
            assert!(decoded(coding, &reply.body).unwrap() == plain, "{coding} {lane}");
        }
    }
}

#[test]
fn what_should_be_left_alone_is() {
    let server = launch().start();
    for (path, field, value, varies) in [
        ("/page?bytes=1023", "Accept-Encoding", "gzip", false),
        ("/page?type=image/png", "Accept-Encoding", "gzip", false),
        ("/page?h=cache-control:no-transform", "Accept-Encoding", "gzip", false),
        ("/page?h=content-encoding:identity", "Accept-Encoding", "gzip", false),
        ("/page?h=content-digest:x", "Accept-Encoding", "gzip", false),
        ("/page?status=206", "Accept-Encoding", "gzip", false),
        ("/page", "Accept-Encoding", "deflate, *;q=0", true),
        ("/page", "X-Nothing", "", true),
    ] {
        for lane in LANES {
            let reply = server.send(&Request::get(&format!("{lane}{path}")).field(field, value));
            assert!(reply.complete && reply.text().starts_with("<!doctype"), "{path}: {}", reply.summary());
            assert_eq!(!reply.values("vary").is_empty(), varies, "{path} {lane}: {}", reply.summary());
            assert!(reply.field("content-encoding").is_none_or(|coding| coding == "identity"), "{path}");
            assert!(!reply.values("content-length").is_empty(), "{path}: {}", reply.summary());
        }
    }
    let mut old = server.connect();
    old.send("GET /page HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
    old.receive("GET").expect(200).without("content-encoding").holding("vary", "accept-encoding");
}

#[test]
fn nothing_is_compressed_twice() {
    let server = launch().start();
    for lane in LANES {
        let path = format!("{lane}/page?h=content-encoding:gzip&bytes=5000");
        let reply = server.send(&Request::get(&path).field("Accept-Encoding", "gzip, br"));
        let reply = reply.expect(200).with("content-encoding", "gzip").with("content-length", "5000");
        assert!(reply.text().starts_with("<!doctype"), "the application's bytes, whatever they are");
    }
}

#[test]
fn node_sees_what_the_client_accepts() {
    let server = launch().start();
    for lane in LANES {
        server.send(&Request::get(&format!("{lane}/page")).field("Accept-Encoding", "zstd;q=0.3, br")).expect(200);
        let seen = server.get("/seen").expect(200).json();
        assert_eq!(seen["last"]["accept-encoding"], "zstd;q=0.3, br");
    }
}

#[test]
fn a_head_says_what_a_get_says() {
    let server = launch().start();
    for path in ["/page", "/page?framing=chunked", "/page?bytes=10", "/page?type=image/png", "/page?h=etag:%22a%22"] {
        for lane in LANES {
            for accepted in ["gzip", "br;q=0.5, zstd", "identity"] {
                let ask = |method: &str| {
                    let request = Request::new(method, &format!("{lane}{path}"));
                    shown(&server.send(&request.field("Accept-Encoding", accepted)).expect(200))
                };
                assert_eq!(ask("HEAD"), ask("GET"), "{lane}{path} {accepted}");
            }
        }
    }
}

#[test]
fn a_tag_becomes_weak_and_still_validates() {
    let server = launch().start();
    for lane in LANES {
        let path = format!("{lane}/page?h=etag:%22v1%22&h=accept-ranges:bytes&h=content-length:20000");
        let request = Request::get(&path).field("Accept-Encoding", "gzip");
        let reply = server.send(&request).expect(200).with("etag", "W/\"v1\"").without("accept-ranges");
        assert_eq!(reply.field("content-encoding"), Some("gzip"));
        let held = server.send(&request.clone().field("If-None-Match", "W/\"v1\"")).expect(304);
        // The length that Node says is that of other bytes.
        let held = held.with("etag", "W/\"v1\"").without("content-encoding").without("content-length");
        assert_eq!(held.field("vary"), Some("Accept-Encoding"));
        assert_eq!(server.get("/seen").json()["last"]["if-none-match"], "W/\"v1\"");
        server.send(&request.field("If-None-Match", "W/\"v0\"")).expect(200).with("etag", "W/\"v1\"");
        // Who has it as it is keeps the strong tag.
        server.send(&Request::get(&path)).expect(200).with("etag", "\"v1\"").with("accept-ranges", "bytes");
        server.send(&Request::get(&path).field("If-None-Match", "\"v1\"")).expect(304).with("etag", "\"v1\"");
    }
}

#[test]
fn a_custom_header_turns_it_off_for_a_path() {
    let bundle = bundle();
    let rules =
        "customHeaders:\n  - pattern: /secret/*\n    headers:\n      - {key: Cache-Control, value: no-transform}\n";
    std::fs::write(bundle.join("customHttp.yml"), rules).unwrap();
    let server = Launch::new(&bundle).start();
    for lane in LANES {
        let ask = |path: &str| server.send(&Request::get(&format!("{lane}{path}")).field("Accept-Encoding", "br"));
        ask("/secret/page").expect(200).without("content-encoding").without("vary");
        // Errors repeat what was asked, too, though the field itself is for pages.
        ask("/secret/page?status=422").expect(422).without("content-encoding").without("cache-control");
        ask("/page?status=422").expect(422).with("content-encoding", "br");
        ask("/page").expect(200).with("content-encoding", "br");
    }
}

#[test]
fn settings_turn_it_off_and_choose() {
    let off = launch().setting("compression.enabled", "false").start();
    let only = launch().setting("compression.codings", "gzip").setting("compression.bytes-min", "64KiB").start();
    for lane in LANES {
        let ask = |server: &crate::support::server::Server, path: &str| {
            server.send(&Request::get(&format!("{lane}{path}")).field("Accept-Encoding", "br, zstd, gzip;q=0.1"))
        };
        ask(&off, "/page").expect(200).without("content-encoding").without("vary");
        ask(&only, "/page").expect(200).without("content-encoding");
        ask(&only, "/page?bytes=70000").expect(200).with("content-encoding", "gzip");
    }
}

#[test]
fn what_was_done_is_counted() {
    let server = launch().start();
    let ask = |path: &str| server.send(&Request::get(path).field("Accept-Encoding", "gzip")).expect(200);
    let sizes: Vec<_> = (0..3).map(|_| ask("/page").body.len() as u64).collect();
    ask("/page?type=image/png");
    ask("/page?bytes=5");
    wait::until("the counts", || metric(&server, "edgeplane_compression_streams") == 0);
    assert_eq!(metric(&server, "edgeplane_compressed_answers_total{coding=\"gzip\"}"), 3);
    assert_eq!(metric(&server, "edgeplane_compressed_answers_total{coding=\"br\"}"), 0);
    assert_eq!(metric(&server, "edgeplane_uncompressed_answers_total{reason=\"type\"}"), 1);
    assert_eq!(metric(&server, "edgeplane_uncompressed_answers_total{reason=\"small\"}"), 1);
    let bytes = |direction: &str| {
        metric(&server, &format!("edgeplane_compression_bytes_total{{coding=\"gzip\",direction=\"{direction}\"}}"))
    };
    assert_eq!((bytes("in"), bytes("out")), (60_000, sizes.iter().sum()));
}

/// Programs that have nothing to do with us decode it.
#[test]
fn curl_and_node_decode_it() {
    let server = launch().start();
    let url = format!("http://{}/page?bytes=150000&framing=chunked", server.address());
    let plain = as_it_is(&server, "/page?bytes=150000&framing=chunked");
    let curl = Command::new("curl").args(["-s", "--compressed", &url]).output().unwrap();
    assert!(curl.status.success() && curl.stdout == plain, "curl made {} bytes of it", curl.stdout.len());
    let fetch = "fetch(process.argv[1], {headers: {'accept-encoding': process.argv[2]}}).then(async (answer) => {
        if (answer.headers.get('content-encoding') !== process.argv[2]) process.exit(3)
        process.stdout.write(Buffer.from(await answer.arrayBuffer()))
    })";
    for coding in ["br", "gzip"] {
        let node = Command::new("node").args(["-e", fetch, &url, coding]).output().unwrap();
        assert!(node.status.success() && node.stdout == plain, "{coding}: node made {} bytes of it", node.stdout.len());
    }
}
