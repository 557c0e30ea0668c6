//! Hot: a picture as an answer.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{disposition::content_disposition, negotiate, picture::Picture, request::ImageRequest, rules::Rules};
use crate::answer::{Answer, Body};

/// How the cache took part: `x-edgeplane-cache`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CacheStatus {
    /// It was kept.
    Hit,
    /// It was kept, its lifetime is over, and it is being looked after.
    Stale,
    /// It was made for this request, or for another one that came a moment earlier.
    Miss,
    /// It stands in for a better one that is still being made.
    Interim,
    /// It never goes through the cache.
    Bypass,
}

impl CacheStatus {
    /// As it stands in the field.
    fn name(self) -> &'static str {
        match self {
            Self::Hit => "HIT",
            Self::Stale => "STALE",
            Self::Miss => "MISS",
            Self::Interim => "MISS; interim",
            Self::Bypass => "BYPASS",
        }
    }
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

/// Long enough for a page that shows the picture twice, and over when the better one is there.
const INTERIM_CACHE_CONTROL: &str = "public, max-age=5";

/// Builds the answer, 304 where the client has it already.
pub(super) fn reply(picture: &Picture, request: &ImageRequest, rules: &Rules, around: Circumstances<'_>) -> Answer {
    let mut headers = HeaderMap::with_capacity(10);
    headers.insert(header::ETAG, picture.etag.clone());
    headers.insert(header::CACHE_CONTROL, cache_control(picture, request, rules, around));
    if !picture.passed && negotiate::depends_on_accept(picture.source_type, &rules.formats) {
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    }
    headers.insert("x-edgeplane-cache", HeaderValue::from_static(around.status.name()));
    if matches!(around.status, CacheStatus::Hit | CacheStatus::Stale) && !around.current {
        headers.insert(header::AGE, HeaderValue::from(picture.age().as_secs()));
    }
    // `Cache-Control: no-cache` asks for the content in any case.
    if !request.no_cache && request.if_none_match.as_deref().is_some_and(|held| is_held(&picture.etag, held)) {
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
    if around.status == CacheStatus::Interim && picture.freshness.store {
        return HeaderValue::from_static(INTERIM_CACHE_CONTROL);
    }
    if around.status == CacheStatus::Interim {
        return HeaderValue::from_static("private, no-store");
    }
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

/// Whether the client's copy is this very picture (RFC 9110 13.1.2, weak comparison).
pub(super) fn is_held(etag: &HeaderValue, held: &str) -> bool {
    held.trim() == "*" || held.split(',').map(str::trim).any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests;
