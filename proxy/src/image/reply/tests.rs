//! The fields of an answer.

use std::time::Duration;

use bytes::Bytes;
use edgeplane_optimizer::{Probe, SourceType};

use super::*;
use crate::image::{freshness::Freshness, sample};

fn picture(source_type: SourceType, store: bool) -> Picture {
    let probe = Probe { source_type, width: 1, height: 1, animated: false, alpha: false, memory_bytes: 0 };
    let freshness = Freshness { ttl: Duration::from_secs(77), store };
    let mut picture = Picture::passed(Bytes::from_static(b"bytes"), None, &probe, freshness);
    picture.passed = source_type == SourceType::Svg;
    picture
}

fn fetched(status: CacheStatus) -> Circumstances<'static> {
    Circumstances { status, source_path: "/x/cat.png", current: false }
}

fn answer(change: impl FnOnce(&mut ImageRequest), picture: &Picture, around: Circumstances<'_>) -> Answer {
    let mut request = sample::get("", "");
    change(&mut request);
    reply(picture, &request, &sample::rules(&sample::settings(), &sample::tuning()), around)
}

fn field<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("ascii"))
}

#[test]
fn a_200_says_everything() {
    // Row 151.
    let answer = answer(|_| (), &picture(SourceType::Png, true), fetched(CacheStatus::Hit));
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(field(&answer, "content-type"), "image/png");
    assert_eq!(field(&answer, "cache-control"), "public, max-age=77");
    assert_eq!(field(&answer, "vary"), "Accept");
    assert_eq!(field(&answer, "age"), "0");
    assert_eq!(field(&answer, "x-edgeplane-cache"), "HIT");
    assert_eq!(field(&answer, "x-content-type-options"), "nosniff");
    assert_eq!(field(&answer, "content-security-policy"), "script-src 'none'; frame-src 'none'; sandbox;");
    assert_eq!(field(&answer, "content-disposition"), "inline; filename=\"cat.png\"");
    let etag = field(&answer, "etag");
    assert!(etag.len() == 34 && etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    assert_eq!(answer.body.len(), 5);
}

#[test]
fn the_routes_words_win() {
    // Row 138.
    let route = HeaderValue::from_static("public, max-age=300, immutable");
    for held in [None, Some("*".to_owned())] {
        let change = |request: &mut ImageRequest| {
            request.cache_control = Some(route.clone());
            request.if_none_match = held;
        };
        let answer = answer(change, &picture(SourceType::Png, true), fetched(CacheStatus::Miss));
        assert_eq!(field(&answer, "cache-control"), "public, max-age=300, immutable");
    }
}

#[test]
fn a_copy_that_is_held_is_not_sent_again() {
    // Rows 141 to 143.
    let picture = picture(SourceType::Png, true);
    let etag = picture.etag.to_str().expect("ascii").to_owned();
    let ask = |held: String, no_cache: bool| {
        let change = |request: &mut ImageRequest| {
            request.if_none_match = Some(held);
            request.no_cache = no_cache;
        };
        answer(change, &picture, fetched(CacheStatus::Miss))
    };
    for held in [etag.clone(), format!("\"x\", {etag}"), "*".into(), format!("W/{etag}")] {
        let answer = ask(held.clone(), false);
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{held}");
        assert!(answer.body.is_empty());
        let mut names: Vec<&str> = answer.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["cache-control", "etag", "vary", "x-edgeplane-cache"]);
    }
    assert_eq!(ask("\"other\"".into(), false).status, StatusCode::OK);
    assert_eq!(ask(etag, true).status, StatusCode::OK);
}

#[test]
fn svg_is_a_download_that_does_not_vary() {
    let answer = answer(|_| (), &picture(SourceType::Svg, true), fetched(CacheStatus::Miss));
    assert_eq!(field(&answer, "content-type"), "image/svg+xml");
    assert_eq!(field(&answer, "content-disposition"), "attachment; filename=\"cat.svg\"");
    assert!(!answer.headers.contains_key("vary"));
}

#[test]
fn what_may_not_be_kept_says_so() {
    let answer = answer(|_| (), &picture(SourceType::Png, false), fetched(CacheStatus::Bypass));
    assert_eq!(field(&answer, "cache-control"), "private, no-store");
    assert_eq!(field(&answer, "x-edgeplane-cache"), "BYPASS");
}

#[test]
fn a_files_picture_is_current_and_has_no_age() {
    let around = Circumstances { current: true, ..fetched(CacheStatus::Hit) };
    let answer = answer(|_| (), &picture(SourceType::Png, true), around);
    assert_eq!(field(&answer, "cache-control"), "public, max-age=60");
    assert!(!answer.headers.contains_key("age"));
}
