//! Hot: one pattern matched without an automaton, for paths on which the lazy one makes no progress.

/// A pattern as the texts between its asterisks: one more than there are asterisks.
#[derive(Debug)]
pub(super) struct Literals(Box<[Box<[u8]>]>);

impl Literals {
    /// Takes a pattern apart.
    pub(super) fn parse(pattern: &str) -> Self {
        Self(pattern.split('*').map(|text| text.as_bytes().into()).collect())
    }

    /// Whether the pattern matches the whole path.
    ///
    /// The first and the last text have their places. Each one between them is taken where it occurs first: that
    /// leaves the most for those that follow, so nothing is ever tried twice.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        let (first, between, last) = match &*self.0 {
            [first, between @ .., last] => (first, between, last),
            [only] => return **only == *path,
            [] => return false,
        };
        let Some(mut rest) = path.strip_prefix(&**first).and_then(|rest| rest.strip_suffix(&**last)) else {
            return false;
        };
        for text in between {
            match after(rest, text) {
                Some(following) => rest = following,
                None => return false,
            }
        }
        true
    }
}

/// What follows the first occurrence of a text.
fn after<'a>(path: &'a [u8], text: &[u8]) -> Option<&'a [u8]> {
    if text.is_empty() {
        return Some(path);
    }
    let at = path.windows(text.len()).position(|window| window == text)?;
    path.get(at + text.len()..)
}
