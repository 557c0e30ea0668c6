//! The image optimization primitive: dialects, negotiation, sources near and far, limits and the cache.

use std::{sync::OnceLock, thread, time::Duration};

use edgeplane_optimizer::SourceType;
use serde_json::json;

use crate::support::{
    bundle::{self, Draft},
    client::Request,
    origin::{self, Origin},
    picture,
    reply::Reply,
    server::{Launch, Server},
    shared, wait,
};

/// Asks the Nuxt app's image route.
fn ask(query: &str, accept: &str) -> Reply {
    shared::nuxt().send(&Request::get(&format!("/_amplify/image?{query}")).field("Accept", accept))
}

#[test]
fn the_documented_names_and_those_that_nuxt_writes_mean_the_same() {
    let short = ask("url=%2Fphoto.jpg&w=320&q=60", "image/webp").expect(200);
    let long = ask("url=%2Fphoto.jpg&width=320&quality=60", "image/webp").expect(200);
    assert!(short.body == long.body);
    assert_eq!(short.field("etag"), long.field("etag"));
    let box_short = picture::of(ask("url=%2Fphoto.jpg&w=320&h=160&q=60", "image/webp"));
    let box_long = picture::of(ask("url=%2Fphoto.jpg&width=320&height=160&quality=60&fit=cover", "image/webp"));
    assert_eq!((box_short.width, box_short.height), (320, 160));
    assert_eq!((box_long.width, box_long.height), (320, 160));
    ask("url=%2Fphoto.jpg&w=320&width=640", "image/webp").expect(400);
}

#[test]
fn accept_decides_the_format_and_the_format_parameter_only_where_accept_does_not() {
    let coffee = "url=%2Fimages%2Fcoffee.jpg&w=96";
    for (query, accept, expected) in [
        ("", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", SourceType::Avif),
        ("", "image/webp,*/*", SourceType::Webp),
        ("", "*/*", SourceType::Jpeg),
        ("", "image/avif;q=0,image/webp", SourceType::Webp),
        ("", "text/html", SourceType::Jpeg),
        ("&format=webp", "*/*", SourceType::Webp),
        ("&format=png", "image/avif", SourceType::Avif),
        ("&format=tiff", "*/*", SourceType::Jpeg),
    ] {
        let reply = ask(&format!("{coffee}{query}"), accept).holding("vary", "accept");
        assert_eq!(picture::of(reply).kind, expected, "{query} {accept}");
    }
}

#[test]
fn pictures_are_fitted_turned_upright_and_never_enlarged() {
    for (query, width, height) in [
        ("url=%2Fphoto.jpg&w=640", 640, 640),
        ("url=%2Fimages%2Fcoffee.jpg&w=320", 320, 213),
        ("url=%2Fimages%2Fcoffee.jpg&w=1536", 600, 400),
        // Stored 400x600 and to be turned: shown 600x400.
        ("url=%2Fimages%2Fcoffee-exif6.jpg&w=1536", 600, 400),
        ("url=%2Fimages%2Fcoffee-exif6.jpg&w=320", 320, 213),
        ("url=%2Fimages%2Fcat-alpha.png&w=96", 96, 64),
        ("url=%2Fimages%2Fastronaut.png&w=320", 320, 320),
        ("url=%2Ffiles%2Fmy%20photo%20%C3%A9.jpg&w=320", 320, 214),
    ] {
        let found = picture::of(ask(query, "image/webp"));
        assert!(found.width == width && found.height.abs_diff(height) <= 1, "{query}: {found:?}");
    }
}

#[test]
fn what_cannot_be_optimized_passes_as_it_is_or_not_at_all() {
    let original = std::fs::read(bundle::built("nuxt3").join("static/images/anim.gif")).unwrap();
    let animation = ask("url=%2Fimages%2Fanim.gif&w=96", "image/webp").expect(200).with("content-type", "image/gif");
    assert!(animation.body == original);
    let drawing = ask("url=%2Fimages%2Flogo.svg&w=96", "image/svg+xml,*/*").expect(400);
    assert!(drawing.text().contains("SVG") && !drawing.text().contains("<svg"), "{}", drawing.summary());
    ask("url=%2Frobots.txt&w=96", "*/*").expect(400).hiding("User-agent");
}

#[test]
fn svg_is_served_where_the_manifest_says_so_and_can_run_nothing() {
    let settings = json!({"sizes": [96], "domains": [], "remotePatterns": [], "formats": ["image/webp"],
                          "minimumCacheTTL": 60, "dangerouslyAllowSVG": true});
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let server = Launch::new(&image_bundle(&settings).file("logo.svg", svg).write()).start();
    let reply = server.get("/img?url=%2Flogo.svg&w=96").expect(200).with("content-type", "image/svg+xml");
    assert_eq!(reply.text(), svg);
    reply.with("x-content-type-options", "nosniff").holding("content-security-policy", "script-src 'none'");
}

#[test]
fn wrong_parameters_are_400_and_say_which() {
    for (query, names) in [
        ("w=320", "url"),
        ("url=&w=320", "url"),
        ("url=%2Fphoto.jpg", "w"),
        ("url=%2Fphoto.jpg&w=321", "321"),
        ("url=%2Fphoto.jpg&w=0", "w"),
        ("url=%2Fphoto.jpg&w=-1", "w"),
        ("url=%2Fphoto.jpg&w=320.5", "w"),
        ("url=%2Fphoto.jpg&w=320px", "w"),
        ("url=%2Fphoto.jpg&w=99999999999999999999", "w"),
        ("url=%2Fphoto.jpg&w=320&w=320", "w"),
        ("url=%2Fphoto.jpg&url=%2Fphoto.jpg&w=320", "url"),
        ("url=%2Fphoto.jpg&w=320&q=0", "q"),
        ("url=%2Fphoto.jpg&w=320&q=101", "q"),
        ("url=%2Fphoto.jpg&w=320&q=best", "q"),
        ("url=%2Fphoto.jpg&w=320&fit=bogus", "fit"),
        ("url=%2Fphoto.jpg&w=320&position=bogus", "position"),
        ("url=%E0%A4%A&w=320", "url"),
        ("url=photo.jpg&w=320", "url"),
        ("url=data%3Aimage%2Fpng%3Bbase64%2CAAAA&w=320", "url"),
        ("url=%2F%5Cevil.example%2Fx.jpg&w=320", "url"),
    ] {
        let reply = ask(query, "*/*").expect(400);
        assert!(reply.text().contains(names), "{query}: {}", reply.summary());
        assert!(!reply.values("cache-control").iter().any(|value| value.contains("immutable")), "{}", reply.summary());
    }
    ask(&format!("url=%2F{}&w=320", "x".repeat(4000)), "*/*").expect(400);
}

#[test]
fn local_sources_stay_below_static() {
    for url in [
        "%2F..%2Fdeploy-manifest.json",
        "%2F..%252fdeploy-manifest.json",
        "%2Fimages%2F..%2F..%2Fcompute%2Fdefault%2Fserver.js",
        "%2Fnone.jpg",
        "%2Fimages%2F",
    ] {
        let reply = ask(&format!("url={url}&w=320"), "*/*");
        assert!(matches!(reply.status, 400 | 404), "{url}: {}", reply.summary());
    }
    ask("url=%2F_amplify%2Fimage%3Furl%3D%252Fphoto.jpg%26w%3D320&w=320", "*/*").expect_one_of(&[400, 404]);
}

/// A bundle whose image route is `/img`, and everything else Compute.
fn image_bundle(settings: &serde_json::Value) -> Draft {
    Draft::with_routes(json!([
        {"path": "/img", "target": {"kind": "ImageOptimization", "cacheControl": "public, max-age=77"}},
        {"path": "/bare", "target": {"kind": "ImageOptimization"}},
        {"path": "/*.*", "target": {"kind": "Static"}, "fallback": {"kind": "Compute", "src": "default"}},
        {"path": "/*", "target": {"kind": "Compute", "src": "default"}},
    ]))
    .compute(bundle::SERVER)
    .key("imageSettings", settings.clone())
}

fn coffee() -> Vec<u8> {
    std::fs::read(bundle::built("nuxt3").join("static/images/coffee.jpg")).unwrap()
}

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
    let port = remote().address().port();
    let settings = json!({"sizes": [96], "domains": ["localhost", "127.0.0.1", "[::1]", "169.254.169.254"],
                          "remotePatterns": [{"hostname": "127.0.0.1", "port": port.to_string()}],
                          "formats": ["image/webp"], "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    let server = Launch::new(&image_bundle(&settings).write()).setting("image.allow-http", "true").start();
    let before = remote().seen().len();
    for host in
        ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"]
    {
        for authority in [format!("{host}:{port}"), host.to_owned()] {
            let url = format!("http://{authority}/ok/coffee.jpg").replace(':', "%3A").replace('/', "%2F");
            let reply = server.get(&format!("/img?url={url}&w=96"));
            assert_eq!(reply.status, 400, "{authority}: {}", reply.summary());
        }
    }
    assert_eq!(remote().seen().len(), before, "the origin was asked");
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

#[test]
fn images_say_nothing_a_browser_could_run() {
    let reply = ask("url=%2Fphoto.jpg&w=320", "image/webp").expect(200);
    reply
        .with("x-content-type-options", "nosniff")
        .holding("vary", "accept")
        .without("set-cookie")
        .without("x-powered-by");
}

#[test]
fn limits_hold_for_sources_and_results() {
    let settings = json!({"sizes": [96, 640], "domains": [], "remotePatterns": [], "formats": ["image/png"],
                          "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    let large = std::fs::read(bundle::built("nuxt3").join("static/images/astronaut.png")).unwrap();
    let bundle = image_bundle(&settings).file("a.png", &large).file("bomb.png", bomb()).write();
    let server = Launch::new(&bundle).setting("image.source-bytes-max", large.len().to_string()).start();
    server.get("/img?url=%2Fa.png&w=96").expect(200);
    let before = server.resident("VmHWM");
    server.get("/img?url=%2Fbomb.png&w=96").expect(413);
    assert!(server.resident("VmHWM") - before < 64 << 10, "the bomb was unpacked");
    let server = Launch::new(&bundle).setting("image.source-bytes-max", (large.len() - 1).to_string()).start();
    server.get("/img?url=%2Fa.png&w=96").expect(413);
    let server = Launch::new(&bundle).setting("image.output-bytes-max", "1KiB").start();
    server.get("/img?url=%2Fa.png&w=640").expect(413);
}

/// The head of a PNG that claims 50,000 pixels on each side.
fn bomb() -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    let mut head = b"IHDR".to_vec();
    head.extend_from_slice(&50_000_u32.to_be_bytes());
    head.extend_from_slice(&50_000_u32.to_be_bytes());
    head.extend_from_slice(&[8, 6, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&head);
    file.extend_from_slice(&head);
    file.extend_from_slice(&crc.sum().to_be_bytes());
    file.extend_from_slice(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
    file
}

#[test]
fn damaged_pictures_are_refused_and_harm_nobody() {
    let settings = json!({"sizes": [96], "domains": [], "remotePatterns": [], "formats": ["image/webp"],
                          "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    let whole = coffee();
    let mut draft = image_bundle(&settings).file("whole.jpg", &whole);
    for length in [1, 3, 20, 200, whole.len() / 2] {
        draft = draft.file(&format!("cut{length}.jpg"), &whole[..length]);
    }
    let mut server = Launch::new(&draft.write()).start();
    for length in [1, 3, 20, 200, whole.len() / 2] {
        let reply = server.get(&format!("/img?url=%2Fcut{length}.jpg&w=96"));
        assert_eq!(reply.status, 400, "{length}: {}", reply.summary());
    }
    server.get("/img?url=%2Fwhole.jpg&w=96").expect(200);
    server.assert_running();
}

#[test]
fn images_are_for_reading_only() {
    let path = "/_amplify/image?url=%2Fphoto.jpg&w=320";
    let get = shared::nuxt().send(&Request::get(path).field("Accept", "image/webp")).expect(200);
    let head = shared::nuxt().send(&Request::new("HEAD", path).field("Accept", "image/webp")).expect(200);
    assert_eq!(head.field("content-length"), get.field("content-length"));
    assert_eq!(head.field("etag"), get.field("etag"));
    assert!(head.body.is_empty());
    shared::nuxt().send(&Request::post(path, "x")).expect(405).with("allow", "GET, HEAD");
}

#[test]
fn a_local_source_may_come_from_compute() {
    let source = format!(
        "const picture = Buffer.from('{}', 'base64'); answers['/drawn.png'] = (request, response) => response.writeHead(200, {{'content-type': 'image/png'}}).end(picture);",
        BASE64_PIXEL
    );
    let server_js =
        bundle::SERVER.replace("// The forms of \"not here\"", &format!("{source}\n// The forms of \"not here\""));
    let settings = json!({"sizes": [96], "domains": [], "remotePatterns": [], "formats": ["image/png"],
                          "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    let server = Launch::new(&image_bundle(&settings).compute(&server_js).write()).start();
    let found = picture::of(server.get("/img?url=%2Fdrawn.png&w=96"));
    assert_eq!((found.kind, found.width), (SourceType::Png, 1));
    server.get("/img?url=%2Fpage&w=96").expect(400).hiding("<h1>");
    server.get("/img?url=%2Fmissing%2Fempty&w=96").expect(404);
}

/// One pixel, made with this test's own hands.
const BASE64_PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGMQUDAAAACkAGE0Zn1yAAAAAElFTkSuQmCC";
