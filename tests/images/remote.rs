//! Sources on other servers: who may be asked, what is believed, how often it is fetched and how long it is kept.

use std::{sync::OnceLock, thread, time::Duration};

use serde_json::json;

use super::{coffee, image_bundle};
use crate::support::{
    client::Request,
    origin::{self, Origin},
    picture,
    reply::Reply,
    server::{Launch, Server},
    wait,
};

/// Pictures on another server, and everything that a server of pictures may do wrong.
fn remote() -> &'static Origin {
    static ORIGIN: OnceLock<Origin> = OnceLock::new();
    ORIGIN.get_or_init(|| {
        let coffee = coffee();
        Origin::start(move |target| {
            let path = target.split('?').next().unwrap_or("/");
            match path {
                "/ok/coffee.jpg" => {
                    origin::answer("200 OK", "Content-Type: image/jpeg\r\nCache-Control: max-age=7200\r\n", &coffee)
                }
                "/ok/lying.jpg" => origin::answer("200 OK", "Content-Type: text/html\r\n", &coffee),
                "/ok/page.jpg" => origin::answer("200 OK", "Content-Type: image/jpeg\r\n", b"<html>no picture</html>"),
                "/ok/empty.jpg" => origin::answer("200 OK", "", b""),
                "/ok/error.jpg" => origin::answer("500 Oops", "", b"no"),
                "/ok/large.jpg" => origin::answer("200 OK", "", &vec![0xff; 12 << 20]),
                "/ok/moved.jpg" => origin::answer("302 Found", "Location: /ok/coffee.jpg\r\n", b""),
                "/ok/away.jpg" => origin::answer("302 Found", "Location: /private/coffee.jpg\r\n", b""),
                "/ok/inside.jpg" => {
                    origin::answer("302 Found", "Location: http://169.254.169.254/latest/meta-data\r\n", b"")
                }
                "/ok/circle.jpg" => origin::answer("302 Found", "Location: /ok/circle.jpg\r\n", b""),
                "/ok/slow.jpg" => {
                    wait::pause(Duration::from_millis(700));
                    origin::answer("200 OK", "Content-Type: image/jpeg\r\n", &coffee)
                }
                "/private/coffee.jpg" => origin::answer("200 OK", "", &coffee),
                _ => origin::answer("404 Not Found", "", b"none"),
            }
        })
    })
}

fn far_settings() -> serde_json::Value {
    let port = remote().address().port().to_string();
    json!({"sizes": [96, 320], "domains": [], "formats": ["image/webp", "image/avif"], "minimumCacheTTL": 60,
           "dangerouslyAllowSVG": false,
           "remotePatterns": [{"protocol": "http", "hostname": "127.0.0.1", "port": port, "pathname": "/ok/**"}]})
}

fn far() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        Launch::new(&image_bundle(&far_settings()).file("coffee.jpg", coffee()).write())
            .setting("image.allow-http", "true")
            .setting("image.private-addresses", "127.0.0.0/8")
            .setting("public-host", "shop.example")
            .start()
    })
}

fn from_afar(path: &str, width: u32) -> Reply {
    let url = format!("http%3A%2F%2F{}{}", remote().address(), path.replace('/', "%2F").replace('?', "%3F"));
    far().send(
        &Request::get(&format!("/img?url={url}&w={width}")).field("Accept", "image/webp").field("Cookie", "secret=1"),
    )
}

#[test]
fn remote_sources_are_fetched_once_and_believed_by_their_bytes_only() {
    assert_eq!(picture::of(from_afar("/ok/coffee.jpg", 320)).width, 320);
    assert_eq!(picture::of(from_afar("/ok/lying.jpg", 96)).width, 96);
    from_afar("/ok/page.jpg", 96).expect(400).hiding("no picture");
    from_afar("/ok/empty.jpg", 96).expect(400);
    from_afar("/ok/none.jpg", 96).expect(404);
    from_afar("/ok/error.jpg", 96).expect(502);
    from_afar("/ok/large.jpg", 96).expect(413);
    let seen = remote().seen();
    assert!(!seen.iter().any(|seen| seen.fields.iter().any(|(name, _)| name == "cookie" || name == "authorization")));
    assert!(seen.iter().all(|seen| seen.line.starts_with("GET ")), "{seen:?}");
}

#[test]
fn redirects_are_followed_only_to_where_the_manifest_allows() {
    assert_eq!(picture::of(from_afar("/ok/moved.jpg", 96)).width, 96);
    from_afar("/ok/away.jpg", 96).expect(400);
    from_afar("/ok/inside.jpg", 96).expect(400);
    from_afar("/ok/circle.jpg", 96).expect_one_of(&[400, 502, 508]);
    assert!(!remote().seen().iter().any(|seen| seen.line.contains("/private/")), "fetched before it was checked");
}

#[test]
fn addresses_inside_are_never_fetched() {
    // Its own: others ask theirs at the same time.
    let origin = Origin::start(|_| origin::answer("200 OK", "Content-Type: image/jpeg\r\n", &coffee()));
    let port = origin.address().port();
    let settings = json!({"sizes": [96], "domains": ["localhost", "127.0.0.1", "[::1]", "169.254.169.254"],
                          "remotePatterns": [{"hostname": "127.0.0.1", "port": port.to_string()}],
                          "formats": ["image/webp"], "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    let server = Launch::new(&image_bundle(&settings).write()).setting("image.allow-http", "true").start();
    for host in
        ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"]
    {
        for authority in [format!("{host}:{port}"), host.to_owned()] {
            let url = format!("http://{authority}/ok/coffee.jpg").replace(':', "%3A").replace('/', "%2F");
            let reply = server.get(&format!("/img?url={url}&w=96"));
            assert_eq!(reply.status, 400, "{authority}: {}", reply.summary());
        }
    }
    assert!(origin.seen().is_empty(), "the origin was asked");
    for url in
        ["http%3A%2F%2Fuser%3Apw%40127.0.0.1%2Fx.jpg", "ftp%3A%2F%2F127.0.0.1%2Fx.jpg", "%2F%2F127.0.0.1%2Fx.jpg"]
    {
        server.get(&format!("/img?url={url}&w=96")).expect(400);
    }
}

#[test]
fn the_host_a_client_claims_opens_no_door() {
    let forged = Request::get("/img?url=http%3A%2F%2Fevil.example%2Fcoffee.jpg&w=96").field("Host", "evil.example");
    far().send(&forged).expect(400);
    let own = Request::get("/img?url=http%3A%2F%2Fshop.example%2Fcoffee.jpg&w=96").field("Host", "other.example");
    assert_eq!(picture::of(far().send(&own)).width, 96, "the settings name this host");
}

#[test]
fn many_first_requests_cost_one_fetch() {
    let count = || remote().seen().iter().filter(|seen| seen.line.contains("/ok/slow.jpg?single")).count();
    let clients: Vec<_> = (0..6).map(|_| thread::spawn(|| from_afar("/ok/slow.jpg?single", 320).expect(200))).collect();
    let bodies: Vec<Vec<u8>> = clients.into_iter().map(|client| client.join().unwrap().body).collect();
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(count(), 1);
    from_afar("/ok/slow.jpg?single", 96).expect(200);
    assert!(count() <= 2);
}

#[test]
fn the_cache_says_what_it_did_and_keeps_formats_apart() {
    let ask = |accept: &str| {
        far().send(&Request::get("/img?url=%2Fcoffee.jpg&w=320&q=71").field("Accept", accept)).expect(200)
    };
    let first = ask("image/webp").with("x-edgeplane-cache", "MISS");
    let second = ask("image/webp").with("x-edgeplane-cache", "HIT");
    assert!(first.body == second.body);
    let other = ask("image/avif").with("x-edgeplane-cache", "MISS").with("content-type", "image/avif");
    assert_ne!(other.field("etag"), first.field("etag"));
    let etag = first.field("etag").unwrap();
    let again =
        Request::get("/img?url=%2Fcoffee.jpg&w=320&q=71").field("Accept", "image/webp").field("If-None-Match", etag);
    let unchanged = far().send(&again).expect(304);
    assert!(unchanged.body.is_empty() && unchanged.field("vary").is_some(), "{}", unchanged.summary());
}

#[test]
fn the_age_is_the_routes_own_else_the_longer_of_the_sources_and_the_least() {
    far().get("/img?url=%2Fcoffee.jpg&w=96").expect(200).with("cache-control", "public, max-age=77");
    let url = format!("http%3A%2F%2F{}%2Fok%2Fcoffee.jpg", remote().address());
    let bare =
        |url: &str| far().get(&format!("/bare?url={url}&w=96")).expect(200).field("cache-control").unwrap().to_owned();
    assert_eq!(bare(&url), "public, max-age=7200");
    assert_eq!(bare(&url.replace("coffee", "lying")), "public, max-age=60");
}
