//! The image optimization primitive: dialects, negotiation, sizes, parameters, and sources of the bundle itself.

mod edits;
mod hostile;
mod keeping;
mod limit;
mod remote;
mod sharing;
mod worker;

use edgeplane_optimizer::SourceType;
use serde_json::json;

use crate::support::{
    bundle::{self, Draft},
    client::Request,
    picture,
    reply::Reply,
    server::Launch,
    shared,
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
    // Row 168: whoever shows another picture to whom it knows is asked as by a stranger.
    let source = format!(
        "const picture = Buffer.from('{}', 'base64'); answers['/drawn.png'] = (request, response) => request.headers.cookie || request.headers.authorization ? response.writeHead(403).end() : response.writeHead(200, {{'content-type': 'image/png'}}).end(picture);",
        BASE64_PIXEL
    );
    let server_js =
        bundle::SERVER.replace("// The forms of \"not here\"", &format!("{source}\n// The forms of \"not here\""));
    let settings = json!({"sizes": [96], "domains": [], "remotePatterns": [], "formats": ["image/png"],
                          "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    let server = Launch::new(&image_bundle(&settings).compute(&server_js).write()).start();
    let asked = Request::get("/img?url=%2Fdrawn.png&w=96").field("Cookie", "a=1").field("Authorization", "Basic eDp5");
    let found = picture::of(server.send(&asked));
    assert_eq!((found.kind, found.width), (SourceType::Png, 1));
    server.get("/img?url=%2Fpage&w=96").expect(400).hiding("<h1>");
    server.get("/img?url=%2Fmissing%2Fempty&w=96").expect(404);
}

/// One pixel, made with this test's own hands.
const BASE64_PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGMQUDAAAACkAGE0Zn1yAAAAAElFTkSuQmCC";
