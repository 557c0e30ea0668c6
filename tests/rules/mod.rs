//! Rewrites and redirects on the real program: what each kind of rule answers, which requests it leaves alone, and that
//! `explain` tells what serving does.

mod explain;
mod site;

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::support::{
    bundle::{Draft, SERVER},
    client::{Connection, Request},
    reply::Reply,
    server::{Launch, Server},
    wait,
    websocket::WebSocket,
};

const SPA: &str = r"</^[^.]+$|\.(?!(css|gif|ico|jpg|js|png|txt|svg|woff|woff2|ttf|map|json|webp)$)([^.]+$)/>";

fn rule(source: &str, target: &str, status: &str) -> Value {
    json!({"source": source, "target": target, "status": status, "condition": null})
}

fn compute() -> Value {
    json!({"kind": "Compute", "src": "default"})
}

/// Files, a server, and these rules.
fn bundle(rules: &Value) -> PathBuf {
    let settings = json!({"sizes": [16], "domains": [], "remotePatterns": [], "formats": ["image/png"],
                          "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    let root = Draft::with_routes(json!([
        {"path": "/_amplify/image", "target": {"kind": "ImageOptimization"}},
        {"path": "/files/*", "target": {"kind": "Static", "cacheControl": "max-age=7"}},
        {"path": "/*.*", "target": {"kind": "Static"}, "fallback": compute()},
        {"path": "/echo", "target": compute()},
        {"path": "/missing/*", "target": compute()},
        {"path": "/*", "target": {"kind": "Static"}},
    ]))
    .compute(SERVER)
    .key("imageSettings", settings)
    .file("index.html", "<h1>home</h1>")
    .file("404.html", "<h1>not here</h1>")
    .file("about/index.html", "<h1>about</h1>")
    .file("files/a b.txt", "a file")
    .file("files/new.txt", "new")
    .write();
    fs::write(root.join("customRules.json"), serde_json::to_string_pretty(rules).unwrap()).unwrap();
    root
}

fn usual() -> Value {
    json!([
        rule("/old.txt", "/files/new.txt", "301"),
        rule("/moved/<*>", "/files/<*>", "302"),
        rule("/pretty/<name>", "/files/<name>.txt", "200"),
        rule("/about", "/about/index.html", "200"),
        rule("/api/<*>", "/echo", "200"),
        rule("/search?q=<word>", "/files/<word>", "302"),
        json!({"source": "/country", "target": "/us", "status": "302", "condition": "<US>"}),
        rule("https://old.example", "https://new.example", "301"),
        rule("/lost/<*>", "/404.html", "404"),
        rule("/app/<*>", "/index.html", "404-200"),
        rule("/late/<*>", "/echo", "404-200"),
        rule("/nowhere/<*>", "/not-there.html", "404"),
    ])
}

fn start(rules: &Value) -> Server {
    Launch::new(&bundle(rules)).start()
}

fn text(reply: &Reply) -> String {
    reply.text()
}

#[test]
fn each_kind_of_rule_answers_as_documented() {
    let server = start(&usual());
    let redirect = |target: &str| {
        let reply = server.get(target);
        (reply.status, reply.field("location").unwrap_or_default().to_owned())
    };
    assert_eq!(redirect("/old.txt?a=b"), (301, "/files/new.txt?a=b".to_owned()));
    assert_eq!(redirect("/moved/x/y%20z?q"), (302, "/files/x/y%20z?q".to_owned()));
    assert_eq!(redirect("/moved//evil.example"), (302, "/files/evil.example".to_owned()));
    assert_eq!(redirect("/search?x=1&q=a+b"), (302, "/files/a%20b".to_owned()));
    assert_eq!(server.get("/search").status, 404);
    assert_eq!(text(&server.get("/pretty/new").expect(200)), "new");
    assert_eq!(text(&server.get("/pretty/a%20b").expect(200)), "a file");
    assert_eq!(text(&server.get("/about").expect(200)), "<h1>about</h1>");
    assert_eq!(server.get("/pretty/new").expect(200).field("cache-control"), Some("max-age=7"));
    let old = Request::get("/a/b?c").field("Host", "OLD.example:8080").send(server.address()).expect(301);
    assert_eq!(old.field("location"), Some("https://new.example/a/b?c"));
}

#[test]
fn a_rewritten_request_reaches_compute_with_its_new_address_and_its_body() {
    let server = start(&usual());
    for prefix in ["", "http://shop.example"] {
        let request = Request::post(&format!("{prefix}/api/users?id=7"), "the body").field("Host", "shop.example");
        let told = request.send(server.address()).expect(200).json();
        assert_eq!(
            (&told["url"], &told["body"], &told["method"]),
            (&json!("/echo?id=7"), &json!("the body"), &json!("POST"))
        );
        assert_eq!(told["headers"]["host"], "shop.example");
    }
    let chunked = Request::post("/api/x", "in pieces").chunked().send(server.address()).expect(200).json();
    assert_eq!((&chunked["url"], &chunked["body"]), (&json!("/echo"), &json!("in pieces")));
}

#[test]
fn a_websocket_is_rewritten_like_any_request() {
    let server = start(&json!([rule("/chat/<*>", "/echo", "200"), rule("/closed", "/refuse-upgrade", "200")]));
    let mut socket = WebSocket::open(server.address(), "/chat/room").unwrap();
    socket.send("hello");
    assert_eq!(socket.receive(), "hello");
    // The Static route has nothing there, and the route of the new address is Static as well.
    assert_eq!(WebSocket::open(server.address(), "/closed").unwrap_err().status, 404);
}

#[test]
fn rules_for_what_is_not_found_have_the_last_word() {
    let server = start(&usual());
    for fields in [&[][..], &[("range", "bytes=0-2"), ("if-none-match", "*")]] {
        let request = fields.iter().fold(Request::get("/lost/x"), |request, (name, value)| request.field(name, value));
        let page = request.send(server.address()).expect(404);
        assert_eq!(text(&page), "<h1>not here</h1>");
        assert_eq!(page.field("cache-control"), Some("no-store"));
        assert!(page.field("etag").is_none() && page.field("content-type").unwrap().starts_with("text/html"));
    }
    assert_eq!(Request::new("HEAD", "/lost/x").send(server.address()).expect(404).field("content-length"), Some("17"));
    assert_eq!(text(&server.get("/app/users/7").expect(200)), "<h1>home</h1>");
    assert_eq!(server.get("/late/x?y").expect(200).json()["url"], "/echo?y");
    // What Compute says of its own is not undone.
    assert!(server.get("/missing/length").expect(404).text().contains("not there"));
    assert!(server.get("/nowhere/x").expect(404).text().starts_with("404 Not Found"));
    assert!(server.get("/other").expect(404).text().starts_with("404 Not Found"));
    // Who sends something is not shown a page.
    assert_eq!(Request::post("/lost/x", "form").send(server.address()).status, 405);
}

#[test]
fn a_body_before_a_last_resort_is_not_the_next_request() {
    let server = start(&usual());
    let mut connection = Connection::open(server.address());
    for _ in 0..2 {
        let told = Request::with_body("GET", "/late/x", "GET /smuggled HTTP/1.1\r\n\r\n")
            .send_on(&mut connection, server.address());
        assert_eq!(told.expect(200).json()["body"], "");
        let moved = Request::post("/moved/x", "some body").send_on(&mut connection, server.address());
        assert_eq!(moved.expect(302).field("location"), Some("/files/x"));
    }
}

#[test]
fn a_country_is_believed_from_trusted_proxies_only() {
    let ask =
        |server: &Server| Request::get("/country").field("CloudFront-Viewer-Country", "US").send(server.address());
    assert_eq!(ask(&start(&usual())).status, 404);
    let trusting = Launch::new(&bundle(&usual())).setting("trusted-proxies", "127.0.0.1").start();
    assert_eq!(ask(&trusting).expect(302).field("location"), Some("/us"));
    assert_eq!(trusting.get("/country").status, 404);
    let named = Launch::new(&bundle(&usual()))
        .setting("trusted-proxies", "127.0.0.1")
        .setting("rewrite.country-header", "X-Country")
        .start();
    assert_eq!(ask(&named).status, 404);
    assert_eq!(Request::get("/country").field("x-country", "us").send(named.address()).status, 302);
}

#[test]
fn the_rule_of_single_page_apps_leaves_images_and_files_alone() {
    let rules = json!([rule(SPA, "/index.html", "200")]);
    let server = start(&rules);
    for target in ["/", "/users/7", "/echo", "/page.html"] {
        assert_eq!(text(&server.get(target).expect(200)), "<h1>home</h1>", "{target}");
    }
    assert_eq!(text(&server.get("/files/new.txt").expect(200)), "new");
    // The image route takes its path and finds fault with the parameters.
    assert_eq!(server.get("/_amplify/image?url=%2Fnone.png").status, 400);
    let as_amplify = Launch::new(&bundle(&rules)).setting("rewrite.spare-images", "false").start();
    assert_eq!(text(&as_amplify.get("/_amplify/image?url=%2Fnone.png").expect(200)), "<h1>home</h1>");
}

#[test]
fn the_settings_rules_come_first_and_the_bundles_can_be_left_out() {
    let root =
        bundle(&json!([rule("/a", "/bundle", "302"), rule("/b", "/bundle", "302"), rule("/c", "/bundle", "302")]));
    let named = root.join("app.json");
    let app = json!({"app": {"name": "x", "customRules": [rule("/a", "/named", "302"), rule("/b", "/named", "302")]}});
    fs::write(&named, app.to_string()).unwrap();
    let config = root.join("edgeplane.toml");
    let table = "[[custom-rules]]\nsource = \"/a\"\ntarget = \"/settings\"\nstatus = \"302\"\n";
    fs::write(&config, format!("rewrite.custom-rules-file = \"app.json\"\n\n{table}")).unwrap();
    let launch = || Launch::new(&root).arg("--config").arg(&config);
    let targets =
        |server: &Server| ["/a", "/b", "/c"].map(|path| server.get(path).field("location").map(str::to_owned));
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(targets(&launch().start()), [some("/settings"), some("/named"), some("/bundle")]);
    let alone = launch().setting("rewrite.bundle-rules", "false").start();
    assert_eq!(targets(&alone), [some("/settings"), some("/named"), None]);
}

#[test]
fn rules_are_counted_and_the_log_has_what_was_asked() {
    let rules = json!([rule("</^(?:(?!x)\\/a|(?!y)\\/a)*$/>", "/slow", "302"), rule("/old", "/new", "301")]);
    let server = start(&rules);
    server.get("/old?x").expect(301);
    server.get(&format!("{}/b", "/a".repeat(300))).expect(404);
    server.get("/files/new.txt").expect(200);
    let count = |series: &str| server.metric(&format!("edgeplane_custom_rule_{series}"));
    wait::until("the counts", || count("given_up_total") > 0.0);
    assert_eq!((count("given_up_total"), count(r#"requests_total{status="301"}"#)), (1.0, 1.0));
    assert_eq!(count(r#"requests_total{status="302"}"#), 0.0);
    wait::until("the line", || server.access_log().iter().any(|line| line.contains("\"GET /old?x\" 301")));
}

#[test]
fn a_wrong_rule_ends_the_start_and_an_ignored_one_is_told() {
    let told = Launch::new(&bundle(&json!([rule("</(/>", "/x", "302")]))).fail().expect(65);
    assert!(told.stderr.contains("custom-rule-regex") && told.stderr.contains("customRules.json:4:15"), "{told:#?}");
    let server = start(&json!([rule("/docs/<*>/content", "/x", "302")]));
    assert!(server.log().contains("custom-rule-wildcard"), "{}", server.log());
}

#[test]
fn an_address_behind_a_rule_stays_there() {
    // The folder's name without its slash is no reason to send the client there.
    let rules = json!([rule("/handbook", "/about", "200"), rule("/<name>/", "/<name>", "200")]);
    let root = bundle(&rules);
    let server = Launch::new(&root).start();
    for target in ["/handbook", "/about/"] {
        assert_eq!(text(&server.get(target).expect(200)), "<h1>about</h1>");
    }
    let reply = server.get("/about").expect(301);
    assert_eq!(reply.field("location"), Some("/about/"), "where no rule is in between");
}
