//! `explain` and `serve` tell of the same rules.

use serde_json::{Value, json};

use super::{bundle, rule, start, usual};
use crate::support::{bundle::Draft, client::Request, server::Launch};

fn explain(bundle: &std::path::Path, words: &[&str]) -> Value {
    let told = Launch::bare("explain").args(words).arg("--bundle").arg(bundle).arg("--format").arg("json");
    serde_json::from_str(&told.finish().expect(0).stdout).unwrap()
}

#[test]
fn explain_names_the_rule_that_takes_a_request_and_why_others_do_not() {
    let bundle = bundle(&usual());
    let told = explain(&bundle, &["GET", "/moved/x?y"]);
    assert_eq!(told["rules"]["outcome"], "answers     302 /files/x?y");
    assert_eq!(told["rules"]["first"][0]["passed_over"], "the path is another");
    assert_eq!(told["rules"]["first"][1]["rule"], "/moved/<*> -> /files/<*> 302");
    assert_eq!(told["rules"]["first"][1]["place"], "customRules.json:8:3 (/1)");
    assert_eq!(told["rules"]["first"][1]["passed_over"], Value::Null);
    assert_eq!(told["route"], Value::Null);

    let told = explain(&bundle, &["GET", "/search?x"]);
    assert_eq!(told["rules"]["first"][5]["passed_over"], "the query lacks what it asks for");
    let told = explain(&bundle, &["GET", "/country", "-H", "CloudFront-Viewer-Country: US"]);
    assert_eq!(told["rules"]["outcome"], "answers     302 /us");
    let told = explain(&bundle, &["GET", "https://old.example/a"]);
    assert_eq!(told["rules"]["outcome"], "answers     301 https://new.example/a");
}

#[test]
fn explain_tells_what_serve_does_with_rewritten_requests() {
    let bundle = bundle(&usual());
    let server = start(&usual());
    for target in ["/pretty/new", "/pretty/none", "/about", "/files/new.txt", "/app/x", "/lost/x", "/other"] {
        let told = explain(&bundle, &["GET", target]);
        let reply = Request::get(target).send(server.address());
        let last = if told["then"].is_null() { &told } else { &told["then"] };
        let step = last["steps"].as_array().unwrap().last().unwrap();
        assert_eq!(step["status"], reply.status, "{target}: {told:#}");
    }
    let told = explain(&bundle, &["GET", "/app/x"]);
    assert_eq!(told["rules"]["last"][1]["rule"], "/app/<*> -> /index.html 404-200");
    assert_eq!(told["then"]["matched"], "/index.html");
}

#[test]
fn explain_is_there_for_people() {
    let told = Launch::bare("explain").args(&["GET", "/pretty/new"]).arg("--bundle").arg(bundle(&usual())).finish();
    let text = told.expect(0).stdout;
    for line in [
        "not         /old.txt -> /files/new.txt 301: the path is another",
        "rule        /pretty/<name> -> /files/<name>.txt 200 (customRules.json:14:3 (/2))",
        "rewritten   /files/new.txt",
        "matched on  /files/new.txt",
        "route       /files/* (/routes/1)",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }
}

#[test]
fn explain_has_the_headers_of_what_was_asked_for_and_the_last_page_last() {
    let routes = json!([{"path": "/*", "target": {"kind": "Static"}}]);
    let draft = Draft::with_routes(routes).file("index.html", "home").file("404.html", "not here");
    let root = draft.key("computeResources", json!([])).write();
    std::fs::write(root.join("customRules.json"), json!([rule("/app/<*>", "/index.html", "404-200")]).to_string())
        .unwrap();
    let headers = "customHeaders:\n- pattern: '/app/**'\n  headers: [{key: X-App, value: 'yes'}]\n";
    std::fs::write(root.join("customHttp.yml"), headers).unwrap();
    let server = Launch::new(&root).start();
    for (target, status, app) in [("/app/x", 200, true), ("/else", 404, false)] {
        let reply = server.get(target).expect(status);
        let told = explain(&root, &["GET", target]);
        let last = if told["then"].is_null() { &told } else { &told["then"] };
        assert_eq!(last["steps"].as_array().unwrap().last().unwrap()["status"], status, "{target}: {told:#}");
        assert_eq!(reply.field("x-app").is_some(), app);
        assert_eq!(!last["custom_headers"].as_array().unwrap().is_empty(), app, "{target}: {told:#}");
    }
}
