//! Fallbacks: the target that is asked when the first one says 404, for every pair of different kinds.

use serde_json::{Value, json};

use crate::support::{
    bundle::Draft,
    client::{Connection, Request},
    server::{Launch, Server},
    shared,
};

fn png() -> Vec<u8> {
    // One opaque pixel, written by hand: signature, IHDR, a stored zlib block, IEND.
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [
        (b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0".as_slice()),
        (b"IDAT", b"\x78\x01\x01\x04\0\xfb\xff\0\x10\x20\x30\x00\xa4\x00\x61"),
        (b"IEND", b""),
    ] {
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(data);
        file.extend_from_slice(&u32::try_from(data.len()).unwrap().to_be_bytes());
        file.extend_from_slice(kind);
        file.extend_from_slice(data);
        file.extend_from_slice(&crc.sum().to_be_bytes());
    }
    file
}

fn serve(target: &str, fallback: &str) -> Server {
    let routes = json!([
        {"path": "/under-test/*", "target": kind(target), "fallback": kind(fallback)},
        {"path": "/*", "target": {"kind": "Compute", "src": "default"}},
    ]);
    let settings = json!({"sizes": [16], "domains": [], "remotePatterns": [], "formats": ["image/png"],
                          "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    let bundle = Draft::with_routes(routes)
        .compute(crate::support::bundle::SERVER)
        .key("imageSettings", settings)
        .file("under-test/file.txt", "from a file")
        .file("under-test/missing", "from a file without a dot")
        .file("pixel.png", png())
        .write();
    Launch::new(&bundle).start()
}

const STATIC: &str = "Static";
const COMPUTE: &str = "Compute";
const IMAGE: &str = "ImageOptimization";

fn kind(kind: &str) -> Value {
    match kind {
        COMPUTE => json!({"kind": kind, "src": "default"}),
        STATIC => json!({"kind": kind, "cacheControl": "public, max-age=11"}),
        _ => json!({"kind": kind, "cacheControl": "public, max-age=22"}),
    }
}

/// What the target has, what only the fallback has, and what neither has; and a word of the answer.
const PAIRS: [(&str, &str, &str, &str); 6] = [
    (STATIC, COMPUTE, "/under-test/file.txt", "/under-test/none"),
    (STATIC, IMAGE, "/under-test/file.txt", "/under-test/x?url=%2Fpixel.png&w=16"),
    (COMPUTE, STATIC, "/under-test/none", "/under-test/file.txt"),
    (COMPUTE, IMAGE, "/under-test/none", "/under-test/x?url=%2Fpixel.png&w=16"),
    (IMAGE, STATIC, "/under-test/x?url=%2Fpixel.png&w=16", "/under-test/file.txt?url=%2Fnone.png&w=16"),
    (IMAGE, COMPUTE, "/under-test/x?url=%2Fpixel.png&w=16", "/under-test/none?url=%2Fnone.png&w=16"),
];

#[test]
fn all_six_pairs_of_different_kinds_work_for_get_and_head() {
    for (first, second, own, others) in PAIRS {
        let server = serve(first, second);
        let own_reply = server.get(own);
        // The hand-written server has nothing below /under-test/, so Compute alone never answers 200 here.
        if first != COMPUTE {
            own_reply.expect(200);
        }
        let reply = server.get(others);
        let expected = if second == COMPUTE { 404 } else { 200 };
        assert_eq!(reply.status, expected, "{first} -> {second}: {}", reply.summary());
        match second {
            STATIC => reply.saying("from a file").with("cache-control", "public, max-age=11"),
            IMAGE => reply.with("content-type", "image/png").with("cache-control", "public, max-age=22"),
            _ => reply.saying("COMPUTE 404").without("cache-control"),
        };
        let head = server.send(&Request::new("HEAD", others)).expect(expected);
        assert!(head.body.is_empty(), "{first} -> {second}");
    }
}

#[test]
fn other_methods_and_requests_with_bodies_do_not_fall_back() {
    for (first, second, _, others) in PAIRS {
        let server = serve(first, second);
        let reply = server.send(&Request::post(others, "x"));
        assert!((400..500).contains(&reply.status), "{first} -> {second}: {}", reply.summary());
        let text = reply.text();
        let fell_back = text.contains("from a file") || (first != COMPUTE && text.contains("COMPUTE 404"));
        assert!(!fell_back, "{first} -> {second}: {text}");
    }
}

#[test]
fn every_form_of_404_of_compute_is_replaced_by_the_file() {
    let routes =
        json!([{"path": "/*", "target": {"kind": "Compute", "src": "default"}, "fallback": {"kind": "Static"}}]);
    let names = ["empty", "length", "chunked", "large"];
    let mut draft = Draft::with_routes(routes).compute(crate::support::bundle::SERVER).file("made/other", "not used");
    for name in names {
        draft = draft.file(&format!("missing/{name}/file"), format!("file for {name}"));
    }
    let server = Launch::new(&draft.write()).start();
    let mut connection = server.connect();
    let count = |connection: &mut Connection| {
        Request::get("/count").send_on(connection, server.address()).expect(200).json()["connections"].as_u64().unwrap()
    };
    let before = count(&mut connection);
    for _ in 0..3 {
        for name in ["empty", "length", "chunked"] {
            let path = format!("/missing/{name}/file");
            let reply = Request::get(&path).send_on(&mut connection, server.address()).expect(200);
            assert_eq!(reply.text(), format!("file for {name}"));
            let head = Request::new("HEAD", &path).send_on(&mut connection, server.address()).expect(200);
            assert!(head.body.is_empty(), "{}", head.summary());
        }
    }
    // The client's connection is the same one all along; Node's must not be opened anew for each 404 either.
    let after = count(&mut connection);
    assert!(after - before <= 2, "{} connections for 18 requests", after - before);
    Request::get("/missing/large/file").send_on(&mut connection, server.address()).expect(200).saying("file for large");
    // What Compute does answer stands, though there is a file of that name.
    server.get("/made/other").expect(200).saying("made");
}

#[test]
fn where_the_fallback_has_nothing_either_the_answer_is_404() {
    let routes =
        json!([{"path": "/*", "target": {"kind": "Compute", "src": "default"}, "fallback": {"kind": "Static"}}]);
    let server = Launch::new(&Draft::with_routes(routes).compute(crate::support::bundle::SERVER).write()).start();
    let mut connection = server.connect();
    for name in ["empty", "length", "chunked"] {
        let reply = Request::get(&format!("/missing/{name}")).send_on(&mut connection, server.address());
        assert_eq!((reply.status, reply.complete), (404, true), "{}", reply.summary());
    }
    Request::get("/page").send_on(&mut connection, server.address()).expect(200);
}

#[test]
fn statuses_other_than_404_do_not_fall_back() {
    let routes =
        json!([{"path": "/*", "target": {"kind": "Compute", "src": "default"}, "fallback": {"kind": "Static"}}]);
    let mut draft = Draft::with_routes(routes).compute(crate::support::bundle::SERVER);
    for status in [400, 401, 403, 410, 500, 503] {
        draft = draft.file(&format!("status/{status}"), "from a file");
    }
    let server = Launch::new(&draft.write()).start();
    for status in [400, 401, 403, 410, 500, 503] {
        server.get(&format!("/status/{status}")).expect(status).hiding("from a file");
    }
}

#[test]
fn a_static_miss_asks_compute_with_the_target_as_it_was_sent() {
    let reply = shared::handmade().get("/made/a%20b.json?x=%2F").expect(200);
    assert_eq!(reply.json()["made"], "/made/a%20b.json");
    shared::handmade()
        .get("/hello.txt")
        .expect(200)
        .saying("hello from a file")
        .with("cache-control", "public, max-age=2");
    // The Static target's cacheControl is not for what Compute answers in its place.
    shared::handmade().get("/made/x.json").expect(200).without("cache-control");
}

#[test]
fn without_a_fallback_a_miss_is_a_plain_404_that_may_be_asked_again() {
    let server = shared::handmade();
    let mut connection = server.connect();
    for _ in 0..2 {
        let reply = Request::get("/assets/none.js").send_on(&mut connection, server.address()).expect(404);
        assert!(!reply.text().contains("COMPUTE"), "{}", reply.summary());
    }
}
