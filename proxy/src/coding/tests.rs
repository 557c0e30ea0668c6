//! What is decided, as a table; and that whatever is pushed in whatever pieces comes out again.

use std::io::Read as _;

use edgeplane_config::{Coding, Settings};
use proptest::prelude::*;

use super::{ContentCoding::*, *};
use crate::answer::Head;

fn settings() -> CompressionSettings {
    let codings = vec![Coding::Zstd, Coding::Brotli, Coding::Gzip];
    CompressionSettings { codings, bytes_min: 1024, ..Settings::default().compression }
}

/// What is made of an answer with these fields to a request with those.
fn judged(asked: &[(&str, &str)], http11: bool, status: u16, said: &[(&str, &str)], length: Option<u64>) -> Judged {
    let fields: Vec<_> = asked.iter().map(|(name, value)| httparse::Header { name, value: value.as_bytes() }).collect();
    let head = Head { method: "GET", path: "/", query: None, fields: &fields, http11, host: "h" };
    let said = said.iter().map(|(name, value)| (*name, value.as_bytes()));
    judge(&Wants::of(&head), StatusCode::from_u16(status).unwrap(), said, length, &settings())
}

const PAGE: (&str, &str) = ("Content-Type", "text/html; charset=utf-8");
const BROWSER: &[(&str, &str)] = &[("Accept-Encoding", "gzip, deflate, br, zstd")];

#[test]
fn an_answer_is_compressed_where_nothing_speaks_against_it() {
    for (status, said, length, outcome) in [
        (200, &[PAGE][..], None, Ok(Zstd)),
        (200, &[PAGE], Some(1024), Ok(Zstd)),
        (200, &[PAGE], Some(1023), Err(Plain::Small)),
        (200, &[PAGE], Some(0), Err(Plain::Small)),
        (404, &[PAGE], None, Ok(Zstd)),
        (500, &[PAGE], None, Ok(Zstd)),
        (200, &[("content-type", "TEXT/HTML")], None, Ok(Zstd)),
        (200, &[("content-type", "application/json")], None, Ok(Zstd)),
        (200, &[("content-type", "text/event-stream")], None, Ok(Zstd)),
        (200, &[("content-type", "image/png")], None, Err(Plain::Type)),
        (200, &[], None, Err(Plain::Type)),
        (204, &[PAGE], None, Err(Plain::Status)),
        (205, &[PAGE], None, Err(Plain::Status)),
        (206, &[PAGE], None, Err(Plain::Status)),
        (304, &[PAGE], None, Err(Plain::Status)),
        (103, &[PAGE], None, Err(Plain::Status)),
        (200, &[PAGE, ("content-range", "bytes 0-1/2")], None, Err(Plain::Status)),
        (200, &[PAGE, ("Content-Encoding", "gzip")], None, Err(Plain::Encoded)),
        (200, &[PAGE, ("content-encoding", "identity")], None, Err(Plain::Encoded)),
        (200, &[PAGE, ("Cache-Control", "public, No-Transform")], None, Err(Plain::NoTransform)),
        (200, &[PAGE, ("cache-control", "no-store"), ("cache-control", "no-transform")], None, Err(Plain::NoTransform)),
        (200, &[PAGE, ("Cache-Control", "x-no-transform")], None, Ok(Zstd)),
        (200, &[PAGE, ("Repr-Digest", "sha-256=:x:")], None, Err(Plain::Digest)),
        (200, &[PAGE, ("content-digest", "sha-256=:x:")], None, Err(Plain::Digest)),
        (200, &[PAGE, ("Content-MD5", "x")], None, Err(Plain::Digest)),
    ] {
        assert_eq!(judged(BROWSER, true, status, said, length).outcome, outcome, "{status} {said:?} {length:?}");
    }
}

#[test]
fn the_client_chooses_by_weight_and_else_the_settings_do() {
    for (asked, http11, outcome) in [
        (&[("accept-encoding", "gzip, br")][..], true, Ok(Brotli)),
        (&[("accept-encoding", "gzip;q=1, br;q=0.5")], true, Ok(Gzip)),
        (&[("accept-encoding", "gzip"), ("accept-encoding", "zstd")], true, Ok(Zstd)),
        (&[("accept-encoding", "*")], true, Ok(Zstd)),
        (&[("accept-encoding", "*, zstd;q=0")], true, Ok(Brotli)),
        (&[("accept-encoding", "*;q=0")], true, Err(Plain::Client)),
        (&[("accept-encoding", "identity, gzip;q=0.5")], true, Err(Plain::Client)),
        (&[("accept-encoding", "identity;q=0, gzip")], true, Ok(Gzip)),
        (&[("accept-encoding", "identity;q=0")], true, Err(Plain::Client)),
        (&[("accept-encoding", "deflate")], true, Err(Plain::Client)),
        (&[("accept-encoding", "")], true, Err(Plain::Client)),
        (&[], true, Err(Plain::Client)),
        (BROWSER, false, Err(Plain::Version)),
        (&[BROWSER[0], ("Cache-Control", "no-transform")], true, Err(Plain::NoTransform)),
    ] {
        let judged = judged(asked, http11, 200, &[PAGE], None);
        assert_eq!(judged.outcome, outcome, "{asked:?}");
        assert!(judged.varies, "{asked:?}: another client would have got another answer");
    }
}

#[test]
fn caches_are_told_once_and_only_where_it_matters() {
    for (status, said, varies) in [
        (200, &[PAGE][..], true),
        (200, &[PAGE, ("Vary", "Accept")], true),
        (200, &[PAGE, ("vary", "Accept, ACCEPT-encoding")], false),
        (200, &[PAGE, ("Vary", "Accept"), ("Vary", "accept-encoding")], false),
        (200, &[PAGE, ("Vary", "*")], false),
        (200, &[PAGE, ("content-encoding", "br")], false),
        (200, &[("content-type", "image/png")], false),
        (204, &[PAGE], false),
    ] {
        assert_eq!(judged(BROWSER, true, status, said, None).varies, varies, "{status} {said:?}");
        assert_eq!(judged(&[], true, status, said, None).varies, varies, "{status} {said:?}, without a wish");
    }
}

#[test]
fn a_304_is_for_the_tag_that_the_client_has() {
    for (held, etag, weakens) in [
        ("W/\"a\"", "\"a\"", true),
        ("\"b\", W/\"a\"", "\"a\"", true),
        ("W/\"a\", \"a\"", "\"a\"", false),
        ("\"a\"", "\"a\"", false),
        ("W/\"b\"", "\"a\"", false),
        ("W/\"a\"", "W/\"a\"", false),
        ("*", "\"a\"", false),
    ] {
        let judged = judged(&[BROWSER[0], ("If-None-Match", held)], true, 304, &[("ETag", etag)], None);
        assert_eq!((judged.weakens, judged.varies), (weakens, weakens), "{held} against {etag}");
    }
}

#[test]
fn settings_name_types_and_turn_it_off() {
    let fields = [httparse::Header { name: "accept-encoding", value: b"br" }];
    let head = Head { method: "GET", path: "/", query: None, fields: &fields, http11: true, host: "h" };
    let of = |kind: &'static str, settings: &CompressionSettings| {
        let said = [("content-type", kind.as_bytes())];
        judge(&Wants::of(&head), StatusCode::OK, said.iter().copied(), None, settings).outcome
    };
    let own = CompressionSettings {
        types: vec!["application/x-own".into()],
        except_types: vec!["text/plain".into()],
        ..settings()
    };
    assert_eq!(of("application/X-Own; a=b", &own), Ok(Brotli));
    assert_eq!(of("text/Plain; a=b", &own), Err(Plain::Type));
    assert_eq!(of("text/html", &own), Ok(Brotli));
    assert_eq!(of("text/html", &CompressionSettings { codings: vec![Coding::Gzip], ..own }), Err(Plain::Client));
    assert_eq!(of("text/html", &CompressionSettings { enabled: false, ..settings() }), Err(Plain::Off));
}

#[test]
fn only_so_many_are_compressed_at_once_and_fewer_of_those_that_last() {
    let bounded = Compression::new(&CompressionSettings { streams_max: 3, event_streams_max: 1, ..settings() });
    let encoder = |events| bounded.encoder(Gzip, None, events);
    let (events, page) = (encoder(true).unwrap(), encoder(false).unwrap());
    assert!(encoder(true).is_none(), "one event stream");
    let second = encoder(false).unwrap();
    assert!(encoder(false).is_none(), "three in all");
    assert_eq!(bounded.under_way(), 3);
    drop((events, page, second));
    assert_eq!(bounded.under_way(), 0);
    assert!(encoder(true).is_some());
    assert_eq!(bounded.counts().answers(), [0, 0, 4]);
}

/// What a decoder makes of bytes that may go on.
fn decoded(coding: ContentCoding, encoded: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut reader: Box<dyn std::io::Read + '_> = match coding {
        Gzip => Box::new(flate2::read::GzDecoder::new(encoded)),
        Zstd => Box::new(zstd::stream::read::Decoder::new(encoded).unwrap().single_frame()),
        Brotli => Box::new(::brotli::Decompressor::new(encoded, 4096)),
        Identity => Box::new(encoded),
    };
    let mut piece = [0; 777];
    // Bytes that end before the content does give all that can be had of them first.
    while let Ok(n @ 1..) = reader.read(&mut piece) {
        out.extend_from_slice(&piece[..n]);
    }
    out
}

fn is_whole(coding: ContentCoding, encoded: &[u8]) -> bool {
    let mut out = Vec::new();
    match coding {
        Gzip => flate2::read::GzDecoder::new(encoded).read_to_end(&mut out).is_ok(),
        Zstd => zstd::stream::read::Decoder::new(encoded).unwrap().read_to_end(&mut out).is_ok(),
        Brotli => ::brotli::Decompressor::new(encoded, 4096).read_to_end(&mut out).is_ok(),
        Identity => true,
    }
}

const CODINGS: [ContentCoding; 3] = [Brotli, Zstd, Gzip];

/// Pieces of a content, whether each is flushed, and whether the length is known before.
fn contents() -> impl Strategy<Value = (Vec<(Vec<u8>, bool)>, bool)> {
    let text = "[a-d<>/ \"]{0,400}".prop_map(String::into_bytes);
    let noise = prop::collection::vec(any::<u8>(), 0..3000);
    let long = (any::<u8>(), 0..60_000_usize).prop_map(|(byte, n)| vec![byte; n]);
    let piece = prop_oneof![4 => text, 2 => noise, 1 => long];
    (prop::collection::vec((piece, any::<bool>()), 0..12), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_content_in_any_pieces_comes_out_again_and_what_is_flushed_at_once((pieces, is_known) in contents()) {
        let compression = Compression::new(&settings());
        let all: Vec<u8> = pieces.iter().flat_map(|(piece, _)| piece.clone()).collect();
        for coding in CODINGS {
            let length = is_known.then_some(all.len() as u64);
            let mut encoder = compression.encoder(coding, length, false).unwrap();
            let (mut out, mut pushed) = (Vec::new(), 0);
            for (piece, flushed) in &pieces {
                encoder.push(piece, &mut out).unwrap();
                pushed += piece.len();
                if *flushed {
                    encoder.flush(&mut out).unwrap();
                    prop_assert_eq!(decoded(coding, &out).len(), pushed, "{:?}", coding);
                    let n_out = out.len();
                    encoder.flush(&mut out).unwrap();
                    prop_assert_eq!(n_out, out.len(), "{:?}: nothing new was pushed", coding);
                }
            }
            prop_assert!(all.is_empty() || !is_whole(coding, &out), "{:?}: whole before its end", coding);
            encoder.finish(&mut out).unwrap();
            prop_assert!(is_whole(coding, &out), "{:?}", coding);
            prop_assert!(decoded(coding, &out) == all, "{:?}", coding);
        }
    }
}

#[test]
fn an_encoder_that_was_given_up_in_the_middle_leaves_nothing_behind() {
    let compression = Compression::new(&settings());
    for coding in CODINGS {
        for n in [1, 1000, 100_000] {
            let mut lost = compression.encoder(coding, Some(n as u64 * 2), false).unwrap();
            lost.push(&vec![b'x'; n], &mut Vec::new()).unwrap();
            drop(lost);
            let content = b"something else ".repeat(500);
            let encoded = compression.whole(coding, &content).unwrap().unwrap();
            assert!(decoded(coding, &encoded) == content, "{coding:?} after {n} bytes");
        }
    }
}

#[test]
fn what_does_not_get_smaller_is_nothing() {
    let compression = Compression::new(&settings());
    let noise: Vec<u8> = (0..5000_u32).flat_map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[..4].to_vec()).collect();
    for coding in CODINGS {
        assert_eq!(compression.whole(coding, &noise), Ok(None), "{coding:?}");
    }
    let full = Compression::new(&CompressionSettings { streams_max: 0, event_streams_max: 0, ..settings() });
    assert_eq!(full.whole(Gzip, &noise), Err(Busy));
}

#[test]
fn explain_says_the_coding_or_why_there_is_none() {
    let asked = |fields: &[(&str, &str)], custom: &[(&str, &str)]| {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| httparse::Header { name, value: value.as_bytes() }).collect();
        let head = Head { method: "GET", path: "/", query: None, fields: &fields, http11: true, host: "h" };
        let custom = custom.iter().map(|(name, value)| (*name, value.as_bytes()));
        Preview::of(&Wants::of(&head), custom, &settings()).to_string()
    };
    assert!(asked(BROWSER, &[]).starts_with("zstd, where"), "{}", asked(BROWSER, &[]));
    assert_eq!(asked(&[], &[]), "none: the client wants it as it is");
    assert_eq!(asked(BROWSER, &[("Cache-Control", "no-transform")]), "none: no-transform is said");
}
