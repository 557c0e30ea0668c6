//! Hot: what a request's `url` names: a path of this deployment, or an allowed remote URL.
//!
//! The text is parsed once, by the URL standard's rules, and what was parsed is what is matched and fetched: two
//! parsers that disagree are how an allow-list is passed.

use percent_encoding::percent_decode_str;
use url::Url;

use super::{
    Origin,
    query::has_whole_escapes,
    refusal::{BadRequest, Refusal},
    rules::Rules,
};

/// Characters of a `url`, counted in UTF-16 units as the browsers' side of the contract does.
const URL_LENGTH_MAX: usize = 3072;

/// Where a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Locator {
    /// In this deployment, at these places in turn.
    Local(Vec<LocalPath>),
    /// Elsewhere, at a URL the patterns allow.
    Remote(Url),
}

/// A normalised, percent-encoded path with its query.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LocalPath {
    /// Starts with one `/`.
    pub(super) path: String,
    /// Without the `?`.
    pub(super) query: Option<String>,
}

impl LocalPath {
    /// As it stands in a request line.
    pub(super) fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

/// Finds out what `text` names. `base_path` is tried in front of a local path second.
pub(super) fn locate(text: &str, base_path: &str, rules: &Rules, origin: &dyn Origin) -> Result<Locator, Refusal> {
    if text.encode_utf16().count() > URL_LENGTH_MAX {
        return Err(BadRequest::UrlTooLong.into());
    }
    // The URL standard drops tabs and line ends wherever they stand, and could so turn `/<tab>/host` into `//host`.
    if text.chars().any(|char| char.is_ascii_control()) {
        return Err(BadRequest::UrlInvalid.into());
    }
    let text = text.trim_matches(' ');
    if text.starts_with('/') {
        return local(&local_url(text)?, base_path, origin);
    }
    let url = Url::parse(text).map_err(|_| BadRequest::UrlInvalid)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BadRequest::UrlInvalid.into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadRequest::UrlUserinfo.into());
    }
    let host = url.host_str().unwrap_or_default();
    if rules.public_hosts.iter().any(|public| public == host) {
        return local(&url, base_path, origin);
    }
    remote(url, rules)
}

/// Parses a path. Backslashes are refused first, because the URL standard reads them as slashes.
fn local_url(text: &str) -> Result<Url, BadRequest> {
    if text.starts_with("//") {
        return Err(BadRequest::UrlProtocolRelative);
    }
    if text.contains('\\') {
        return Err(BadRequest::UrlInvalid);
    }
    let mut base = Url::parse("http://local/").map_err(|_| BadRequest::UrlInvalid)?;
    base = base.join(text).map_err(|_| BadRequest::UrlInvalid)?;
    if base.host_str() == Some("local") { Ok(base) } else { Err(BadRequest::UrlInvalid) }
}

fn local(url: &Url, base_path: &str, origin: &dyn Origin) -> Result<Locator, Refusal> {
    let path = url.path();
    if !has_whole_escapes(path) || path.starts_with("//") {
        return Err(BadRequest::UrlInvalid.into());
    }
    let decoded = percent_decode_str(path).decode_utf8().map_err(|_| BadRequest::UrlInvalid)?;
    // A separator or an end of string that only appears after decoding is an attempt to step out of a folder.
    let separators = path.matches('/').count();
    if decoded.matches('/').count() != separators || decoded.contains(['\\', '\0']) {
        return Err(BadRequest::UrlInvalid.into());
    }
    let first = LocalPath { path: path.into(), query: url.query().map(Into::into) };
    let mut places = vec![first.clone()];
    let below = path.strip_prefix(base_path).is_some_and(|rest| rest.starts_with('/'));
    if !base_path.is_empty() && !below {
        places.push(LocalPath { path: format!("{base_path}{path}"), ..first });
    }
    let recursive = |place: &LocalPath| {
        origin.is_image_route(&place.path)
            || percent_decode_str(&place.path).decode_utf8().is_ok_and(|path| origin.is_image_route(&path))
    };
    if places.iter().any(recursive) {
        return Err(BadRequest::UrlRecursive.into());
    }
    Ok(Locator::Local(places))
}

fn remote(mut url: Url, rules: &Rules) -> Result<Locator, Refusal> {
    // Never sent, and so no part of what the source is.
    url.set_fragment(None);
    if url.scheme() == "http" && !rules.patterns.allow_http() {
        return Err(BadRequest::UrlNotHttps.into());
    }
    if rules.patterns.allow(&url) { Ok(Locator::Remote(url)) } else { Err(Refusal::NotAllowed) }
}

#[cfg(test)]
mod tests;
