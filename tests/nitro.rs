//! What Nitro emits by itself, with the preset's defaults and with all of its options.

use crate::support::{client::Request, picture, shared, websocket::WebSocket};

#[test]
fn a_server_that_insists_on_port_3000_runs_several_times_side_by_side() {
    // Both bundles call listen(3000); they run at once, and nothing listens where they asked to.
    shared::nitro().get("/").expect(200).saying("NITRO HOME");
    shared::nitro_variant().get("/").expect(200).saying("NITRO HOME");
}

#[test]
fn requests_reach_the_app_with_their_fields_and_bodies() {
    let request = Request::post("/api/echo?x=1", "a=b").field("X-Custom", "kept").field("Content-Type", "text/plain");
    let echo = shared::nitro().send(&request).expect(200).json();
    assert_eq!(echo["method"], "POST");
    assert_eq!(echo["url"], "/api/echo?x=1");
    assert_eq!(echo["body"], "a=b");
    assert_eq!(echo["headers"]["x-custom"], "kept");
    assert_eq!(echo["headers"]["x-forwarded-proto"], "http");
    assert_eq!(echo["headers"]["x-forwarded-for"], "127.0.0.1");
}

#[test]
fn public_assets_carry_the_age_their_folder_was_given() {
    let server = shared::nitro();
    server.get("/assets/img/coffee.jpg").expect(200).with("cache-control", "public, max-age=3600, immutable");
    server.get("/assets/img/none.jpg").expect(404).hiding("NITRO");
    server.get("/robots.txt").expect(200);
    let large = server.send(&Request::get("/big.txt").field("Accept-Encoding", "identity")).expect(200);
    assert!(large.body.iter().all(|byte| *byte == b'x') && large.body.len() > 10_000, "{}", large.body.len());
}

#[test]
fn files_the_framework_compressed_are_sent_compressed_to_who_reads_it() {
    let server = shared::nitro_variant();
    let plain = server.send(&Request::get("/big.txt").field("Accept-Encoding", "identity")).expect(200);
    let packed = server.send(&Request::get("/big.txt").field("Accept-Encoding", "gzip, br")).expect(200);
    assert!(plain.values("content-encoding").is_empty());
    assert!(packed.body.len() < plain.body.len() / 10, "{} of {}", packed.body.len(), plain.body.len());
    assert!(["br", "gzip"].contains(&packed.field("content-encoding").unwrap_or("")), "{}", packed.summary());
    packed.holding("vary", "accept-encoding");
}

#[test]
fn a_catch_all_with_a_static_fallback_shows_what_compute_does_not_have() {
    // The variant's last route is Compute with Static as its fallback: LICENSE has no dot, so Compute is asked first.
    shared::nitro_variant().get("/LICENSE").expect(200).saying("noext");
    shared::nitro_variant().get("/nothing").expect(404);
    // A miss below /assets/ falls back to Compute, which says 404 in its own words.
    shared::nitro_variant().get("/assets/none.txt").expect(404);
}

#[test]
fn an_image_route_without_image_settings_offers_the_documented_sizes_only() {
    let server = shared::nitro_variant();
    let source = "%2Fassets%2Fimg%2Fcoffee.jpg";
    let reply = server.get(&format!("/_image?url={source}&w=384"));
    assert_eq!(picture::of(reply).width, 384);
    server.get(&format!("/_image?url={source}&w=385")).expect(400);
}

#[test]
fn a_websocket_the_preset_cannot_serve_is_refused_by_the_app_and_not_by_us() {
    let refused = WebSocket::open(shared::nitro().address(), "/ws").expect_err("the preset has no upgrade handler");
    assert_eq!(refused.status, 426, "{}", refused.summary());
}
