//! A target filled in: what goes into a `Location` field, or takes the place of the path that was asked for.
//!
//! Whatever a client sends, the result stays on the site that the rule names: slashes and backslashes do not pile up
//! where text and insertion meet, so that no `//host` comes about, and what a URL does not hold raw is encoded.

use std::{borrow::Cow, ops::Range};

use edgeplane_config::{Piece, Placeholder};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// What must not stand raw in a path or query (RFC 3986), but for `%`: what is encoded already stays so.
const RAW: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');
/// The same, and what would end a path.
const RAW_PATH: &AsciiSet = &RAW.add(b'?').add(b'#');
/// All but the characters that mean themselves everywhere (RFC 3986 2.3).
const ONE_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path or query with places to be filled in.
#[derive(Clone, Debug, Default)]
pub(super) struct Template(Box<[Slot]>);

#[derive(Clone, Debug)]
enum Slot {
    Text(String),
    /// The value at this place of those given.
    Value(usize),
}

impl Template {
    /// Of a target's path; `known` are the placeholders of its source.
    pub(super) fn path(pieces: &[Piece], known: &[Placeholder]) -> Self {
        Self::of(pieces, known, RAW_PATH)
    }

    /// Of a target's query.
    pub(super) fn query(pieces: &[Piece], known: &[Placeholder]) -> Self {
        Self::of(pieces, known, RAW)
    }

    fn of(pieces: &[Piece], known: &[Placeholder], raw: &'static AsciiSet) -> Self {
        let slot = |piece: &Piece| match piece {
            Piece::Text(text) => Some(Slot::Text(utf8_percent_encode(text, raw).to_string())),
            // A target names what its source has; anything else was refused when the rule was read.
            Piece::Placeholder(wanted) => known.iter().position(|placeholder| placeholder == wanted).map(Slot::Value),
        };
        Self(pieces.iter().filter_map(slot).collect())
    }

    /// The path, with one slash where a text and a value that both have one meet.
    pub(super) fn fill_path(&self, values: &[Cow<'_, str>]) -> String {
        let mut out = String::new();
        let mut after_value = false;
        for slot in &self.0 {
            let (piece, is_value) = match slot {
                Slot::Text(text) => (text.as_str(), false),
                Slot::Value(place) => (values.get(*place).map_or("", |value| &**value), true),
            };
            let seam = (after_value || is_value) && out.ends_with('/');
            let piece = if seam { piece.trim_start_matches(is_slash) } else { piece };
            if is_value {
                out.extend(utf8_percent_encode(piece, RAW_PATH));
            } else {
                out.push_str(piece);
            }
            after_value = is_value;
        }
        rooted(&out)
    }

    /// The query.
    pub(super) fn fill_query(&self, values: &[Cow<'_, str>]) -> String {
        let mut out = String::new();
        for slot in &self.0 {
            match slot {
                Slot::Text(text) => out.push_str(text),
                Slot::Value(place) => {
                    let value = values.get(*place).map_or("", |value| &**value);
                    // A path's `&` and `+` are no query's.
                    let name: Cow<'_, str> = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
                    out.extend(utf8_percent_encode(&name, ONE_NAME));
                }
            }
        }
        out
    }

    /// The path of a target that another path is appended to.
    pub(super) fn append(&self, path: &str) -> String {
        let base = self.fill_path(&[]);
        let base = base.trim_end_matches('/');
        let path: String = utf8_percent_encode(path.trim_start_matches(is_slash), RAW_PATH).collect();
        format!("{base}/{path}")
    }
}

fn is_slash(char: char) -> bool {
    matches!(char, '/' | '\\')
}

/// With one slash at the front: `//host` would be another site.
fn rooted(path: &str) -> String {
    format!("/{}", path.trim_start_matches(is_slash))
}

/// The part of the path as it was sent that is this part of the decoded one.
pub(super) fn sent<'a>(path: &'a str, decoded: &[u8], part: &Range<usize>) -> &'a str {
    if path.len() == decoded.len() {
        return path.get(part.clone()).unwrap_or_default();
    }
    let start = offset(path.as_bytes(), part.start);
    path.get(start..offset(path.as_bytes(), part.end)).unwrap_or_default()
}

/// Where the byte of that number stands in the encoded path.
fn offset(path: &[u8], decoded: usize) -> usize {
    let is_escape = |at: usize| matches!(path.get(at..at + 3), Some([b'%', high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit());
    (0..decoded).fold(0, |at, _| at + if is_escape(at) { 3 } else { 1 })
}

/// A value out of a query, for a path: nothing in it separates anything.
pub(super) fn one_name(value: &str) -> String {
    utf8_percent_encode(value, ONE_NAME).to_string()
}

/// A query as it was sent, for a field or another site.
pub(super) fn query_as_sent(query: &str) -> String {
    utf8_percent_encode(query, RAW).to_string()
}

/// Whether a path has a segment that leads up, or nowhere: whoever resolves it leaves the folder that a target names.
pub(super) fn has_dot_segment(path: &str) -> bool {
    let decoded: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
    decoded.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| matches!(segment, b"." | b".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_in_the_path_as_it_was_sent() {
        let path = "/a%20b/%C3%A9%zz/%2Fc";
        let decoded: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
        for (part, expected) in [("a b", "a%20b"), ("é%zz", "%C3%A9%zz"), ("/c", "%2Fc"), ("b/é", "b/%C3%A9")] {
            let at = memchr::memmem::rfind(&decoded, part.as_bytes()).unwrap();
            assert_eq!(sent(path, &decoded, &(at..at + part.len())), expected, "{part}");
        }
    }

    #[test]
    fn segments_of_dots_are_found_in_every_spelling() {
        for (path, found) in [
            ("/a/../b", true),
            ("/a/%2e%2E/b", true),
            ("/a%2f..%5cb", true),
            ("/..", true),
            ("/./a", true),
            ("/a..b/.c/...", false),
            ("/", false),
        ] {
            assert_eq!(has_dot_segment(path), found, "{path}");
        }
    }
}
