//! Rules, custom headers and the edge cache together: what one of them decides, another must not forget.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::{KEEP, bundle, seen, status};
use crate::support::{
    client::Request,
    server::{Launch, Server},
};

fn ruled(rules: &Value, headers: &str) -> PathBuf {
    let root = bundle();
    fs::write(root.join("customRules.json"), rules.to_string()).unwrap();
    fs::write(root.join("customHttp.yml"), headers).unwrap();
    root
}

fn start(rules: &Value, headers: &str) -> Server {
    Launch::new(&ruled(rules, headers)).setting("edge-cache.enabled", "true").start()
}

const NO_HEADERS: &str = "customHeaders: []\n";

/// Often enough that the last answers come from what the thread has at hand.
const OFTEN: usize = 4;

#[test]
fn addresses_that_are_rewritten_to_one_page_share_it_and_keep_their_own_headers() {
    let headers = "customHeaders:\n\
                   - pattern: '/a/**'\n  headers: [{key: X-Way, value: a}]\n\
                   - pattern: '/b/**'\n  headers: [{key: X-Way, value: b}]\n\
                   - pattern: '/page'\n  headers: [{key: X-Way, value: itself}]\n";
    let rules = json!([
        {"source": "/a/<*>", "target": "/<*>", "status": "200"},
        {"source": "/b/<*>", "target": "/<*>", "status": "200"},
    ]);
    let server = start(&rules, headers);
    for round in 0..OFTEN {
        for (path, way) in [("/a/page", "a"), ("/b/page", "b"), ("/page", "itself")] {
            let reply = server.get(&format!("{path}?{KEEP}")).expect(200).with("x-way", way);
            let expected = if (round, path) == (0, "/a/page") { "MISS" } else { "HIT" };
            assert_eq!(status(&reply), expected, "{round} {path}");
            assert!(reply.text().starts_with("1 for"), "{}", reply.summary());
        }
    }
    assert_eq!(seen(&server, "/page").0, 1);
}

#[test]
fn a_rule_takes_its_requests_before_any_page_at_hand_does() {
    let rules = json!([{"source": "/page", "target": "/us", "status": "302", "condition": "<US>"}]);
    let launch = Launch::new(&ruled(&rules, NO_HEADERS)).setting("edge-cache.enabled", "true");
    let server = launch.setting("trusted-proxies", "127.0.0.1").start();
    let target = format!("/page?{KEEP}");
    let from = |country: &str| server.send(&Request::get(&target).field("CloudFront-Viewer-Country", country));
    for _ in 0..OFTEN {
        assert_eq!(from("DE").status, 200);
        assert_eq!(from("US").expect(302).field("location"), Some(format!("/us?{KEEP}").as_str()));
    }
    assert_eq!(status(&from("DE")), "HIT");
    assert_eq!(status(&from("FR")), "MISS", "the country is in the key");
}

#[test]
fn rules_have_the_last_word_where_nothing_was_found_and_no_word_on_a_kept_404() {
    let rules = json!([
        {"source": "/half/<*>", "target": format!("/page?{KEEP}"), "status": "404-200"},
        {"source": "/gone/<*>", "target": format!("/page?{KEEP}"), "status": "404-200"},
    ]);
    let server = start(&rules, NO_HEADERS);
    for round in 0..OFTEN {
        let expected = if round == 0 { "MISS" } else { "HIT" };
        // Neither Compute nor the files have it.
        let reply = server.get(&format!("/half/x?{KEEP}&status=404")).expect(200);
        assert_eq!((status(&reply), reply.text().starts_with("1 for")), (expected, true), "{}", reply.summary());
        // What Compute says is the answer where nobody else is asked.
        let reply = server.get(&format!("/gone/x?{KEEP}&status=404")).expect(404);
        assert_eq!((status(&reply), reply.text().starts_with("1 for")), (expected, true), "{}", reply.summary());
    }
    assert_eq!((seen(&server, "/page").0, seen(&server, "/gone/x").0), (1, 1));
}

#[test]
fn a_query_that_a_rule_takes_apart_is_part_of_the_key() {
    let rules = json!([{"source": "/show?which=<which>", "target": format!("/page/<which>?{KEEP}"), "status": "200"}]);
    let server = start(&rules, NO_HEADERS);
    for which in ["one", "two"] {
        for round in 0..OFTEN {
            let reply = server.get(&format!("/show?which={which}&more")).expect(200);
            assert_eq!(status(&reply), if round == 0 { "MISS" } else { "HIT" }, "{which}");
        }
        assert_eq!(seen(&server, &format!("/page/{which}")).0, 1);
    }
}
