//! What amplify-adapter emits for SvelteKit: forms, prerendered pages inside compute, an origin made of fields.

use std::time::Duration;

use crate::support::{client::Request, shared};

#[test]
fn pages_know_the_address_the_client_used() {
    let server = shared::svelte();
    server.get("/").expect(200).saying("SVELTE HOME");
    let request = Request::get("/blog/hello").field("Host", "kit.example");
    server.send(&request).expect(200).saying("href=http://kit.example/blog/hello ip=127.0.0.1");
}

#[test]
fn forms_work_over_plain_http() {
    let server = shared::svelte();
    let origin = format!("http://{}", server.address());
    let form = Request::post("/blog/hello", "name=Ada&note=a%20b")
        .field("Content-Type", "application/x-www-form-urlencoded")
        .field("Origin", &origin);
    server.send(&form).expect(200).saying("Ada").saying("a b");
}

#[test]
fn large_bodies_are_limited_by_us_and_not_by_the_adapter() {
    let body = "s".repeat(600_000);
    let request = Request::post("/api/echo", body.clone()).field("Content-Type", "text/plain");
    let echo = shared::svelte().send(&request).expect(200).json();
    assert_eq!(echo["body"].as_str().map(str::len), Some(body.len()));
}

#[test]
fn prerendered_pages_and_redirects_come_from_the_app() {
    let server = shared::svelte();
    server.get("/pre").expect(200).saying("SVELTE PRERENDERED");
    server.get("/old").expect(308).with("location", "/about");
    let slash = server.get("/about/").expect(308);
    assert!(slash.field("location").is_some_and(|to| to.ends_with("about")), "{}", slash.summary());
}

#[test]
fn errors_are_the_apps_own() {
    let html = |path| shared::svelte().send(&Request::get(path).field("Accept", "text/html"));
    html("/nope").expect(404).saying("SVELTE ERROR 404");
    html("/blog/missing").expect(404).saying("SVELTE ERROR 404");
    html("/blog/crash").expect(500).saying("SVELTE ERROR 500");
    shared::svelte().get("/api/boom").expect(500);
}

#[test]
fn cookies_over_plain_http_are_not_marked_secure() {
    // SvelteKit leaves the mark out where it sees http and localhost, so both must have reached it.
    let reply = shared::svelte().send(&Request::get("/api/cookies").field("Host", "localhost")).expect(200);
    let cookies = reply.values("set-cookie");
    assert_eq!(cookies.len(), 2, "{}", reply.summary());
    assert!(cookies.iter().all(|cookie| !cookie.contains("Secure")), "the app believes it is on https: {cookies:?}");
}

#[test]
fn a_stream_arrives_piece_by_piece() {
    let reply = shared::svelte().get("/api/stream").expect(200).saying("chunk 4");
    assert!(reply.arrivals.len() >= 3, "{:?}", reply.arrivals);
    assert!(reply.arrivals[0] < Duration::from_millis(700), "{:?}", reply.arrivals);
}

#[test]
fn hints_in_link_fields_pass_and_what_they_name_is_static() {
    let page = shared::svelte().get("/").expect(200);
    let link = page.values("link").join(", ");
    let start = link.find("_app/").expect("the page hints at its modules");
    let name: String = link[start..].chars().take_while(|c| *c != '>').collect();
    let file = shared::svelte().get(&format!("/{name}")).expect(200);
    file.with("cache-control", "public, max-age=3600").holding("content-type", "javascript");
}

#[test]
fn precompressed_files_are_sent_as_the_adapter_made_them() {
    let server = shared::svelte_precompressed();
    let link = server.get("/").expect(200).values("link").join(", ");
    let names = link.split("_app/").skip(1).map(|rest| format!("/_app/{}", rest.split('>').next().unwrap()));
    let ask =
        |name: &str, encoding: &str| server.send(&Request::get(name).field("Accept-Encoding", encoding)).expect(200);
    let (name, plain) = names
        .map(|name| (name.clone(), ask(&name, "identity")))
        .max_by_key(|(_, plain)| plain.body.len())
        .expect("the page hints at its modules");
    let packed = ask(&name, "br").with("content-encoding", "br").holding("vary", "accept-encoding");
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut brotli::Decompressor::new(packed.body.as_slice(), 4096), &mut unpacked).unwrap();
    assert!(unpacked == plain.body, "{} and {} bytes", unpacked.len(), plain.body.len());
}
