//! What astro-aws-amplify emits: a standalone server with its packages beside it, and an environment file.

use std::time::Duration;

use crate::support::{bundle, client::Request, shared};

#[test]
fn pages_are_rendered_and_dynamic_routes_see_the_environment_file_of_the_bundle() {
    let server = shared::astro();
    server.get("/").expect(200).holding("content-type", "text/html").saying("ASTRO HOME");
    server.get("/about").expect(200).saying("ASTRO ABOUT");
    server.get("/blog/hello").expect(200).saying("ASTRO BLOG hello").saying("env=hello env");
}

#[test]
fn the_environment_file_and_the_server_are_never_served() {
    for path in ["/.env", "/entry.mjs", "/compute/default/.env", "/../compute/default/.env", "/customRules.json"] {
        shared::astro().get(path).hiding("hello env").hiding("import").expect_one_of(&[400, 404]);
    }
}

#[test]
fn missing_pages_are_the_apps_own() {
    shared::astro().get("/nope").expect(404).saying("ASTRO 404");
    shared::astro().get("/blog/missing").expect(404);
    shared::astro().get("/nope.html").expect(404).saying("ASTRO 404");
    shared::astro().get("/crash").expect(500);
}

#[test]
fn files_are_static_and_hashed_pictures_are_there() {
    let server = shared::astro();
    server.get("/robots.txt").expect(200);
    server.get("/assets/somefile").expect(200).saying("noext");
    server.get("/assets/none").expect(404).hiding("ASTRO 404");
    let hashed = std::fs::read_dir(bundle::built("astro7").join("static/_astro")).unwrap().next().unwrap().unwrap();
    let name = hashed.file_name().into_string().unwrap();
    let reply = server.get(&format!("/_astro/{name}")).expect(200).holding("content-type", "image/");
    assert!(reply.body == std::fs::read(hashed.path()).unwrap());
}

#[test]
fn the_rules_that_the_adapter_writes_are_followed() {
    let server = shared::astro();
    for (old, new) in [("/old-about?a=b", "/about?a=b"), ("/posts/hello", "/blog/hello")] {
        assert_eq!(server.get(old).expect(301).field("location"), Some(new), "{old}");
    }
    // Prerendered, so that it is a file; without the rule, the server is asked and knows no such page.
    assert!(server.get("/prerendered").expect(200).saying("ASTRO PRERENDERED").field("etag").is_some());
}

#[test]
fn a_stream_arrives_piece_by_piece() {
    let reply = shared::astro().get("/api/stream").expect(200).saying("chunk 4");
    assert!(reply.arrivals.len() >= 3, "{:?}", reply.arrivals);
    assert!(reply.arrivals[0] < Duration::from_millis(700), "{:?}", reply.arrivals);
}

#[test]
fn cookies_bodies_and_redirects_pass() {
    let server = shared::astro();
    let cookies = server.get("/api/cookies").expect(200);
    assert_eq!(cookies.values("set-cookie").len(), 2, "{}", cookies.summary());
    assert!(cookies.values("set-cookie")[0].starts_with("a=1"), "{}", cookies.summary());
    let body = "field=value".repeat(1000);
    for request in [Request::post("/api/echo", body.clone()), Request::post("/api/echo", body.clone()).chunked()] {
        let echo = server.send(&request.field("Content-Type", "text/plain")).expect(200).json();
        assert_eq!(echo["body"], body.as_str());
    }
    let redirect = server.get("/old-about");
    assert!((300..400).contains(&redirect.status), "{}", redirect.summary());
    redirect.holding("location", "/about");
}
