//! What a request for a file is answered.

use std::fs;

use http::HeaderValue;

use super::*;

const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz";

fn alphabet() -> (Site, Pack) {
    let site = Site::new(&[("alphabet.txt", ALPHABET), ("empty", b"")]);
    let pack = site.prepare();
    (site, pack)
}

#[test]
fn a_file_is_answered_with_its_validators_and_type() {
    let (_site, pack) = alphabet();
    let answer = get(&pack, "/alphabet.txt", &[]);
    assert_status(&answer, 200, "plain");
    assert_eq!(content(&answer), ALPHABET);
    assert_eq!(field(&answer, "content-type"), "text/plain; charset=utf-8");
    assert_eq!(field(&answer, "last-modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
    assert_eq!(field(&answer, "accept-ranges"), "bytes");
    let hash = blake3::hash(ALPHABET).to_hex();
    assert_eq!(field(&answer, "etag"), format!("\"{}\"", &hash[..32]));
    for absent in ["vary", "content-encoding", "cache-control", "content-range", "x-content-type-options"] {
        assert_eq!(field(&answer, absent), "", "{absent}");
    }
}

#[test]
fn an_empty_file_is_answered() {
    let (_site, pack) = alphabet();
    let answer = get(&pack, "/empty", &[]);
    assert_status(&answer, 200, "empty");
    assert_eq!((content(&answer).len(), answer.body.len()), (0, 0));
    assert_eq!(field(&answer, "content-type"), "application/octet-stream");
    assert_status(&get(&pack, "/empty", &[("range", "bytes=0-")]), 416, "no first byte");
    assert_status(&get(&pack, "/empty", &[("range", "bytes=-1")]), 200, "the last byte of nothing");
}

#[test]
fn head_is_answered_like_get() {
    let (_site, pack) = alphabet();
    for fields in [vec![], vec![("if-none-match", "*")]] {
        let Outcome::Answer(head) = ask(&pack, "HEAD", "/alphabet.txt", &fields) else { panic!("missing") };
        let get = get(&pack, "/alphabet.txt", &fields);
        assert_eq!((head.status, &head.headers, head.body.len()), (get.status, &get.headers, get.body.len()));
    }
    let Outcome::Answer(head) = ask(&pack, "HEAD", "/alphabet.txt", &[("range", "bytes=0-0")]) else {
        panic!("missing")
    };
    assert_status(&head, 200, "ranges are for GET only");
}

#[test]
fn other_methods_are_refused_before_anything_else() {
    let (_site, pack) = alphabet();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get", "TRACE"] {
        for path in ["/alphabet.txt", "/missing", "/a%2Fb"] {
            let Outcome::Answer(answer) = ask(&pack, method, path, &[]) else { panic!("{method} {path}") };
            assert_status(&answer, 405, method);
            assert_eq!(field(&answer, "allow"), "GET, HEAD");
            assert!(answer.body.is_empty());
        }
    }
}

#[test]
fn a_name_is_found_exactly_as_it_is_or_not_at_all() {
    let site = Site::new(&[
        ("a/b.txt", b"1"),
        ("my photo \u{e9}.jpg", b"2"),
        ("100%25.txt", b"3"),
        (".well-known/thing", b"4"),
        ("A+B", b"5"),
    ]);
    let pack = site.prepare();
    for (path, expected) in [
        ("/a/b.txt", "1"),
        ("/%61/b%2Etxt", "1"),
        ("/my%20photo%20%C3%A9.jpg", "2"),
        ("/100%2525.txt", "3"),
        ("/.well-known/thing", "4"),
        ("/A+B", "5"),
    ] {
        assert_eq!(content(&get(&pack, path, &[])), expected.as_bytes(), "{path}");
    }
    for path in [
        "/",
        "",
        "*",
        "//",
        "/a",
        "/a/",
        "/a//b.txt",
        "//a/b.txt",
        "/a/./b.txt",
        "/a/../a/b.txt",
        "/../static/a/b.txt",
        "/%2e%2e/a/b.txt",
        "/a%2Fb.txt",
        "/a%2fb.txt",
        "/a%5Cb.txt",
        "/a/b.txt%00",
        "/a/b.txt/",
        "/A/b.txt",
        "/a%2Bb",
        "/A%20B",
        "/100%25.txt",
        "/a/b.txt?x",
        "a/b.txt",
    ] {
        assert!(is_missing(&pack, path), "{path}");
    }
}

#[test]
fn a_path_that_ends_in_a_slash_means_the_index_of_that_folder() {
    let site = Site::new(&[("index.html", b"root"), ("blog/index.html", b"blog"), ("blog/myindex.html", b"-")]);
    let pack = site.prepare();
    assert_eq!(content(&get(&pack, "/", &[])), b"root");
    assert_eq!(content(&get(&pack, "/blog/", &[])), b"blog");
    assert_eq!(field(&get(&pack, "/", &[]), "content-type"), "text/html; charset=utf-8");
    assert_eq!(content(&get(&pack, "/blog/index.html", &[])), b"blog");
    for path in ["//", "/blog//", "/blog/my", "/blog%2F"] {
        assert!(is_missing(&pack, path), "{path}");
    }
    let without = Policy { cache_control: None, ranges_max: 4, lookup: Lookup::EXACT, overlay: None };
    assert!(matches!(ask_with(&pack, "GET", "/", &[], &without), Outcome::Missing));
}

#[test]
fn cache_control_goes_with_success_and_never_with_an_error() {
    let (_site, pack) = alphabet();
    let value = HeaderValue::from_static("public, max-age=31536000, immutable");
    let policy = Policy { cache_control: Some(&value), ranges_max: 4, lookup: Lookup::EXACT, overlay: None };
    for (fields, status, expected) in [
        (vec![], 200, true),
        (vec![("range", "bytes=0-0")], 206, true),
        (vec![("range", "bytes=0-0,2-2")], 206, true),
        (vec![("if-none-match", "*")], 304, true),
        (vec![("if-match", "\"x\"")], 412, false),
        (vec![("range", "bytes=26-")], 416, false),
    ] {
        let Outcome::Answer(answer) = ask_with(&pack, "GET", "/alphabet.txt", &fields, &policy) else {
            panic!("missing")
        };
        assert_status(&answer, status, "cache-control");
        assert_eq!(answer.headers.get("cache-control").is_some(), expected, "{status}");
    }
}

#[test]
fn a_304_has_the_fields_of_rfc_9110_and_no_others() {
    let (_site, pack) = alphabet();
    let answer = get(&pack, "/alphabet.txt", &[("if-none-match", "*")]);
    let names: Vec<_> = answer.headers.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["etag"]);
    assert_eq!(answer.body.len(), 26, "the length a 200 would have");
}

#[test]
fn a_range_is_answered_with_that_part() {
    let (_site, pack) = alphabet();
    for (range, status, part, content_range) in [
        ("bytes=0-2", 206, "abc", "bytes 0-2/26"),
        ("bytes=23-", 206, "xyz", "bytes 23-25/26"),
        ("bytes=-2", 206, "yz", "bytes 24-25/26"),
        ("bytes=0-99", 206, "abcdefghijklmnopqrstuvwxyz", "bytes 0-25/26"),
        ("bytes=26-", 416, "", "bytes */26"),
        ("bytes=2-1", 200, "abcdefghijklmnopqrstuvwxyz", ""),
        ("bytes=0-0,1-1,2-2,3-3,4-4", 200, "abcdefghijklmnopqrstuvwxyz", ""),
    ] {
        let answer = get(&pack, "/alphabet.txt", &[("range", range)]);
        assert_status(&answer, status, range);
        assert_eq!(content(&answer), part.as_bytes(), "{range}");
        assert_eq!(field(&answer, "content-range"), content_range, "{range}");
    }
    let twice = get(&pack, "/alphabet.txt", &[("range", "bytes=0-2"), ("range", "bytes=0-2")]);
    assert_status(&twice, 200, "a repeated field is no range");
}

#[test]
fn several_ranges_are_answered_as_parts_that_are_windows_of_the_file() {
    let (_site, pack) = alphabet();
    let answer = get(&pack, "/alphabet.txt", &[("range", "bytes=23-,0-2")]);
    assert_status(&answer, 206, "multipart");
    let boundary = field(&answer, "content-type").strip_prefix("multipart/byteranges; boundary=").unwrap().to_owned();
    let expected = format!(
        "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 23-25/26\r\n\r\nxyz\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 0-2/26\r\n\r\nabc\r\n\
         --{boundary}--\r\n"
    );
    assert_eq!(String::from_utf8(content(&answer)).unwrap(), expected);
    assert_eq!(answer.body.len(), expected.len() as u64);
    assert_eq!(field(&answer, "content-range"), "");
    let Body::File(whole) = get(&pack, "/alphabet.txt", &[]).body else { panic!("no content") };
    let Body::Parts(parts) = answer.body else { panic!("no parts") };
    assert_eq!(parts[1].as_ref().as_ptr(), whole.bytes()[23..].as_ptr(), "the bytes were copied");
}

#[test]
fn a_source_is_the_file_itself_and_its_hash() {
    let (_site, pack) = alphabet();
    let (bytes, hash) = pack.source(b"/alphabet.txt").unwrap();
    assert_eq!((&*bytes, hash), (ALPHABET, *blake3::hash(ALPHABET).as_bytes()));
    assert!(pack.source(b"/").is_none());
    assert!(pack.source(b"/missing").is_none());
}

#[test]
fn a_deployment_without_files_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let pack = prepare(None, dir.path(), &settings()).unwrap();
    assert!(pack.is_empty() && is_missing(&pack, "/") && is_missing(&pack, "/index.html"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
