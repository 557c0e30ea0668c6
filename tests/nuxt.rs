//! What `nuxt build` and `nuxt generate` emit, served whole: pages, API, files, streams, a base path.

use std::time::Duration;

use crate::support::{client::Request, picture, shared};

const HTML: &str = "text/html,application/xhtml+xml";

#[test]
fn the_home_page_is_rendered_and_says_who_asked_and_how() {
    let page = shared::nuxt().get("/").expect(200).holding("content-type", "text/html").saying("HOME PAGE");
    assert_eq!(page.field("x-powered-by"), Some("Nuxt"), "what compute says passes");
    let request = Request::get("/blog/hello?x=1&y=a%20b").field("Host", "shop.example").field("Accept", HTML);
    shared::nuxt().send(&request).expect(200).saying("BLOG POST hello<").saying("host=shop.example proto=http:");
}

#[test]
fn paths_reach_compute_with_the_bytes_they_were_sent_with() {
    for (path, says) in [
        ("/blog/a%2Fb", "BLOG POST a/b"),
        ("/blog/caf%C3%A9%20au%20lait", "BLOG POST café au lait"),
        ("/blog/x/y/z", "DEEP BLOG x|y|z"),
    ] {
        shared::nuxt().send(&Request::get(path).field("Accept", HTML)).expect(200).saying(says);
    }
    let echo = shared::nuxt().get("/api/echo?a=%2F&b=+&c=%C3%A9&d").expect(200).json();
    assert_eq!(echo["url"], "/api/echo?a=%2F&b=+&c=%C3%A9&d");
}

#[test]
fn the_apps_own_error_pages_are_shown_and_their_form_follows_accept() {
    let server = shared::nuxt();
    let page = |path| server.send(&Request::get(path).field("Accept", HTML));
    page("/nope").expect(404).holding("content-type", "text/html").saying("CUSTOM ERROR PAGE 404");
    page("/blog/missing").expect(404).saying("CUSTOM ERROR PAGE 404");
    page("/crash").expect(500).saying("CUSTOM ERROR PAGE 500");
    let json = server.send(&Request::get("/nope.png").field("User-Agent", "curl/8.0")).expect(404).json();
    assert_eq!(json["statusCode"], 404);
    let json = server.get("/api/boom").expect(500).json();
    assert_eq!(json["statusCode"], 500);
}

#[test]
fn cookies_stay_apart_and_in_order() {
    let reply = shared::nuxt().send(&Request::get("/api/cookies").field("Cookie", "x=1; y=2")).expect(200);
    assert_eq!(
        reply.values("set-cookie"),
        ["a=1; Path=/; HttpOnly", "b=two%20words; Path=/; Expires=Wed, 02 Jan 2030 03:04:05 GMT; SameSite=Lax"]
    );
    assert_eq!(reply.json()["got"], serde_json::json!({"x": "1", "y": "2"}));
}

#[test]
fn a_stream_arrives_piece_by_piece() {
    for encoding in ["identity", "gzip, br, zstd"] {
        let request = Request::get("/api/stream?n=4&ms=200").field("Accept-Encoding", encoding);
        let reply = shared::nuxt().send(&request).expect(200).saying("chunk 3");
        assert!(reply.arrivals.len() >= 3, "{encoding}: {:?}", reply.arrivals);
        assert!(reply.arrivals[0] < Duration::from_millis(600), "{encoding}: {:?}", reply.arrivals);
        assert!(reply.total >= Duration::from_millis(600), "{encoding}: {:?}", reply.total);
    }
    let events = shared::nuxt().send(&Request::get("/api/sse").field("Accept", "text/event-stream")).expect(200);
    let events = events.holding("content-type", "text/event-stream").saying("data: tick 3");
    assert!(events.arrivals.len() >= 3, "{:?}", events.arrivals);
}

#[test]
fn bodies_arrive_whole_however_they_are_framed() {
    let body = vec![b'u'; 3_000_000];
    let known = shared::nuxt().send(&Request::post("/api/upload", body.clone())).expect(200).json();
    let chunked = shared::nuxt().send(&Request::post("/api/upload", body).chunked()).expect(200).json();
    assert_eq!(known["bytes"], 3_000_000);
    assert_eq!(chunked["bytes"], 3_000_000);
    // SHA-256 of 3,000,000 times "u".
    let hash = "811e5618b44ca8ba28b2c8d4a06d207cb63697ad76f2c14c4ceb712185f311b5";
    assert_eq!((&known["sha256"], &chunked["sha256"]), (&hash.into(), &hash.into()));
    assert_eq!(known["contentLength"], "3000000");
    let echo = shared::nuxt().send(&Request::post("/api/echo", "chunked body").chunked()).expect(200).json();
    assert_eq!((&echo["method"], &echo["body"]), (&"POST".into(), &"chunked body".into()));
}

#[test]
fn head_answers_like_get_without_the_body() {
    for path in ["/", "/robots.txt", "/_nuxt/with%20space.txt", "/echo.json", "/blog/hello"] {
        let reply = shared::nuxt().send(&Request::new("HEAD", path)).expect(200);
        assert!(reply.body.is_empty(), "{path}: {}", reply.summary());
    }
    let length = shared::nuxt().send(&Request::new("HEAD", "/media/clip.bin")).expect(200);
    assert_eq!(length.field("content-length"), Some("1048576"));
}

#[test]
fn redirects_and_statuses_of_the_app_pass_unchanged() {
    let server = shared::nuxt();
    server.get("/old-about").expect(301).with("location", "/about");
    server.get("/about").expect(200).with("x-about", "yes").saying("ABOUT PAGE");
    for status in [200, 201, 202, 204, 400, 418, 429, 503] {
        server.get(&format!("/api/status/{status}")).expect(status);
    }
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS"] {
        let reply = server.send(&Request::new(method, "/api/status/200")).expect(200);
        assert_eq!(reply.json()["method"], method);
    }
}

#[test]
fn routes_are_tried_in_the_manifests_order() {
    let server = shared::nuxt();
    let immutable = "public, max-age=31536000, immutable";
    server.get("/_nuxt/builds/latest.json").expect(200).with("cache-control", "public, max-age=1, immutable");
    server.get("/_nuxt/with%20space.txt").expect(200).with("cache-control", immutable);
    // No fallback stands on /_nuxt/*: a miss is ours and does not render the app's page.
    server
        .send(&Request::get("/_nuxt/none.js").field("Accept", HTML))
        .expect(404)
        .hiding("CUSTOM ERROR")
        .without("x-powered-by");
    server.send(&Request::get("/_nuxt/").field("Accept", HTML)).expect(404).without("x-powered-by");
}

#[test]
fn prerendered_pages_and_files_without_a_dot_come_from_compute_beside_static() {
    shared::nuxt().get("/prerendered").expect(200).saying("PRERENDERED PAGE");
    shared::nuxt().get("/LICENSE").expect(200).saying("no extension");
}

#[test]
fn a_post_never_falls_back_and_a_get_body_never_does_either() {
    let post = shared::nuxt().send(&Request::post("/download/report.csv", "x"));
    assert!(matches!(post.status, 404 | 405), "{}", post.summary());
    post.hiding("POST reached compute");
    shared::nuxt().get("/download/report.csv").expect(200).with("content-type", "text/csv").saying("from compute");
}

#[test]
fn a_broken_answer_is_never_shown_as_a_whole_one() {
    for path in ["/api/truncate", "/api/truncate?chunked=1"] {
        let reply = shared::nuxt().get(path);
        assert_eq!((reply.status, reply.complete), (200, false), "{path}: {}", reply.summary());
        assert_eq!(reply.text(), "partial");
    }
}

#[test]
fn content_that_compute_encoded_is_not_encoded_again() {
    let reply = shared::nuxt().send(&Request::get("/api/gzip").field("Accept-Encoding", "gzip")).expect(200);
    assert_eq!(reply.field("content-encoding"), Some("gzip"));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(reply.body.as_slice()), &mut text).unwrap();
    assert!(text.starts_with("compressed by compute"));
}

#[test]
fn below_a_base_path_files_pages_and_redirects_are_where_the_app_says() {
    let server = shared::nuxt_base();
    server.get("/base-path/").expect(200).saying("HOME PAGE");
    server.get("/base-path/robots.txt").expect(200).saying("static robots");
    server.get("/base-path/api/echo").expect(200).holding("x-echo", "compute");
    let immutable = "public, max-age=31536000, immutable";
    server.get("/base-path/_nuxt/with%20space.txt").expect(200).with("cache-control", immutable);
    let outside = server.get("/robots.txt");
    assert_ne!(outside.status, 200, "{}", outside.summary());
    let outside = server.get("/about");
    assert!(outside.status != 200 || !outside.text().contains("ABOUT PAGE"), "{}", outside.summary());
}

#[test]
fn below_a_base_path_the_image_route_finds_its_sources() {
    let reply = shared::nuxt_base().get("/base-path/_amplify/image?url=%2Fbase-path%2Fphoto.jpg&w=320");
    assert_eq!(picture::of(reply).width, 320);
    // The module writes sources without the base path; the file lies below it.
    let reply = shared::nuxt_base().get("/base-path/_amplify/image?url=%2Fphoto.jpg&w=320");
    assert!(matches!(reply.status, 200 | 404), "{}", reply.summary());
}

#[test]
fn a_generated_site_needs_no_node() {
    let server = shared::nuxt_generated();
    assert_eq!(server.nodes(), [0; 0]);
    server.get("/robots.txt").expect(200);
    server.get("/prerendered/index.html").expect(200).saying("PRERENDERED PAGE");
    server.get("/prerendered/").expect(200).saying("PRERENDERED PAGE");
    server.get("/200.html").expect(200).holding("content-type", "text/html");
    server.get("/_nuxt/builds/latest.json").expect(200).with("cache-control", "public, max-age=1, immutable");
    server.get("/prerendered?a=1").expect(301).with("location", "/prerendered/?a=1");
    server.get("/_nuxt/none.js").expect(404).holding("content-type", "text/html");
    // `nuxt generate` writes no index.html unless it crawls; its page for every path shows the root as well.
    for path in ["/nothing/here", "/"] {
        let page = server.get(path).expect(200).holding("content-type", "text/html");
        assert!(page.body == server.get("/200.html").expect(200).body, "{path}");
    }
}

#[test]
fn every_image_address_that_the_pages_write_is_answered() {
    let server = shared::nuxt();
    let mut found = Vec::new();
    for page in ["/", "/gallery"] {
        let text = server.get(page).expect(200).text().replace("&amp;", "&");
        let addresses = text.split("/_amplify/image?").skip(1);
        found.extend(addresses.map(|rest| rest.split(['"', ' ', ',']).next().unwrap().to_owned()));
    }
    found.sort_unstable();
    found.dedup();
    assert!(found.len() > 20, "{found:?}");
    for query in found {
        let reply = server.send(&Request::get(&format!("/_amplify/image?{query}")).field("Accept", "image/webp,*/*"));
        if query.contains("images.example.com") {
            assert!(matches!(reply.status, 404 | 502 | 504), "allowed, but not there: {query}: {}", reply.summary());
        } else if query.contains("logo.svg") {
            reply.expect(400);
        } else {
            let wanted: u32 = query.split("&w=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
            // A GIF is passed on as it is, 120 pixels wide.
            assert!(picture::of(reply).width <= wanted.max(120), "{query}");
        }
    }
}

#[test]
fn large_heads_pass_as_far_as_node_takes_them() {
    let server = shared::nuxt();
    for bytes in [4096, 16_000, 60_000] {
        let reply = server.get(&format!("/api/bighead?n={bytes}")).expect(200);
        assert_eq!(reply.field("x-big").map(str::len), Some(bytes));
    }
    let ask = |bytes: usize| server.send(&Request::get("/api/echo").field("X-Large", &"v".repeat(bytes))).status;
    assert_eq!([ask(8000), ask(15_000), ask(17_000), ask(40_000)], [200, 200, 431, 431]);
}
