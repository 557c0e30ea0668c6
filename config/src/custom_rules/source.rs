//! A rule's source: the addresses it takes.

use super::Placeholder;

/// Which requests a rule takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleSource {
    /// Those for a path, whole.
    Path {
        /// The path.
        pieces: Vec<Piece>,
        /// What the query must have besides.
        query: Vec<Demand>,
    },
    /// Those for a path in which this regular expression of JavaScript finds something.
    Regex(String),
    /// Those for a host, whatever their path: lower case, without port.
    Host(String),
}

/// A piece of a source path or of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text that stands for itself, as it was written.
    Text(String),
    /// In a source: `<name>` matches within one segment, one character at least; `<*>`, at the end, whatever is left. In a
    /// target: what it matched.
    Placeholder(Placeholder),
}

/// A parameter that a query must have; others beside it do not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Its name.
    pub key: String,
    /// Its value, where that is given.
    pub value: Option<String>,
    /// What its value is called in the target, where it is any value.
    pub name: Option<String>,
}

/// Why a text is no source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It begins with neither `/`, `https://` nor `</`.
    Start,
    /// `<*>` stands twice, or not at the end.
    Wildcard,
    /// A `<` that begins no placeholder.
    Angle,
    /// A placeholder's name stands twice.
    Twice(String),
    /// A host is followed by a path.
    HostPath,
    /// What follows `https://` is no host.
    Host,
    /// A query parameter without a name, or with more than one placeholder for its value.
    Query,
    /// There is a `#`, which no browser sends.
    Fragment,
    /// A regular expression that does not end in `/>`.
    RegexEnd,
    /// A regular expression that is none.
    Regex(String),
}

/// Reads a source.
pub(super) fn read(text: &str) -> Result<RuleSource, Fault> {
    if let Some(rest) = text.strip_prefix("</") {
        let expression = rest.strip_suffix("/>").ok_or(Fault::RegexEnd)?;
        return match fancy_regex::Regex::new(expression) {
            Ok(_) => Ok(RuleSource::Regex(expression.to_owned())),
            Err(error) => Err(Fault::Regex(error.to_string())),
        };
    }
    if let Some(rest) = without_scheme(text) {
        return host(rest);
    }
    if !text.starts_with('/') {
        return Err(Fault::Start);
    }
    if text.contains('#') {
        return Err(Fault::Fragment);
    }
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let pieces = pieces(path).ok_or(Fault::Angle)?;
    let is_rest = |piece: &Piece| *piece == Piece::Placeholder(Placeholder::Rest);
    let misplaced = pieces.iter().rev().skip(1).any(is_rest) || query.contains("<*>");
    if misplaced || (pieces.last().is_some_and(is_rest) && !query.is_empty()) {
        return Err(Fault::Wildcard);
    }
    let query = demands(query)?;
    let mut names = Vec::new();
    let of_path = pieces.iter().filter_map(|piece| match piece {
        Piece::Placeholder(Placeholder::Name(name)) => Some(name),
        _ => None,
    });
    for name in of_path.chain(query.iter().filter_map(|demand| demand.name.as_ref())) {
        if names.contains(&name) {
            return Err(Fault::Twice(name.clone()));
        }
        names.push(name);
    }
    Ok(RuleSource::Path { pieces, query })
}

impl RuleSource {
    /// What a target may say.
    pub(super) fn has(&self, placeholder: &Placeholder) -> bool {
        let Self::Path { pieces, query } = self else { return false };
        let in_query = |name: &String| query.iter().any(|demand| demand.name.as_ref() == Some(name));
        pieces.contains(&Piece::Placeholder(placeholder.clone()))
            || matches!(placeholder, Placeholder::Name(name) if in_query(name))
    }

    /// Whether every path is taken: `/<*>`.
    pub fn is_everything(&self) -> bool {
        let Self::Path { pieces, query } = self else { return false };
        query.is_empty()
            && matches!(&pieces[..], [Piece::Text(text), Piece::Placeholder(Placeholder::Rest)] if text == "/")
    }

    /// Whether one path is taken and no other.
    pub fn is_one_path(&self) -> bool {
        matches!(self, Self::Path { pieces, .. } if pieces.iter().all(|piece| matches!(piece, Piece::Text(_))))
    }
}

/// Text and placeholders in their order; none where a `<` begins no placeholder.
pub(super) fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let (name, following) = after.split_once('>')?;
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(Piece::Placeholder(match name {
            "*" => Placeholder::Rest,
            name if is_name(name) => Placeholder::Name(name.to_owned()),
            _ => return None,
        }));
        rest = following;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Some(pieces)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// What follows `https://` or `http://`, in any case.
fn without_scheme(text: &str) -> Option<&str> {
    let schemes = ["https://", "http://"];
    let scheme = schemes.into_iter().find(|scheme| starts_with(text, scheme))?;
    text.get(scheme.len()..)
}

pub(super) fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn host(rest: &str) -> Result<RuleSource, Fault> {
    // A slash alone is no path.
    let host = rest.strip_suffix('/').unwrap_or(rest);
    if host.contains(['/', '?', '#']) {
        return Err(Fault::HostPath);
    }
    let named = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if named { Ok(RuleSource::Host(host.to_ascii_lowercase())) } else { Err(Fault::Host) }
}

fn demands(query: &str) -> Result<Vec<Demand>, Fault> {
    let mut demands = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if key.is_empty() || key.contains('<') {
            return Err(Fault::Query);
        }
        let (value, name) = match &pieces(value).ok_or(Fault::Angle)?[..] {
            [] => (None, None),
            [Piece::Text(text)] => (Some(text.clone()), None),
            [Piece::Placeholder(Placeholder::Name(name))] => (None, Some(name.clone())),
            _ => return Err(Fault::Query),
        };
        demands.push(Demand { key: key.to_owned(), value, name });
    }
    Ok(demands)
}
