//! The address that `edgeplane explain` is asked about: a path, or a URL.

use super::Failure;

/// The address that somebody asks about.
pub(super) struct Url {
    /// As a `Host` field has it; `localhost` where only a path was given.
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) is_https: bool,
}

impl Url {
    /// Reads a path or a URL.
    ///
    /// # Errors
    /// [`Failure::Usage`] where it is neither.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let (host, origin) = match rest {
            Some(rest) => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
            None if text.starts_with('/') => ("localhost", text),
            None => {
                return Err(Failure::Usage {
                    message: format!("`{text}` is neither a path nor a URL"),
                    help: "begin it with `/` or `http://`",
                });
            }
        };
        let (path, query) = match origin.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (origin, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self { host: host.to_owned(), path: path.to_owned(), query, is_https: text.starts_with("https://") })
    }
}
