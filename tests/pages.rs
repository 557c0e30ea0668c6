//! Which file a path means beyond the file of its name: clean addresses, folders, prerendered pages, and the pages of
//! a site that has nothing else.

use serde_json::{Value, json};

use crate::support::{
    bundle::{Draft, SERVER},
    client::Request,
    node,
    server::{Launch, Server},
};

fn site() -> Draft {
    Draft::statics()
        .file("index.html", "ROOT")
        .file("about.html", "ABOUT")
        .file("both.html", "BOTH PAGE")
        .file("both/index.html", "BOTH FOLDER")
        .file("docs/index.html", "DOCS")
        .file("docs/deep/index.html", "DEEP")
        .file("exact", "EXACT")
        .file("exact.html", "NOT THIS")
        .file("caf\u{e9}/index.html", "CAFE")
        .file("v1.2/index.html", "VERSION")
        .file(".html", "NO NAME")
}

/// Both ways a request can take: in origin form it is plain, in absolute form it is not.
fn ask(server: &Server, path: &str, wanted: &str) {
    for target in [path.to_owned(), format!("http://{}{path}", server.address())] {
        let reply = server.get(&target);
        let said = match reply.status {
            301 => format!("-> {}", reply.field("location").unwrap()),
            404 => "404".to_owned(),
            _ => reply.text(),
        };
        assert_eq!(said, wanted, "{target}: {}", reply.summary());
    }
}

#[test]
fn a_path_means_its_file_or_its_page_or_its_folder() {
    let server = Launch::new(&site().write()).start();
    for (path, wanted) in [
        ("/", "ROOT"),
        ("/index.html", "ROOT"),
        ("/index", "ROOT"),
        ("/about", "ABOUT"),
        ("/about?a=1", "ABOUT"),
        ("/about.html", "ABOUT"),
        ("/about/", "404"),
        ("/about.html/", "404"),
        ("/both", "BOTH PAGE"),
        ("/both/", "BOTH FOLDER"),
        ("/docs", "-> /docs/"),
        ("/docs?a=1&b=%20", "-> /docs/?a=1&b=%20"),
        ("/docs?", "-> /docs/?"),
        ("/docs/", "DOCS"),
        ("/docs/?a=1", "DOCS"),
        ("/docs//", "404"),
        ("/docs/index", "DOCS"),
        ("/docs/deep", "-> /docs/deep/"),
        ("/d%6fcs", "-> /d%6fcs/"),
        ("/docs%2F", "404"),
        ("/docs%2Fdeep", "404"),
        ("/caf%C3%A9", "-> /caf%C3%A9/"),
        ("/v1.2", "-> /v1.2/"),
        ("/exact", "EXACT"),
        ("/exact.html", "NOT THIS"),
        ("//docs", "404"),
        ("//", "404"),
        ("/%5Cdocs", "404"),
        ("/DOCS", "404"),
        ("/nothing", "404"),
    ] {
        ask(&server, path, wanted);
    }
}

#[test]
fn a_redirect_is_for_reading_only_and_for_no_longer_than_the_page_is_there() {
    let server = Launch::new(&site().write()).start();
    server.get("/docs").expect(301).with("cache-control", "no-cache").with("content-length", "0");
    server.send(&Request::new("HEAD", "/docs")).expect(301).with("location", "/docs/");
    server.send(&Request::post("/docs", "x")).expect(405);
}

#[test]
fn each_of_these_ways_can_be_turned_off() {
    let without = |settings: &[&str]| {
        settings.iter().fold(Launch::new(&site().write()), |launch, name| launch.setting(name, "false")).start()
    };
    let exact = without(&["static.index", "static.clean-urls", "static.slash-redirects"]);
    for (path, wanted) in [
        ("/", "404"),
        ("/about", "404"),
        ("/docs", "404"),
        ("/docs/", "404"),
        ("/about.html", "ABOUT"),
        ("/exact", "EXACT"),
    ] {
        ask(&exact, path, wanted);
    }
    let server = without(&["static.clean-urls"]);
    ask(&server, "/about", "404");
    ask(&server, "/both", "-> /both/");
    let server = without(&["static.slash-redirects"]);
    ask(&server, "/docs", "404");
    ask(&server, "/docs/", "DOCS");
}

#[test]
fn a_site_of_files_answers_what_it_does_not_have_with_its_own_page() {
    let page = "<h1>not here</h1>".repeat(200);
    let server = Launch::new(&site().file("404.html", &page).write()).start();
    for path in ["/nothing", "/nothing/here.js", "/about/", "/docs%2F"] {
        let reply = server.get(path).expect(404).saying("not here").with("cache-control", "no-store");
        reply.with("content-type", "text/html; charset=utf-8").without("etag").without("accept-ranges");
    }
    let head = server.send(&Request::new("HEAD", "/nothing")).expect(404);
    assert!(head.body.is_empty());
    let conditional = Request::get("/nothing").field("If-None-Match", "*").field("Range", "bytes=0-1");
    server.send(&conditional).expect(404).saying("not here");
    let encoded = server.send(&Request::get("/nothing").field("Accept-Encoding", "gzip")).expect(404);
    encoded.with("content-encoding", "gzip").with("vary", "Accept-Encoding");
    server.get("/404.html").expect(200).saying("not here");
    server.send(&Request::post("/nothing", "x")).expect(405).hiding("not here");
    let none = Launch::new(&site().file("404.html", &page).write()).setting("static.not-found-page", "").start();
    none.get("/nothing").expect(404).hiding("not here");
}

#[test]
fn an_app_of_one_page_has_it_for_every_path_that_names_no_file() {
    let draft = site().file("200.html", "<h1>app</h1>").file("404.html", "<h1>not here</h1>");
    let server = Launch::new(&draft.write()).start();
    for path in ["/nothing", "/users/7", "/v1.3/users", "/a/"] {
        let reply = server.get(path).expect(200).saying("app");
        let etag = reply.field("etag").unwrap();
        server.send(&Request::get(path).field("If-None-Match", etag)).expect(304);
    }
    for path in ["/nothing.js", "/assets/app.css", "/v1.3"] {
        server.get(path).expect(404).saying("not here");
    }
    server.get("/about").expect(200).saying("ABOUT");
    let named = Launch::new(&site().write()).setting("static.spa-page", "index.html").start();
    named.get("/users/7").expect(200).saying("ROOT");
    named.get("/users/7.js").expect(404);
}

#[test]
fn where_there_is_an_app_its_word_on_what_is_missing_counts() {
    let draft = Draft::usual().file("404.html", "<h1>a file</h1>").file("200.html", "<h1>another</h1>");
    let server = Launch::new(&draft.write()).start();
    server.get("/nothing").expect(404).saying("COMPUTE 404");
    server.get("/nothing.js").expect(404).saying("COMPUTE 404");
    server.get("/assets/nothing.js").expect(404).hiding("a file");
}

fn hybrid() -> Draft {
    let compute = json!({"kind": "Compute", "src": "default"});
    Draft::with_routes(json!([
        {"path": "/*.*", "target": {"kind": "Static"}, "fallback": compute},
        {"path": "/*", "target": compute},
    ]))
    .compute(SERVER)
    .file("made.html", "MADE AHEAD")
    .file("missing/length/index.html", "LENGTH AHEAD")
    .file("missing/chunked.html", "CHUNKED AHEAD")
    .file("page/index.html", "NEVER, BY DEFAULT")
    .file("LICENSE", "only Compute may answer this")
}

#[test]
fn a_page_made_ahead_answers_where_the_app_says_404() {
    let server = Launch::new(&hybrid().write()).start();
    for (path, wanted) in [
        ("/made", "MADE AHEAD"),
        ("/made?x=1", "MADE AHEAD"),
        ("/missing/length", "LENGTH AHEAD"),
        ("/missing/length/", "LENGTH AHEAD"),
        ("/missing/chunked", "CHUNKED AHEAD"),
    ] {
        // Both ways to Compute, twice on one connection: a withheld 404 leaves everything in order.
        let mut connection = server.connect();
        for target in [path.to_owned(), format!("http://{}{path}", server.address()), path.to_owned()] {
            let reply = Request::get(&target).send_on(&mut connection, server.address()).expect(200);
            assert_eq!(reply.text(), wanted, "{target}");
        }
        let head = server.send(&Request::new("HEAD", path)).expect(200);
        assert_eq!(head.field("content-length"), Some(wanted.len().to_string().as_str()));
        let with_body = Request::with_body("GET", path, "dropped");
        assert_eq!(server.send(&with_body).expect(200).text(), wanted);
    }
    server.get("/page").expect(200).saying("<h1>page</h1>");
    server.get("/LICENSE").expect(404).saying("COMPUTE 404");
    server.get("/nothing").expect(404).saying("COMPUTE 404");
    server.send(&Request::post("/made", "x")).expect(404).saying("COMPUTE 404");
    server.get("/status/500").expect(500);
}

#[test]
fn a_page_made_ahead_may_go_first_or_not_at_all() {
    let server = Launch::new(&hybrid().write()).setting("static.prerendered", "first").start();
    server.get("/page").expect(200).saying("NEVER, BY DEFAULT").with("accept-ranges", "bytes");
    server.get("/page/").expect(200).saying("NEVER, BY DEFAULT");
    server.send(&Request::post("/page", "x")).expect(200).saying("<h1>page</h1>");
    server.get("/cookies").expect(200);
    server.get("/LICENSE").expect(404).saying("COMPUTE 404");
    let plain = server.metric(r#"edgeplane_lane_requests_total{lane="plain"}"#);
    assert!(plain >= 2.0, "a page that goes first is as plain as a file: {plain}");
    let server = Launch::new(&hybrid().write()).setting("static.prerendered", "off").start();
    server.get("/made").expect(404).saying("COMPUTE 404");
}

#[test]
fn explain_tells_which_file_answers() {
    let explain = |draft: Draft, path: &str, format: &str| {
        let launch = Launch::bare("explain").args(&["GET", path, "--format", format, "--bundle"]);
        launch.arg(draft.write()).finish().expect(0).stdout
    };
    for (draft, path, says) in [
        (site(), "/about", "target      Static answers 200 OK with about.html"),
        (site(), "/docs?a=1", "target      Static answers 301 Moved Permanently"),
        (site(), "/docs?a=1", "  location: /docs/?a=1"),
        (site(), "/", "target      Static answers 200 OK with index.html"),
        (
            site().file("404.html", "x"),
            "/x",
            "page        Static answers 404 Not Found with the page for what is missing",
        ),
        (hybrid(), "/made", "page        Static on 404 answers 200 OK with made.html"),
    ] {
        let told = explain(draft, path, "text");
        assert!(told.lines().any(|line| line == says), "no `{says}` in {told}");
    }
    let json: Value = serde_json::from_str(&explain(hybrid(), "/made", "json")).unwrap();
    assert_eq!(json["steps"][1]["status"], 200, "{json:#}");
}

#[test]
fn pages_that_astro_rendered_ahead_are_there() {
    let bundle = crate::support::bundle::built("astro7");
    let default = crate::support::shared::astro();
    for path in ["/prerendered", "/prerendered/"] {
        default.get(path).expect(200).saying("ASTRO PRERENDERED");
    }
    default.get("/about").expect(200).saying("ASTRO ABOUT");
    default.get("/nope").expect(404).saying("ASTRO 404");
    // The adapter has rules for these pages in the bundle, which need no such help.
    let launch = || Launch::new(&bundle).setting("compute.node", node::v22());
    launch().setting("static.prerendered", "off").start().get("/prerendered").expect(200).saying("ASTRO PRERENDERED");
    let launch = || launch().setting("rewrite.bundle-rules", "false");
    launch().setting("static.prerendered", "first").start().get("/prerendered").expect(200).saying("ASTRO PRERENDERED");
    launch().setting("static.prerendered", "off").start().get("/prerendered").expect(404).saying("ASTRO 404");
}

#[test]
fn pages_that_nuxt_rendered_ahead_need_no_server() {
    let bundle = crate::support::bundle::built("nuxt3");
    let server = Launch::new(&bundle).setting("static.prerendered", "first").start();
    for path in ["/prerendered", "/prerendered/"] {
        server.get(path).expect(200).saying("PRERENDERED PAGE").with("accept-ranges", "bytes").without("x-powered-by");
    }
    server.get("/about").expect(200).with("x-powered-by", "Nuxt");
}
