//! A problem: something a person or a framework wrote is wrong. Collected, and all shown at once.

use std::path::PathBuf;

/// One thing that is wrong, where it is and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The rule that was broken.
    pub rule: Rule,
    /// Whether the bundle is refused or only remarked upon.
    pub severity: Severity,
    /// Where in which file.
    pub location: Location,
    /// What is wrong: one sentence fragment, lower case, no final period.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Location {
    /// The file, relative to the bundle where it lies inside.
    pub file: PathBuf,
    /// JSON pointer (RFC 6901) into the file, empty for the whole document.
    pub pointer: String,
    /// One-based line and column (in characters), where the file is text.
    pub position: Option<(usize, usize)>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Real frameworks emit it and it can be served; `--strict` refuses it.
    Warning,
    /// The bundle is refused.
    Error,
}

/// All problems of one bundle, in document order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

/// The rules, one per demand of the specification; the name is what `check` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the messages are the documentation")]
pub enum Rule {
    ManifestMissing,
}

impl Rule {
    /// The stable kebab-case name, for people and for `--format json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ManifestMissing => "manifest-missing",
        }
    }
}
