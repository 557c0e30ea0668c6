//! The static assets primitive: conditional requests, ranges, encodings, and files that change while they are served.

use std::{
    fs,
    io::{Read as _, Seek as _, Write as _},
    path::Path,
};

use serde_json::json;

use crate::support::{
    bundle::Draft,
    client::Request,
    server::{Launch, Server},
    shared,
};

fn script() -> String {
    (0..600).map(|i| format!("export const value{i} = \"text that compresses well, number {i}\";\n")).collect()
}

fn files() -> Draft {
    Draft::statics()
        .file("index.html", "<h1>root</h1>")
        .file("docs/index.html", "<h1>docs</h1>")
        .file("app.js", script())
        .file("small.txt", "0123456789")
        .file("with space.txt", "space")
        .file("über/grün.txt", "umlaut")
        .file("plus+and&.txt", "signs")
        .file("100%.txt", "percent")
        .file("empty.txt", "")
        .file("no-extension", "bytes")
        .file(".well-known/security.txt", "Contact: none")
}

fn server() -> &'static Server {
    static SERVER: std::sync::OnceLock<Server> = std::sync::OnceLock::new();
    SERVER.get_or_init(|| Launch::new(&files().write()).start())
}

#[test]
fn names_are_found_by_their_encoded_form_only_once_decoded() {
    for (path, content) in [
        ("/with%20space.txt", "space"),
        ("/%C3%BCber/gr%C3%BCn.txt", "umlaut"),
        ("/plus+and&.txt", "signs"),
        ("/plus%2Band%26.txt", "signs"),
        ("/100%25.txt", "percent"),
        ("/no-extension", "bytes"),
        ("/.well-known/security.txt", "Contact: none"),
        ("/empty.txt", ""),
        ("/%73mall.txt?query=%zz", "0123456789"),
    ] {
        assert_eq!(server().get(path).expect(200).text(), content, "{path}");
    }
    for path in ["/SMALL.txt", "/small.txt/", "//small.txt", "/small.txt%00", "/with%2520space.txt", "/small.txt%2F"] {
        server().get(path).expect_one_of(&[400, 404]);
    }
}

#[test]
fn a_path_that_ends_in_a_slash_is_its_index_on_a_static_route() {
    server().get("/").expect(200).holding("content-type", "text/html").saying("root");
    server().get("/docs/").expect(200).saying("docs");
    let without = Launch::new(&files().write()).setting("static.index", "false").start();
    without.get("/docs/").expect(404);
    without.get("/docs/index.html").expect(200);
}

#[test]
fn an_etag_answers_for_the_bytes_it_came_with() {
    let first = server().get("/app.js").expect(200);
    let etag = first.field("etag").unwrap().to_owned();
    let date = first.field("last-modified").map(str::to_owned);
    let ask = |name: &str, value: &str| server().send(&Request::get("/app.js").field(name, value));
    for value in [etag.clone(), format!("\"x\", {etag}"), format!("W/{etag}"), "*".into()] {
        let reply = ask("If-None-Match", &value).expect(304);
        assert_eq!(reply.field("etag"), Some(etag.as_str()), "{value}");
        assert!(reply.body.is_empty() && reply.field("cache-control").is_some(), "{}", reply.summary());
    }
    ask("If-None-Match", "\"x\"").expect(200);
    ask("If-Match", &etag).expect(200);
    ask("If-Match", "\"x\"").expect(412);
    if let Some(date) = date {
        ask("If-Modified-Since", &date).expect(304);
        ask("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT").expect(200);
        ask("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT").expect(412);
    }
    // RFC 9110 13.2.2: the tag decides before the date does.
    let both = Request::get("/app.js")
        .field("If-None-Match", "\"x\"")
        .field("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT");
    server().send(&both).expect(200);
}

#[test]
fn ranges_give_the_bytes_they_name() {
    let ask = |range: &str| server().send(&Request::get("/small.txt").field("Range", range));
    for (range, content, of) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-100", "0123456789", "bytes 0-9/10"),
        ("bytes=5-100", "56789", "bytes 5-9/10"),
    ] {
        let reply = ask(range).expect(206).with("content-range", of);
        assert_eq!(reply.text(), content, "{range}");
    }
    for range in ["bytes=10-", "bytes=-0", "bytes=20-30"] {
        ask(range).expect(416).with("content-range", "bytes */10");
    }
    for range in ["bytes=4-2", "bytes=a-b", "items=0-1", "bytes 0-1", "bytes=", "bytes=0-1-2"] {
        assert_eq!(ask(range).expect(200).text(), "0123456789", "{range}");
    }
    let parts = ask("bytes=0-1,8-9").expect(206).holding("content-type", "multipart/byteranges; boundary=");
    assert!(parts.text().contains("bytes 0-1/10") && parts.text().contains("bytes 8-9/10"), "{}", parts.summary());
    let many: Vec<String> = (0..1000).map(|_| "0-0".to_owned()).collect();
    ask(&format!("bytes={}", many.join(","))).expect_one_of(&[200, 206, 416, 431]);
}

#[test]
fn a_range_holds_for_the_version_the_client_has() {
    let etag = server().get("/small.txt").expect(200).field("etag").unwrap().to_owned();
    let ask = |tag: &str| server().send(&Request::get("/small.txt").field("Range", "bytes=0-1").field("If-Range", tag));
    ask(&etag).expect(206);
    ask("\"other\"").expect(200);
    // RFC 9110 13.1.5: a weak tag never matches here.
    ask(&format!("W/{etag}")).expect(200);
}

#[test]
fn each_client_gets_the_encoding_it_reads_and_each_encoding_its_own_etag() {
    let ask = |accept: &str| server().send(&Request::get("/app.js").field("Accept-Encoding", accept)).expect(200);
    let plain = ask("identity");
    let script = script();
    assert_eq!(plain.text(), script);
    let mut tags = vec![plain.field("etag").unwrap().to_owned()];
    for accept in ["br", "gzip", "zstd"] {
        let reply = ask(accept).holding("vary", "accept-encoding");
        let Some(encoding) = reply.field("content-encoding") else { continue };
        assert_eq!(encoding, accept);
        assert!(decode(encoding, &reply.body) == script.as_bytes(), "{accept}: other bytes");
        assert!(reply.body.len() < script.len() / 3, "{accept}: {} bytes", reply.body.len());
        tags.push(reply.field("etag").unwrap().to_owned());
    }
    assert!(tags.len() > 1, "no encoding was offered");
    let n_tags = tags.len();
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), n_tags, "two encodings share an ETag: {tags:?}");
    for refused in ["br;q=0, gzip;q=0, zstd;q=0", "", "deflate"] {
        ask(refused).without("content-encoding");
    }
}

fn decode(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut plain),
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain),
        _ => zstd::Decoder::new(bytes).unwrap().read_to_end(&mut plain),
    }
    .unwrap();
    plain
}

#[test]
fn methods_that_write_are_not_allowed_on_files() {
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let reply = server().send(&Request::with_body(method, "/small.txt", "x")).expect(405);
        assert_eq!(reply.field("allow"), Some("GET, HEAD"), "{method}");
    }
}

#[test]
fn cache_control_is_said_on_success_and_on_nothing_else() {
    let server = shared::handmade();
    server.get("/assets/a.js").expect(200).with("cache-control", "public, max-age=31536000, immutable");
    let etag = server.get("/assets/a.js").field("etag").unwrap().to_owned();
    server
        .send(&Request::get("/assets/a.js").field("If-None-Match", &etag))
        .expect(304)
        .with("cache-control", "public, max-age=31536000, immutable");
    let missing = server.get("/assets/none.js").expect(404);
    assert!(
        !missing.values("cache-control").iter().any(|value| value.contains("max-age=31536000")),
        "{}",
        missing.summary()
    );
}

#[test]
fn only_static_is_public_and_links_lead_nowhere_else() {
    let bundle = files().compute_file("server.js", "let secret").write();
    std::os::unix::fs::symlink("small.txt", bundle.join("static/inside.txt")).unwrap();
    fs::write(bundle.join("secret.txt"), "secret").unwrap();
    let server = Launch::new(&bundle).start();
    for path in ["/secret.txt", "/../secret.txt", "/compute/default/server.js", "/deploy-manifest.json"] {
        server.get(path).hiding("secret\n").expect_one_of(&[400, 404]);
    }
    server.get("/inside.txt").expect_one_of(&[200, 404]).hiding("secret");
    drop(server);
    std::os::unix::fs::symlink("../secret.txt", bundle.join("static/outside.txt")).unwrap();
    let outcome = Launch::bare("check").arg(&bundle).finish().expect(0);
    assert!(outcome.stdout.contains("outside.txt"), "{outcome:#?}");
    Launch::bare("check").arg(&bundle).arg("--strict").finish().expect(65);
    Launch::new(&bundle).start().get("/outside.txt").expect(404);
}

#[test]
fn files_may_be_cut_removed_and_replaced_while_they_are_served() {
    let large = "l".repeat(4 << 20);
    let bundle = files().file("large.txt", &large).write();
    let mut server = Launch::new(&bundle).start();
    let ask = |server: &Server| server.send(&Request::get("/large.txt").field("Accept-Encoding", "identity"));
    let etag = ask(&server).expect(200).field("etag").unwrap().to_owned();
    let file = fs::OpenOptions::new().write(true).open(bundle.join("static/large.txt")).unwrap();
    file.set_len(10).unwrap();
    fs::remove_file(bundle.join("static/small.txt")).unwrap();
    fs::write(bundle.join("static/app.js"), "replaced").unwrap();
    let cut = ask(&server).expect(200);
    assert_eq!(cut.field("etag"), Some(etag.as_str()));
    assert!(cut.body == large.as_bytes(), "the deployment changed under the client: {} bytes", cut.body.len());
    assert_eq!(server.get("/small.txt").expect(200).text(), "0123456789");
    server.get("/app.js").expect(200).hiding("replaced");
    server.assert_running();
}

#[test]
fn a_file_larger_than_memory_allows_is_served_from_the_page_cache() {
    const GIB: u64 = 1 << 30;
    let bundle = Draft::statics().write();
    let mut file = fs::File::create(bundle.join("static/huge.bin")).unwrap();
    file.set_len(GIB).unwrap();
    file.seek(std::io::SeekFrom::Start(GIB - 4)).unwrap();
    file.write_all(b"tail").unwrap();
    drop(file);
    let server = Launch::new(&bundle).start();
    let head = server.send(&Request::new("HEAD", "/huge.bin")).expect(200);
    assert_eq!(head.field("content-length"), Some("1073741824"));
    let tail = server.send(&Request::get("/huge.bin").field("Range", "bytes=-4")).expect(206);
    assert_eq!(tail.text(), "tail");
    let middle = server.send(&Request::get("/huge.bin").field("Range", "bytes=536870912-545259519")).expect(206);
    assert_eq!(middle.body.len(), 8 << 20);
    // Mapped file pages are the kernel's to take back; what counts is memory of our own.
    let anonymous = server.memory("RssAnon");
    assert!(anonymous < 200 << 10, "{anonymous} KiB for one large file");
}

#[test]
fn two_starts_give_the_same_etags() {
    let bundle = files().write();
    let tag = |bundle: &Path| Launch::new(bundle).start().get("/app.js").expect(200).field("etag").unwrap().to_owned();
    assert_eq!(tag(&bundle), tag(&bundle));
    assert_ne!(tag(&bundle), tag(&Draft::statics().file("app.js", "other").write()));
}

#[test]
fn a_route_for_one_file_serves_that_file_only() {
    let bundle = Draft::with_routes(json!([
        {"path": "/app.js", "target": {"kind": "Static", "cacheControl": "max-age=9"}},
        {"path": "/*", "target": {"kind": "Compute", "src": "default"}},
    ]))
    .compute(crate::support::bundle::SERVER)
    .file("app.js", "let x;")
    .file("other.js", "let y;")
    .write();
    let server = Launch::new(&bundle).start();
    server.get("/app.js").expect(200).with("cache-control", "max-age=9").saying("let x;");
    server.get("/other.js").expect(404).saying("COMPUTE 404");
}
