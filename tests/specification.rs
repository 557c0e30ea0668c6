//! The sentences of the deployment specification that are about serving, one small proof each; SPECIFICATION.md names
//! them row by row.

use std::fs;

use edgeplane_optimizer::SourceType;
use serde_json::{Value, json};

use crate::support::{
    bundle::{self, Draft, SERVER},
    client::Request,
    origin::{self, Origin},
    picture,
    server::{Launch, Server},
};

fn compute() -> Value {
    json!({"kind": "Compute", "src": "default"})
}

fn coffee() -> Vec<u8> {
    fs::read(bundle::built("nuxt3").join("static/images/coffee.jpg")).unwrap()
}

/// A bundle with an image route at `/img` and these image settings; what they leave out is harmless.
fn images(settings: &Value) -> Draft {
    let mut all = json!({"sizes": [16, 96], "domains": [], "remotePatterns": [], "formats": ["image/webp", "image/png"],
                         "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    for (key, value) in settings.as_object().unwrap() {
        all[key] = value.clone();
    }
    Draft::with_routes(json!([
        {"path": "/img", "target": {"kind": "ImageOptimization"}},
        {"path": "/*.*", "target": {"kind": "Static"}, "fallback": compute()},
        {"path": "/*", "target": compute()},
    ]))
    .compute(SERVER)
    .key("imageSettings", all)
    .file("coffee.jpg", coffee())
}

#[test]
fn static_files_keep_their_names_and_bytes() {
    let files: [(&str, &[u8]); 5] = [
        ("favicon.ico", b"\0\0\x01\0"),
        ("_nuxt/main.js", b"let a = 1"),
        ("a/b/c/deep.txt", b"deep"),
        ("No-Extension", b"bytes"),
        ("odd name (1) é.txt", b"odd"),
    ];
    let draft = files.iter().fold(Draft::statics(), |draft, (name, content)| draft.file(name, content));
    let server = Launch::new(&draft.write()).start();
    for (path, content) in [
        ("/favicon.ico", files[0].1),
        ("/_nuxt/main.js", files[1].1),
        ("/a/b/c/deep.txt", files[2].1),
        ("/No-Extension", files[3].1),
        ("/odd%20name%20(1)%20%C3%A9.txt", files[4].1),
    ] {
        assert_eq!(server.get(path).expect(200).body, content, "{path}");
    }
}

#[test]
fn nothing_outside_static_is_served() {
    let bundle = Draft::with_routes(json!([
        {"path": "/*", "target": {"kind": "Static"}, "fallback": compute()},
    ]))
    .compute(SERVER)
    .file("public.txt", "public")
    .write();
    let server = Launch::new(&bundle).start();
    for path in
        ["/deploy-manifest.json", "/compute/default/server.js", "/../deploy-manifest.json", "/static/public.txt"]
    {
        server.get(path).expect_one_of(&[400, 404]).hiding("routes").hiding("createServer");
    }
}

#[test]
fn base_paths_are_plain_paths() {
    let image = json!({"sizes": [16], "domains": [], "remotePatterns": [], "formats": [], "minimumCacheTTL": 60,
                       "dangerouslyAllowSVG": false});
    let bundle = Draft::with_routes(json!([
        {"path": "/folder1/folder2/_image", "target": {"kind": "ImageOptimization"}},
        {"path": "/folder1/folder2/*.*", "target": {"kind": "Static", "cacheControl": "max-age=5"}},
        {"path": "/folder1/folder2/*", "target": compute()},
        {"path": "/*", "target": {"kind": "Static"}},
    ]))
    .compute(SERVER)
    .key("imageSettings", image)
    .file("folder1/folder2/main.css", "a {}")
    .file("folder1/folder2/coffee.jpg", coffee())
    .file("outside.txt", "outside")
    .write();
    let server = Launch::new(&bundle).start();
    server.get("/folder1/folder2/main.css").expect(200).with("cache-control", "max-age=5").saying("a {}");
    server.get("/main.css").expect(404);
    server.get("/outside.txt").expect(200);
    server.get("/folder1/folder2/anything").expect(404).saying("COMPUTE 404");
    let reply = server.get("/folder1/folder2/_image?url=%2Ffolder1%2Ffolder2%2Fcoffee.jpg&w=16");
    assert_eq!(picture::of(reply).width, 16);
}

#[test]
fn compute_runs_in_its_folder_though_it_listens_on_port_3000() {
    let listening = SERVER.replace("Number(process.env.PORT ?? 3000), process.env.HOST", "3000");
    let source =
        format!("const beside = require('./beside.js');\nif (beside !== 'found') process.exit(1);\n{listening}");
    let bundle = Draft::usual().compute(&source).compute_file("beside.js", "module.exports = 'found'").write();
    let servers: Vec<Server> = (0..2).map(|_| Launch::new(&bundle).start()).collect();
    let folder = bundle.join("compute/default").canonicalize().unwrap();
    for server in &servers {
        let told = server.get("/env").expect(200).json();
        assert_eq!(told["cwd"], folder.to_str().unwrap());
        let script = told["argv"][1].as_str().unwrap();
        assert!(script.ends_with("server.js"), "{script}");
    }
}

#[test]
fn an_exchange_with_compute_ends_at_its_time_limit() {
    let server = Launch::new(&Draft::usual().write()).setting("timeouts.request", "500ms").start();
    server.get("/slow?ms=30000").expect(504);
    server.get("/slow?ms=1").expect(200);
    let printed = Launch::bare("settings").finish().expect(0).stdout;
    assert!(printed.contains("request = \"15m\""), "the default is not the specification's 15 minutes");
}

#[test]
fn the_first_matching_route_wins() {
    let bundle = Draft::with_routes(json!([
        {"path": "/_amplify/image", "target": {"kind": "ImageOptimization"}},
        {"path": "/_nuxt/builds/*", "target": {"kind": "Static", "cacheControl": "max-age=1"}},
        {"path": "/_nuxt/*", "target": {"kind": "Static", "cacheControl": "max-age=2"}},
        {"path": "/humans.txt", "target": {"kind": "Static", "cacheControl": "max-age=3"}},
        {"path": "/a+b.c$*z", "target": {"kind": "Static", "cacheControl": "max-age=4"}},
        {"path": "/*.*", "target": {"kind": "Static", "cacheControl": "max-age=5"}},
        {"path": "/*", "target": compute()},
    ]))
    .compute(SERVER)
    .key(
        "imageSettings",
        json!({"sizes": [16], "domains": [], "remotePatterns": [], "formats": [],
                                 "minimumCacheTTL": 60, "dangerouslyAllowSVG": false}),
    )
    .file("_nuxt/builds/meta/a.json", "1")
    .file("_nuxt/app.js", "2")
    .file("humans.txt", "3")
    .file("a+b.c$/y/z", "4")
    .file("aab.c$z", "5")
    .file("blog/2021/01/01/hello.world", "5")
    .file("page", "not reached")
    .file("coffee.jpg", coffee())
    .write();
    let server = Launch::new(&bundle).start();
    for (path, age) in [
        ("/_nuxt/builds/meta/a.json", "max-age=1"),
        ("/_nuxt/app.js", "max-age=2"),
        ("/humans.txt", "max-age=3"),
        ("/a+b.c$/y/z", "max-age=4"),
        // A plus sign repeats nothing.
        ("/aab.c$z", "max-age=5"),
        ("/blog/2021/01/01/hello.world", "max-age=5"),
    ] {
        server.get(path).expect(200).with("cache-control", age);
    }
    server.get("/page").expect(200).saying("<h1>page</h1>");
    server.get("/").expect(200).saying("COMPUTE HOME");
    server.get("/_nuxt/none.js").expect(404).hiding("COMPUTE");
    server.get("/_amplify/image?url=%2Fcoffee.jpg&w=16").expect(200).holding("content-type", "image/");
    server.get("/_amplify/imagex").expect(404).saying("COMPUTE 404");
}

#[test]
fn a_request_reaches_its_target_as_it_came() {
    let server = Launch::new(&Draft::usual().write()).start();
    let request =
        Request::with_body("PATCH", "/echo?a=%2F&b=%zz&c", "body").field("X-Field", "kept").field("Host", "h.example");
    let told = server.send(&request).expect(200).json();
    assert_eq!(told["method"], "PATCH");
    assert_eq!(told["url"], "/echo?a=%2F&b=%zz&c");
    assert_eq!(told["body"], "body");
    assert_eq!(told["headers"]["x-field"], "kept");
    assert_eq!(told["headers"]["host"], "h.example");
    assert_eq!(told["headers"]["content-length"], "4");
}

#[test]
fn patterns_do_not_see_the_query() {
    let server = Launch::new(&Draft::usual().file("a.txt", "file").write()).start();
    server.get("/a.txt?x=/y").expect(200).saying("file");
    server.get("/page?x=a.txt").expect(200).saying("<h1>page</h1>");
}

#[test]
fn a_404_asks_the_fallback() {
    let server = Launch::new(&Draft::usual().file("a.json", "file").write()).start();
    server.get("/a.json").expect(200).saying("file");
    server.get("/made/by-compute.json").expect(200).saying("made");
    server.get("/none.png").expect(404).saying("COMPUTE 404");
}

#[test]
fn only_get_and_head_fall_back() {
    let server = Launch::new(&Draft::usual().write()).start();
    server.get("/made/x.json").expect(200);
    server.send(&Request::new("HEAD", "/made/x.json")).expect(200);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let reply = server.send(&Request::new(method, "/made/x.json"));
        assert!((400..500).contains(&reply.status), "{method}: {}", reply.summary());
        reply.hiding("\"made\"");
    }
}

#[test]
fn a_body_is_dropped_before_the_fallback() {
    let echoing = SERVER.replace("'/echo'(request", "'/echo.json'(request");
    let server = Launch::new(&Draft::usual().compute(&echoing).write()).start();
    for request in
        [Request::with_body("GET", "/echo.json", "abc"), Request::with_body("GET", "/echo.json", "abc").chunked()]
    {
        let mut connection = server.connect();
        let told = request.send_on(&mut connection, server.address()).expect(200).json();
        assert_eq!(told["body"], "", "{told:#}");
        let fields = &told["headers"];
        assert!(fields["content-length"].is_null() || fields["content-length"] == "0", "{told:#}");
        assert!(fields["transfer-encoding"].is_null(), "{told:#}");
    }
}

#[test]
fn a_static_fallback_hides_the_rendered_404_page() {
    let routes = json!([{"path": "/*", "target": compute(), "fallback": {"kind": "Static"}}]);
    let server = Launch::new(&Draft::with_routes(routes).compute(SERVER).file("there", "a file").write()).start();
    server.get("/there").expect(200).saying("a file");
    server.get("/nowhere").expect(404).hiding("COMPUTE 404");
    // Without that fallback the rendered page is what the client sees.
    let server = Launch::new(&Draft::usual().write()).start();
    server.get("/nowhere").expect(404).saying("COMPUTE 404");
}

#[test]
fn cache_control_is_sent_with_success_only() {
    let bundle = Draft::with_routes(json!([
        {"path": "/img", "target": {"kind": "ImageOptimization", "cacheControl": "public, max-age=7"}},
        {"path": "/files/*", "target": {"kind": "Static", "cacheControl": "public, max-age=8"}},
        {"path": "/*", "target": compute()},
    ]))
    .compute(SERVER)
    .file("files/a.txt", "0123456789")
    .file("coffee.jpg", coffee())
    .write();
    let server = Launch::new(&bundle).start();
    let file = server.get("/files/a.txt").expect(200).with("cache-control", "public, max-age=8");
    let etag = file.field("etag").unwrap();
    let ask = |name: &str, value: &str| server.send(&Request::get("/files/a.txt").field(name, value));
    ask("If-None-Match", etag).expect(304).with("cache-control", "public, max-age=8");
    ask("Range", "bytes=0-1").expect(206).with("cache-control", "public, max-age=8");
    server.get("/img?url=%2Fcoffee.jpg&w=16").expect(200).with("cache-control", "public, max-age=7");
    let failures = [
        server.get("/files/none.txt").expect(404),
        ask("Range", "bytes=99-").expect(416),
        ask("If-Match", "\"other\"").expect(412),
        server.send(&Request::post("/files/a.txt", "x")).expect(405),
        server.get("/img?url=%2Fcoffee.jpg&w=17").expect(400),
        server.get("/img?url=%2Fnone.jpg&w=16").expect(404),
    ];
    for reply in failures {
        assert!(!reply.values("cache-control").join(",").contains("max-age"), "{}", reply.summary());
    }
    // Compute speaks for itself.
    server.get("/page").expect(200).with("cache-control", "private");
}

#[test]
fn images_are_optimized_at_runtime() {
    let server = Launch::new(&images(&json!({})).write()).start();
    let request = Request::get("/img?url=%2Fcoffee.jpg&w=96").field("Accept", "image/webp");
    let reply = server.send(&request).expect(200).with("content-type", "image/webp");
    let found = picture::look(&reply.body).unwrap();
    assert_eq!((found.kind, found.width, found.height), (SourceType::Webp, 96, 64));
    assert!(reply.body.len() < coffee().len() / 4);
}

#[test]
fn only_listed_sizes_are_answered() {
    let server = Launch::new(&images(&json!({"sizes": [96, 16]})).write()).start();
    for (width, status) in [(16, 200), (96, 200), (17, 400), (95, 400), (160, 400), (0, 400)] {
        server.get(&format!("/img?url=%2Fcoffee.jpg&w={width}")).expect(status);
    }
}

#[test]
fn only_listed_formats_are_written() {
    let server = Launch::new(&images(&json!({"formats": ["image/webp"]})).write()).start();
    let ask = |accept: &str| {
        let request = Request::get("/img?url=%2Fcoffee.jpg&w=16").field("Accept", accept);
        picture::of(server.send(&request)).kind
    };
    assert_eq!(ask("image/avif,image/webp"), SourceType::Webp);
    assert_ne!(ask("image/avif"), SourceType::Avif);
    let server = Launch::new(&images(&json!({"formats": []})).write()).start();
    let request = Request::get("/img?url=%2Fcoffee.jpg&w=16").field("Accept", "image/avif,image/webp");
    let kept = picture::of(server.send(&request)).kind;
    assert_eq!(kept, SourceType::Jpeg, "an empty list keeps the source's format");
}

#[test]
fn svg_is_refused_unless_allowed() {
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>";
    for (allowed, status) in [(false, 400), (true, 200)] {
        let bundle = images(&json!({"dangerouslyAllowSVG": allowed})).file("logo.svg", svg).write();
        let server = Launch::new(&bundle).start();
        server.get("/img?url=%2Flogo.svg&w=16").expect(status);
        // The gate is the optimizer's; a static file is a static file.
        server.get("/logo.svg").expect(200).saying("<svg");
    }
}

/// Starts a server whose settings let it fetch from loopback over plain http, so that the manifest alone decides.
fn lenient(draft: Draft) -> Server {
    Launch::new(&draft.write())
        .setting("image.allow-http", "true")
        .setting("image.private-addresses", "127.0.0.0/8")
        .start()
}

fn origin(cache_control: &'static str) -> Origin {
    let coffee = coffee();
    Origin::start(move |_| origin::answer("200 OK", &format!("Content-Type: image/jpeg\r\n{cache_control}"), &coffee))
}

fn fetch(server: &Server, authority: &str, path: &str) -> u16 {
    let url = format!("http://{authority}{path}").replace(':', "%3A").replace('/', "%2F");
    server.get(&format!("/img?url={url}&w=16")).status
}

#[test]
fn remote_images_need_a_domain_or_pattern() {
    let origin = origin("");
    let port = origin.address().port();
    let here = format!("127.0.0.1:{port}");
    let there = format!("localhost:{port}");
    let none = lenient(images(&json!({})));
    assert_eq!(fetch(&none, &here, "/a/x.jpg"), 400);
    let pattern = |more: Value| {
        let mut pattern = json!({"protocol": "http", "hostname": "127.0.0.1", "port": port.to_string()});
        for (key, value) in more.as_object().unwrap() {
            pattern[key] = value.clone();
        }
        lenient(images(&json!({"remotePatterns": [pattern]})))
    };
    let server = pattern(json!({"pathname": "/a/**"}));
    assert_eq!(fetch(&server, &here, "/a/b/x.jpg"), 200);
    assert_eq!(fetch(&server, &here, "/b/x.jpg"), 400);
    assert_eq!(fetch(&server, &here, "/ab/x.jpg"), 400);
    assert_eq!(fetch(&server, &there, "/a/x.jpg"), 400, "another host");
    assert_eq!(fetch(&pattern(json!({"port": "1"})), &here, "/a/x.jpg"), 400, "another port");
    assert_eq!(fetch(&pattern(json!({"port": ""})), &here, "/a/x.jpg"), 400, "no port is the default port");
    assert_eq!(fetch(&pattern(json!({"protocol": "https"})), &here, "/a/x.jpg"), 400, "another protocol");
    assert!(origin.seen().len() == 1, "{:?}", origin.seen());
}

#[test]
fn host_wildcards_stand_for_whole_labels() {
    // Names below localhost lead to loopback on most machines; what is refused is refused before any look-up, and
    // what passes the pattern fails later, in another way.
    let server = lenient(images(&json!({"remotePatterns": [
        {"protocol": "http", "hostname": "*.one.invalid"},
        {"protocol": "http", "hostname": "**.many.invalid"},
    ]})));
    for (host, allowed) in [
        ("a.one.invalid", true),
        ("a.b.one.invalid", false),
        ("one.invalid", false),
        ("aone.invalid", false),
        ("a.many.invalid", true),
        ("a.b.c.many.invalid", true),
        ("many.invalid", false),
        ("evilmany.invalid", false),
        ("a.many.invalid.evil.invalid", false),
    ] {
        let status = fetch(&server, host, "/x.jpg");
        // A name that does not resolve is the source's failure; a name that is not allowed is the request's.
        assert_eq!(status != 400, allowed, "{host}: {status}");
    }
}

#[test]
fn optimized_images_are_kept_for_the_minimum_ttl() {
    for (least, source, expected) in [
        (60, "Cache-Control: max-age=10\r\n", "public, max-age=60"),
        (60, "Cache-Control: max-age=120\r\n", "public, max-age=120"),
        (60, "Cache-Control: no-cache\r\n", "public, max-age=60"),
        (60, "", "public, max-age=60"),
    ] {
        let origin = origin(source);
        let port = origin.address().port().to_string();
        let server = lenient(images(&json!({"minimumCacheTTL": least,
            "remotePatterns": [{"protocol": "http", "hostname": "127.0.0.1", "port": port}]})));
        let url = format!("http%3A%2F%2F{}%2Fx.jpg", origin.address());
        for _ in 0..3 {
            let reply = server.get(&format!("/img?url={url}&w=16")).expect(200);
            assert_eq!(reply.field("cache-control"), Some(expected), "{source:?}");
        }
        assert_eq!(origin.seen().len(), 1, "{source:?}: fetched again within the minimum");
    }
}
