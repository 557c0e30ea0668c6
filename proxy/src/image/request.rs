//! The part of a request that the image primitive may know: no cookie, no credential, not even the host.

use http::HeaderValue;

use crate::answer::Head;

/// A request for an image, owned, so that it can outlive the connection's buffer.
#[derive(Clone, Debug)]
pub struct ImageRequest {
    /// The method, as sent.
    pub method: String,
    /// The path that matched the route, as sent.
    pub path: String,
    /// The query, as sent, without the `?`.
    pub query: Option<String>,
    /// `Accept`, joined.
    pub accept: Option<String>,
    /// `If-None-Match`, joined.
    pub if_none_match: Option<String>,
    /// Whether `Cache-Control: no-cache` asks for content even where the client's copy is current.
    pub no_cache: bool,
    /// The route's `cacheControl`.
    pub cache_control: Option<HeaderValue>,
}

/// Whether the client wants content even where its copy is current.
pub(super) fn asks_for_content(head: &Head<'_>) -> bool {
    let no_cache = |value: &str| value.split(',').any(|part| part.trim().eq_ignore_ascii_case("no-cache"));
    head.fields("cache-control").any(no_cache)
}

impl ImageRequest {
    /// Takes what concerns images out of `head`.
    pub fn of(head: &Head<'_>, cache_control: Option<&HeaderValue>) -> Self {
        Self {
            method: head.method.into(),
            path: head.path.into(),
            query: head.query.map(Into::into),
            accept: head.joined("accept").map(Into::into),
            if_none_match: head.joined("if-none-match").map(Into::into),
            no_cache: asks_for_content(head),
            cache_control: cache_control.cloned(),
        }
    }

    /// What stands before the segment a framework reserves for itself: `/docs` of `/docs/_amplify/image`.
    ///
    /// An app with a base path has its route and its files below that path, while the image module of at least one
    /// framework writes the source without it; so the prefix is tried second. Empty where no segment starts with `_`.
    pub(super) fn base_path(&self) -> &str {
        self.path.find("/_").map_or("", |at| &self.path[..at])
    }
}
