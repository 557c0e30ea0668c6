//! Several applications on one node: whose a request is, and what they do not share.

use std::{fs, path::PathBuf};

use crate::{
    skew::bundle,
    support::{
        bundle::Draft,
        client::Request,
        reply::Reply,
        scratch,
        server::{Launch, Server},
    },
};

/// A settings file with two sites, `shop` and `docs`.
fn settings() -> PathBuf {
    let file = scratch::folder("sites").join("edgeplane.toml");
    let (shop, docs) = (bundle("shop"), Draft::statics().file("which.txt", "docs").file("docs.js", "1").write());
    let variables = file.with_file_name("shop.env");
    fs::write(&variables, "AWS_AMPLIFY_DEPLOYMENT_ID=of-the-shop\n").unwrap();
    let text = format!(
        "[[sites]]\nname = \"shop\"\nhosts = [\"shop.example\", \"*.shop.example\"]\nbundle = {shop:?}\n\
         env-file = {variables:?}\n\n[[sites]]\nname = \"docs\"\nhosts = [\"docs.example\"]\nbundle = {docs:?}\n"
    );
    fs::write(&file, text).unwrap();
    file
}

/// With a default site.
fn start() -> Server {
    Launch::new(&bundle("any")).arg("--config").arg(settings()).start()
}

fn ask(server: &Server, host: &str, target: &str) -> Reply {
    server.send(&Request::get(target).field("Host", host))
}

#[test]
fn the_host_says_whose_a_request_is() {
    let server = start();
    for (host, expected) in [
        ("shop.example", "shop"),
        ("SHOP.example:8080", "shop"),
        ("shop.example.", "shop"),
        ("a.b.shop.example", "shop"),
        ("docs.example", "docs"),
        ("a.docs.example", "any"),
        ("nobody.example", "any"),
        ("127.0.0.1", "any"),
        ("[::1]:80", "any"),
    ] {
        let reply = ask(&server, host, "/which.txt").expect(200);
        assert_eq!(reply.text(), expected, "{host}");
    }
    ask(&server, "docs.example", "/assets/app-shop.js").expect(404);
    ask(&server, "shop.example", "/assets/app-shop.js").expect(200);
    // What a request says in absolute form counts, as for one site (RFC 9112 3.2.2).
    let absolute = "GET http://docs.example/which.txt HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    server.raw(absolute).expect(200).saying("docs");
    // One connection may ask for several (RFC 9110 7.4 leaves that to TLS).
    let mut connection = server.connect();
    for (host, expected) in [("docs.example", "docs"), ("shop.example", "shop"), ("x", "any")] {
        let reply = Request::get("/which.txt").field("Host", host).send_on(&mut connection, server.address());
        assert_eq!(reply.expect(200).text(), expected);
    }
}

#[test]
fn each_site_has_its_own_server_and_variables() {
    let server = start();
    let shop = ask(&server, "shop.example", "/").expect(200).json();
    assert_eq!((shop["version"].as_str(), shop["id"].as_str()), (Some("shop"), Some("of-the-shop")));
    let any = ask(&server, "x", "/").expect(200).json();
    assert_eq!((any["version"].as_str(), any["id"].as_str()), (Some("any"), None));
    assert_eq!(server.nodes().len(), 2);
    let ready = server.admin("/readyz").expect(200).text();
    for part in ["site default", "site shop", "site docs", "default-1 ready", "shop-1 ready"] {
        assert!(ready.contains(part), "{ready}");
    }
    assert!(server.admin("/metrics").text().contains("edgeplane_instance_ready{instance=\"shop-1\"} 1"));
}

#[test]
fn a_redirect_to_the_host_of_a_site_needs_no_site_of_its_own() {
    let file = settings();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}\n[redirect]\nhosts = [\"shop.example\"]\n")).unwrap();
    let server = Launch::bare("serve").directory(&scratch::folder("nowhere")).arg("--config").arg(file).start();
    let reply = ask(&server, "www.shop.example", "/which.txt?a").expect(308);
    assert_eq!(reply.field("location"), Some("http://shop.example/which.txt?a"));
    let reply = server.send(&Request::new("HEAD", "/x").field("Host", "www.nobody.example")).expect(421);
    assert!(reply.body.is_empty(), "{}", reply.summary());
}

#[test]
fn without_a_default_site_a_host_that_is_nobodys_is_misdirected() {
    let server = Launch::bare("serve").directory(&scratch::folder("nowhere")).arg("--config").arg(settings()).start();
    assert_eq!(ask(&server, "docs.example", "/which.txt").expect(200).text(), "docs");
    let mut connection = server.connect();
    let request = Request::post("/which.txt", "words").field("Host", "nobody.example");
    request.send_on(&mut connection, server.address()).expect(421).with("connection", "close").saying("no such host");
    assert!(connection.is_closed());
    ask(&server, "nobody.example", "/which.txt").expect(421);
    server.raw("GET /which.txt HTTP/1.0\r\n\r\n").expect(421);
}
