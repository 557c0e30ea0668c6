//! Hot: which remote URLs the manifest allows. Matched on the parsed URL, never on its text.

use std::borrow::Cow;

use edgeplane_config::{ImageSettings, RemotePattern};
use percent_encoding::percent_decode_str;
use url::Url;

/// The manifest's `domains` and `remotePatterns`.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns {
    domains: Vec<String>,
    patterns: Vec<Pattern>,
    allow_http: bool,
}

/// One remote pattern, its path split into decoded segments.
#[derive(Clone, Debug)]
struct Pattern {
    protocol: Option<String>,
    labels: Vec<String>,
    port: Option<u16>,
    segments: Option<Vec<Vec<u8>>>,
}

impl Patterns {
    pub(super) fn new(settings: &ImageSettings, allow_http: bool) -> Self {
        let domains = settings.domains.iter().map(|domain| domain.to_ascii_lowercase()).collect();
        let patterns = settings.remote_patterns.iter().map(Pattern::new).collect();
        Self { domains, patterns, allow_http }
    }

    /// Whether plain http is allowed at all.
    pub(super) fn allow_http(&self) -> bool {
        self.allow_http
    }

    /// Whether `url` may be fetched. It is asked again for every redirect.
    pub(super) fn allow(&self, url: &Url) -> bool {
        let scheme = url.scheme() == "https" || (url.scheme() == "http" && self.allow_http);
        let anonymous = url.username().is_empty() && url.password().is_none();
        let Some(host) = url.host_str() else { return false };
        scheme
            && anonymous
            && !steps_up(url.path())
            && (self.domains.iter().any(|domain| domain == host)
                || self.patterns.iter().any(|pattern| pattern.matches(url, host)))
    }
}

impl Pattern {
    fn new(pattern: &RemotePattern) -> Self {
        let protocol = pattern.protocol.as_deref().map(|protocol| protocol.trim_end_matches(':').to_ascii_lowercase());
        // An empty glob could only match nothing; it is taken as absent.
        let pathname = pattern.pathname.as_deref().filter(|pathname| !pathname.is_empty());
        Self {
            protocol,
            labels: pattern.hostname.to_ascii_lowercase().split('.').map(Into::into).collect(),
            port: pattern.port,
            segments: pathname.map(|pathname| segments(pathname).map(Cow::into_owned).collect()),
        }
    }

    fn matches(&self, url: &Url, host: &str) -> bool {
        let default_port = if url.scheme() == "http" { 80 } else { 443 };
        self.protocol.as_deref().is_none_or(|protocol| protocol == url.scheme())
            && url.port_or_known_default() == Some(self.port.unwrap_or(default_port))
            && self.matches_host(host)
            && self.segments.as_deref().is_none_or(|globs| {
                let path: Vec<Cow<'_, [u8]>> = segments(url.path()).collect();
                matches_list(
                    globs,
                    &path,
                    Repeat::None,
                    |glob| glob == b"**",
                    |glob, segment| matches_text(glob, segment),
                )
            })
    }

    /// `*` is one label or a part of one; `**` is one label or more. A pattern that is all wildcard names no host.
    fn matches_host(&self, host: &str) -> bool {
        if self.labels.iter().all(|label| label == "**") {
            return false;
        }
        let labels: Vec<&str> = host.split('.').collect();
        let one = |glob: &String, label: &&str| matches_text(glob.as_bytes(), label.as_bytes()) && !label.is_empty();
        matches_list(&self.labels, &labels, Repeat::One, |glob| glob == "**", one)
    }
}

/// The segments of a path, each decoded, so that `%C3%A9`, `%c3%a9` and `é` are one.
fn segments(path: &str) -> impl Iterator<Item = Cow<'_, [u8]>> {
    path.strip_prefix('/').unwrap_or(path).split('/').map(|segment| Cow::from(percent_decode_str(segment)))
}

/// Whether a path holds a `..` that only shows once encoded separators are decoded, as some servers do.
fn steps_up(path: &str) -> bool {
    percent_decode_str(path).any(|byte| byte == b'\0')
        || percent_decode_str(path)
            .collect::<Vec<u8>>()
            .split(|byte| matches!(byte, b'/' | b'\\'))
            .any(|segment| segment == b"..")
}

/// The least number of items a repeating glob takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    None,
    One,
}

/// Matches a list of globs, one of which may stand for many items, against a list of items. The last repetition takes
/// one item more whenever what follows it fails, so the work is at most the product of the lengths.
fn matches_list<G, T>(
    globs: &[G],
    items: &[T],
    least: Repeat,
    repeats: impl Fn(&G) -> bool,
    one: impl Fn(&G, &T) -> bool,
) -> bool {
    let (mut glob, mut item) = (0, 0);
    let mut last: Option<(usize, usize)> = None;
    loop {
        match globs.get(glob) {
            Some(many) if repeats(many) => {
                glob += 1;
                item += usize::from(least == Repeat::One);
                if item > items.len() {
                    return false;
                }
                last = Some((glob, item));
                continue;
            }
            Some(single) if items.get(item).is_some_and(|found| one(single, found)) => {
                glob += 1;
                item += 1;
                continue;
            }
            None if item == items.len() => return true,
            _ => {}
        }
        match last {
            Some((after, from)) if from < items.len() => {
                last = Some((after, from + 1));
                (glob, item) = (after, from + 1);
            }
            _ => return false,
        }
    }
}

/// Matches one label or segment; `*` is any run of bytes, but a glob of nothing else wants at least one.
fn matches_text(glob: &[u8], text: &[u8]) -> bool {
    if !glob.is_empty() && glob.iter().all(|byte| *byte == b'*') {
        return !text.is_empty();
    }
    matches_list(glob, text, Repeat::None, |byte| *byte == b'*', |byte, found| byte == found)
}

#[cfg(test)]
mod tests;
