//! Hot: one source path: whether it matches, and what its placeholders stand for.

use std::{fmt::Write as _, ops::Range};

use edgeplane_config::{Piece, Placeholder};

/// A source path.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    parts: Box<[Part]>,
    /// The names of its placeholders, in the order of what [`captures`](Self::captures) gives.
    pub(super) placeholders: Vec<Placeholder>,
}

#[derive(Clone, Debug)]
enum Part {
    /// Bytes that stand for themselves.
    Text(Box<[u8]>),
    /// One byte or more, none of them a slash.
    Name,
    /// Everything that is left.
    Rest,
}

impl Pattern {
    /// Reads the pieces of a source. Its text may be percent-encoded or not: patterns are matched against the names.
    pub(super) fn of(pieces: &[Piece]) -> Self {
        let mut placeholders = Vec::new();
        let parts = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => Part::Text(percent_encoding::percent_decode_str(text).collect()),
                Piece::Placeholder(placeholder) => {
                    placeholders.push(placeholder.clone());
                    if *placeholder == Placeholder::Rest { Part::Rest } else { Part::Name }
                }
            })
            .collect();
        Self { parts, placeholders }
    }

    /// The pattern as a regular expression over bytes that must reach the end of the path.
    ///
    /// Every literal byte is written as its number, so that no character can mean anything else.
    pub(super) fn expression(&self) -> String {
        let mut out = String::from("(?s-u)");
        for part in &self.parts {
            match part {
                Part::Text(text) => text.iter().for_each(|byte| write!(out, r"\x{byte:02X}").unwrap_or_default()),
                Part::Name => out.push_str("[^/]+"),
                Part::Rest => out.push_str(".*"),
            }
        }
        out.push_str(r"\z");
        out
    }

    /// Where the placeholders stand in the path; none where it does not match as a whole.
    ///
    /// Each one is as short as it can be. A text after a placeholder is taken where it occurs first: within one segment
    /// that leaves the most for those that follow, and no placeholder but the last leaves its segment, so nothing is
    /// ever tried twice.
    pub(super) fn captures(&self, path: &[u8]) -> Option<Vec<Range<usize>>> {
        let mut captures = Vec::new();
        let mut at = 0;
        // Where a name began whose end is not known yet.
        let mut open: Option<usize> = None;
        for (place, part) in self.parts.iter().enumerate() {
            let rest = path.get(at..)?;
            match (part, open) {
                (Part::Rest, _) => {
                    close(&mut captures, open.take(), at, path)?;
                    captures.push(at..path.len());
                    at = path.len();
                }
                (Part::Name, _) => {
                    close(&mut captures, open.replace(at), at, path)?;
                    at += 1;
                }
                (Part::Text(text), None) => {
                    rest.starts_with(text).then_some(())?;
                    at += text.len();
                }
                (Part::Text(text), Some(_)) => {
                    let found = if place + 1 == self.parts.len() {
                        rest.ends_with(text).then(|| rest.len() - text.len())?
                    } else {
                        memchr::memmem::find(rest, text)?
                    };
                    close(&mut captures, open.take(), at + found, path)?;
                    at += found + text.len();
                }
            }
        }
        match open {
            Some(_) => close(&mut captures, open, path.len(), path)?,
            None => (at == path.len()).then_some(())?,
        }
        Some(captures)
    }
}

/// A name ends: it must have a byte at least, and no slash.
fn close(captures: &mut Vec<Range<usize>>, open: Option<usize>, end: usize, path: &[u8]) -> Option<()> {
    let Some(start) = open else { return Some(()) };
    let name = path.get(start..end)?;
    if name.is_empty() || name.contains(&b'/') {
        return None;
    }
    captures.push(start..end);
    Some(())
}
