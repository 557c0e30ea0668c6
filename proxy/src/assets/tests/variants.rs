//! Encoded variants: found in the bundle, made at activation, made better in the background.

use std::{
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    sync::atomic::AtomicBool,
};

use super::*;
use crate::assets::{BuildError, ImproveError, improve, pack_to};

fn words() -> Vec<u8> {
    (0..4000).map(|n| format!("word {} of {}\n", n * 7919 % 1000, n / 10)).collect::<String>().into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut out, &brotli::enc::BrotliEncoderParams::default()).unwrap();
    out
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 19).unwrap()
}

fn decode(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match coding {
        "gzip" => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).unwrap(),
        "zstd" => zstd::stream::read::Decoder::new(bytes).unwrap().read_to_end(&mut out).unwrap(),
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut out).unwrap(),
        _ => bytes.to_vec().as_slice().read_to_end(&mut out).unwrap(),
    };
    out
}

/// The coding that a client accepting `accept` gets.
fn coding(pack: &Pack, path: &str, accept: &str) -> String {
    field(&get(pack, path, &[("accept-encoding", accept)]), "content-encoding").to_owned()
}

#[test]
fn activation_makes_cheap_variants_of_what_shrinks() {
    let words = words();
    let mut site = Site::new(&[
        ("page.html", &words),
        ("noise.txt", &noise(10_000)),
        ("small.txt", &words[..1000]),
        ("photo.jpg", &words),
    ]);
    site.settings.compress = true;
    let pack = site.prepare();
    for (accept, expected) in [("gzip, br, zstd", "zstd"), ("gzip, br", "gzip"), ("br", ""), ("", "")] {
        let answer = get(&pack, "/page.html", &[("accept-encoding", accept)]);
        assert_eq!(field(&answer, "content-encoding"), expected);
        assert_eq!(field(&answer, "vary"), "Accept-Encoding");
        assert_eq!(field(&answer, "content-type"), "text/html; charset=utf-8");
        assert_eq!(decode(expected, &content(&answer)), words);
    }
    for path in ["/noise.txt", "/small.txt", "/photo.jpg"] {
        let answer = get(&pack, path, &[("accept-encoding", "gzip, zstd, br")]);
        assert_eq!((field(&answer, "content-encoding"), field(&answer, "vary")), ("", ""), "{path}");
    }
}

#[test]
fn compression_can_be_limited_and_switched_off() {
    let words = words();
    let mut site = Site::new(&[("page.html", &words)]);
    assert_eq!(coding(&site.prepare(), "/page.html", "gzip"), "");
    site.settings.compress = true;
    site.settings.compress_bytes_max = words.len() as u64 - 1;
    assert_eq!(coding(&site.prepare(), "/page.html", "gzip"), "");
    site.settings.compress_bytes_max = words.len() as u64;
    assert_eq!(coding(&site.prepare(), "/page.html", "gzip"), "gzip", "settings decide about the pack, too");
}

#[test]
fn every_variant_has_its_own_tag_and_vary_goes_with_304() {
    let mut site = Site::new(&[("page.html", &words())]);
    site.settings.compress = true;
    let pack = site.prepare();
    let tag = |accept| field(&get(&pack, "/page.html", &[("accept-encoding", accept)]), "etag").to_owned();
    let (plain, gzip, zstd) = (tag(""), tag("gzip"), tag("zstd"));
    assert!(plain != gzip && gzip != zstd && zstd != plain);
    let answer = get(&pack, "/page.html", &[("accept-encoding", "gzip"), ("if-none-match", &gzip)]);
    assert_status(&answer, 304, "its own tag");
    assert_eq!((field(&answer, "vary"), field(&answer, "etag")), ("Accept-Encoding", gzip.as_str()));
    let answer = get(&pack, "/page.html", &[("accept-encoding", "gzip"), ("if-none-match", &plain)]);
    assert_status(&answer, 200, "the tag of another variant");
}

#[test]
fn a_range_is_a_part_of_the_encoded_variant() {
    let mut site = Site::new(&[("page.html", &words())]);
    site.settings.compress = true;
    let pack = site.prepare();
    let whole = content(&get(&pack, "/page.html", &[("accept-encoding", "gzip")]));
    let part = get(&pack, "/page.html", &[("accept-encoding", "gzip"), ("range", "bytes=10-19")]);
    assert_status(&part, 206, "encoded");
    assert_eq!(content(&part), &whole[10..20]);
    assert_eq!(field(&part, "content-encoding"), "gzip");
    assert_eq!(field(&part, "content-range"), format!("bytes 10-19/{}", whole.len()));
}

#[test]
fn siblings_become_variants_and_stay_files() {
    let words = words();
    let (gz, br, zst) = (gzip(&words), brotli(&words), zstd(&words));
    let site = Site::new(&[("app.js", &words), ("app.js.gz", &gz), ("app.js.br", &br), ("app.js.zst", &zst)]);
    let pack = site.prepare();
    for (accept, expected) in [("br", &br), ("gzip", &gz), ("zstd", &zst), ("gzip, zstd, br", &br)] {
        let answer = get(&pack, "/app.js", &[("accept-encoding", accept)]);
        assert_eq!(&content(&answer), expected, "{accept}");
        assert_eq!(field(&answer, "content-type"), "text/javascript; charset=utf-8");
    }
    for (path, expected) in [("/app.js.br", &br), ("/app.js.gz", &gz), ("/app.js.zst", &zst)] {
        let answer = get(&pack, path, &[("accept-encoding", "gzip, br")]);
        assert_eq!(&content(&answer), expected, "{path}");
        assert_eq!((field(&answer, "content-encoding"), field(&answer, "vary")), ("", ""));
    }
}

#[test]
fn siblings_that_are_not_what_they_are_named_after_are_only_files() {
    let words = words();
    let stale = gzip(&words[1..]);
    let longer = brotli(&[&*words, b"x"].concat());
    let truncated = &zstd(&words)[..100];
    let site = Site::new(&[
        ("app.js", &words),
        ("app.js.gz", &stale),
        ("app.js.br", &longer),
        ("app.js.zst", truncated),
        ("b.js", &words),
        ("b.js.gz", b"plain text"),
        ("b.js.br", &[0xff; 100]),
        ("c.js", b"tiny"),
        ("c.js.gz", &gzip(b"tiny")),
        ("alone.js.gz", &stale),
    ]);
    let pack = site.prepare();
    for path in ["/app.js", "/b.js", "/c.js"] {
        assert_eq!(coding(&pack, path, "gzip, br, zstd"), "", "{path}");
    }
    assert_eq!(content(&get(&pack, "/alone.js.gz", &[])), stale);
    assert!(is_missing(&pack, "/alone.js"));
}

#[test]
fn a_sibling_that_is_a_bomb_is_not_decoded_to_its_end() {
    let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
    let site = Site::new(&[("app.js", &noise(100_000)), ("app.js.gz", &bomb)]);
    assert_eq!(coding(&site.prepare(), "/app.js", "gzip"), "");
}

#[test]
fn improving_gives_a_smaller_pack_that_later_starts_use() {
    let words = words();
    let mut site = Site::new(&[("page.html", &words), ("file.bin", &noise(5000))]);
    site.settings.compress = true;
    let quick = site.prepare();
    let plain_tag = field(&get(&quick, "/page.html", &[]), "etag").to_owned();
    // What is improved is the pack, whatever became of the bundle.
    fs::write(site.file("page.html"), "changed").unwrap();
    let cancel = AtomicBool::new(false);
    let best = improve(&quick, &site.settings, &cancel).unwrap().unwrap();
    assert_eq!(coding(&best, "/page.html", "gzip, zstd, br"), "br");
    let len = |pack: &Pack, accept| get(pack, "/page.html", &[("accept-encoding", accept)]).body.len();
    assert!(len(&best, "br") < len(&quick, "zstd"));
    for accept in ["br", "zstd", "gzip", ""] {
        let answer = get(&best, "/page.html", &[("accept-encoding", accept)]);
        assert_eq!(decode(accept, &content(&answer)), words, "{accept}");
    }
    let answer = get(&best, "/page.html", &[]);
    assert_eq!(field(&answer, "etag"), plain_tag, "the same bytes have the same tag");
    assert_eq!(field(&answer, "last-modified"), field(&get(&quick, "/page.html", &[]), "last-modified"));
    assert_eq!(site.shelf().len(), 1, "the quick one is gone: {:?}", site.shelf());
    assert!(improve(&best, &site.settings, &cancel).unwrap().is_none());
}

#[test]
fn a_later_start_opens_the_better_pack() {
    let mut site = Site::new(&[("page.html", &words())]);
    site.settings.compress = true;
    improve(&site.prepare(), &site.settings, &AtomicBool::new(false)).unwrap().unwrap();
    assert_eq!(coding(&site.prepare(), "/page.html", "br"), "br");
    let best = site.shelf();
    let quick = site.packs().join(best[0].replace("best", "quick"));
    fs::write(&quick, "left behind by a crash between making one and removing the other").unwrap();
    assert_eq!(coding(&site.prepare(), "/page.html", "br"), "br");
    assert_eq!(site.shelf(), best);
}

#[test]
fn improving_can_be_cancelled_and_leaves_nothing_behind() {
    let mut site = Site::new(&[("page.html", &words())]);
    site.settings.compress = true;
    let quick = site.prepare();
    let error = improve(&quick, &site.settings, &AtomicBool::new(true)).unwrap_err();
    assert!(matches!(error, ImproveError::Build(BuildError::Cancelled { .. })), "{error}");
    assert_eq!(site.shelf().len(), 1);
    assert_eq!(coding(&quick, "/page.html", "gzip"), "gzip");
}

#[test]
fn there_is_nothing_to_improve_without_compression_or_files() {
    let site = Site::new(&[("page.html", &words())]);
    let cancel = AtomicBool::new(false);
    assert!(improve(&site.prepare(), &site.settings, &cancel).unwrap().is_none());
    assert!(improve(&Pack::empty(), &site.settings, &cancel).unwrap().is_none());
}

#[test]
fn a_pack_made_ahead_of_time_is_the_same_on_every_machine() {
    let mut site = Site::new(&[("page.html", &words()), ("b/c.txt", b"x"), ("a", b"")]);
    site.settings.compress = true;
    let (one, two) = (site.dir.path().join("one.pack"), site.dir.path().join("two.pack"));
    let pack = pack_to(&site.folder(), &one, &site.settings, &|_, _| {}).unwrap();
    assert_eq!(coding(&pack, "/page.html", "br"), "br");
    pack_to(&site.folder(), &two, &site.settings, &|_, _| {}).unwrap();
    assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
    let metadata = fs::metadata(&one).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o044, 0o044, "readable by the user of an image");
    assert!(metadata.len() == pack.bytes() && pack.path() == Some(&*one));
    assert!(improve(&pack, &site.settings, &AtomicBool::new(false)).unwrap().is_none());
}
