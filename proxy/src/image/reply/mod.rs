//! Hot: a picture as an answer.

use std::time::Instant;

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{disposition::content_disposition, negotiate, picture::Picture, request::ImageRequest, rules::Rules};
use crate::answer::{Answer, Body};

/// How the cache took part: `x-edgeplane-cache`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CacheStatus {
    /// It was kept.
    Hit,
    /// It was made for this request, or for another one that came a moment earlier.
    Miss,
    /// It never goes through the cache.
    Bypass,
}

/// What is known about a picture beside itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances<'a> {
    /// How the cache took part.
    pub(super) status: CacheStatus,
    /// The path of the source, which names the file.
    pub(super) source_path: &'a str,
    /// Whether the content is known to be current at this moment, because the key names it.
    pub(super) current: bool,
}

/// Scripts in an SVG that somebody opens on its own must not run as the site.
const CONTENT_SECURITY_POLICY: &str = "script-src 'none'; frame-src 'none'; sandbox;";

/// Builds the answer, 304 where the client has it already.
pub(super) fn reply(picture: &Picture, request: &ImageRequest, rules: &Rules, around: Circumstances<'_>) -> Answer {
    let mut headers = HeaderMap::with_capacity(10);
    headers.insert(header::ETAG, picture.etag.clone());
    headers.insert(header::CACHE_CONTROL, cache_control(picture, request, rules, around));
    if !picture.passed && negotiate::depends_on_accept(picture.source_type, &rules.formats) {
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    }
    let status = match around.status {
        CacheStatus::Hit => "HIT",
        CacheStatus::Miss => "MISS",
        CacheStatus::Bypass => "BYPASS",
    };
    headers.insert("x-edgeplane-cache", HeaderValue::from_static(status));
    if around.status == CacheStatus::Hit && !around.current {
        headers.insert(header::AGE, HeaderValue::from(Instant::now().duration_since(picture.made).as_secs()));
    }
    if is_held(picture, request) {
        return Answer { status: StatusCode::NOT_MODIFIED, headers, body: Body::Empty };
    }
    let attachment = picture.source_type == edgeplane_optimizer::SourceType::Svg;
    let disposition = content_disposition(around.source_path, picture.extension, attachment);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(picture.media_type));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Answer { status: StatusCode::OK, headers, body: Body::Whole(picture.bytes.clone()) }
}

/// The route's own words, or the lifetime the picture has.
fn cache_control(picture: &Picture, request: &ImageRequest, rules: &Rules, around: Circumstances<'_>) -> HeaderValue {
    if let Some(said) = &request.cache_control {
        return said.clone();
    }
    if !picture.freshness.store {
        // The source's server said that the content is not to be kept.
        return HeaderValue::from_static("private, no-store");
    }
    let ttl = if around.current { rules.ttl_min } else { picture.freshness.ttl };
    let text = format!("public, max-age={}", ttl.as_secs());
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("no-cache"))
}

/// Whether the client's copy is this very picture (RFC 9110 13.1.2, weak comparison). `Cache-Control: no-cache` asks
/// for the content in any case.
fn is_held(picture: &Picture, request: &ImageRequest) -> bool {
    let Some(held) = request.if_none_match.as_deref().filter(|_| !request.no_cache) else { return false };
    held.trim() == "*"
        || held.split(',').map(str::trim).any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == picture.etag)
}

#[cfg(test)]
mod tests;
