//! A report in the making: problems as they are found, put in order at the end.

use std::path::{Path, PathBuf};

use crate::{Location, Problem, Problems, Rule, Severity};

/// Problems told of one bundle. A page nobody reads to its end needs no more, and memory stays bounded.
const PROBLEMS_MAX: usize = 200;

/// Characters of a message that are kept: enough for the longest path, too few to fill a screen or the memory.
const MESSAGE_CHARS_MAX: usize = 400;

/// A place in a document: the pointer for machines, the byte offset to make line and column of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Anchor {
    pub(crate) pointer: String,
    pub(crate) offset: usize,
}

impl Anchor {
    /// The place of the member or element called `token`, which starts at `offset`.
    pub(crate) fn child(&self, token: &str, offset: usize) -> Self {
        let token = token.replace('~', "~0").replace('/', "~1");
        Self { pointer: format!("{}/{token}", self.pointer), offset }
    }
}

/// Problems in the order in which they were found.
#[derive(Debug)]
pub(crate) struct Report {
    manifest: PathBuf,
    found: Vec<(Option<usize>, Problem)>,
    left_out: usize,
    /// The worst among those left out: an error that is not shown still refuses the bundle.
    worst: Severity,
}

impl Report {
    /// An empty report on the manifest of this name.
    pub(crate) fn new(manifest: impl Into<PathBuf>) -> Self {
        Self { manifest: manifest.into(), found: Vec::new(), left_out: 0, worst: Severity::Warning }
    }

    /// The bundle is refused for what stands at `anchor`.
    pub(crate) fn error(&mut self, rule: Rule, anchor: &Anchor, message: impl Into<String>, help: impl Into<String>) {
        self.at(Severity::Error, rule, anchor, message, help);
    }

    /// What stands at `anchor` is remarked upon.
    pub(crate) fn warning(&mut self, rule: Rule, anchor: &Anchor, message: impl Into<String>, help: impl Into<String>) {
        self.at(Severity::Warning, rule, anchor, message, help);
    }

    /// A problem of either severity with what stands at `anchor` of the manifest.
    pub(crate) fn at(
        &mut self,
        severity: Severity,
        rule: Rule,
        anchor: &Anchor,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let location = Location { file: self.manifest.clone(), pointer: anchor.pointer.clone(), position: None };
        self.push(Some(anchor.offset), rule, severity, location, &message.into(), &help.into());
    }

    /// A problem with a file or folder, not with a place in the manifest.
    pub(crate) fn on_disk(
        &mut self,
        severity: Severity,
        rule: Rule,
        file: impl AsRef<Path>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let file = PathBuf::from(file.as_ref().to_string_lossy().into_owned());
        let location = Location { file, pointer: String::new(), position: None };
        self.push(None, rule, severity, location, &message.into(), &help.into());
    }

    fn push(
        &mut self,
        offset: Option<usize>,
        rule: Rule,
        severity: Severity,
        location: Location,
        message: &str,
        help: &str,
    ) {
        if self.found.len() < PROBLEMS_MAX {
            let help = Some(printable(help));
            self.found.push((offset, Problem { rule, severity, location, message: printable(message), help }));
        } else {
            self.left_out += 1;
            self.worst = self.worst.max(severity);
        }
    }

    /// Puts the problems in document order and gives them their lines and columns in `text`.
    pub(crate) fn finish(mut self, text: &str) -> Problems {
        self.found.sort_by_key(|(offset, _)| offset.unwrap_or(usize::MAX));
        let mut cursor = Cursor::new(text);
        for (offset, problem) in &mut self.found {
            problem.location.position = offset.map(|offset| cursor.advance(offset));
        }
        let mut problems: Vec<Problem> = self.found.into_iter().map(|(_, problem)| problem).collect();
        if self.left_out > 0 {
            problems.push(Problem {
                rule: Rule::TooManyProblems,
                severity: self.worst,
                location: Location { file: self.manifest, ..Location::default() },
                message: format!("{} more problems are not shown", self.left_out),
                help: Some("mend those above and check again".to_owned()),
            });
        }
        Problems(problems)
    }
}

/// The text for a terminal or a log: it may quote the manifest, whose control characters must not reach either.
fn printable(text: &str) -> String {
    let mut out = String::new();
    for (index, char) in text.chars().enumerate() {
        if index == MESSAGE_CHARS_MAX {
            out.push('…');
            break;
        }
        if char.is_control() { out.extend(char.escape_default()) } else { out.push(char) }
    }
    out
}

/// Walks a text once, from offset to later offset, counting lines and characters.
pub(crate) struct Cursor<'a> {
    rest: &'a str,
    offset: usize,
    line: usize,
    column: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text, offset: 0, line: 1, column: 1 }
    }

    /// The one-based line and column of `offset`, which must not lie before the last one asked for.
    pub(crate) fn advance(&mut self, offset: usize) -> (usize, usize) {
        while self.offset < offset {
            let mut chars = self.rest.chars();
            let Some(char) = chars.next() else { break };
            self.rest = chars.as_str();
            self.offset += char.len_utf8();
            if char == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        (self.line, self.column)
    }
}
