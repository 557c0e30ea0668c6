//! A problem: something a person or a framework wrote is wrong. Collected, and all shown at once.

use std::{
    error::Error,
    fmt::{self, Write},
    path::PathBuf,
};

pub use crate::rule::Rule;

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
    /// The file, relative to the bundle where it lies inside. Always UTF-8, so that it can be written as JSON; what is
    /// not in the file's real name is replaced.
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

/// All problems of one bundle, in document order; what concerns no place in the manifest comes last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Whether at least one of them refuses the bundle.
    pub fn has_errors(&self) -> bool {
        self.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Whether this rule was broken.
    pub fn has(&self, rule: Rule) -> bool {
        self.iter().any(|problem| problem.rule == rule)
    }

    /// The same problems, every warning an error: what `--strict` means.
    #[must_use]
    pub fn strict(mut self) -> Self {
        for problem in &mut self.0 {
            problem.severity = Severity::Error;
        }
        self
    }

    /// The problems, in document order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Severity {
    /// `"warning"` or `"error"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl fmt::Display for Location {
    /// `file:line:column (pointer)`, leaving out what there is not; control characters are escaped.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_printable(out, &self.file.to_string_lossy())?;
        if let Some((line, column)) = self.position {
            write!(out, ":{line}:{column}")?;
        }
        if !self.pointer.is_empty() {
            out.write_str(" (")?;
            write_printable(out, &self.pointer)?;
            out.write_str(")")?;
        }
        Ok(())
    }
}

/// File names and keys are other people's text: none of it may steer the terminal.
fn write_printable(out: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|char| match char.is_control() {
        true => write!(out, "{}", char.escape_default()),
        false => out.write_char(char),
    })
}

impl fmt::Display for Problem {
    /// Three lines in the manner of rustc, without a final line break.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}[{}]: {}\n --> {}", self.severity, self.rule, self.message, self.location)?;
        if let Some(help) = &self.help {
            write!(out, "\nhelp: {help}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problems {
    /// One problem after the other, an empty line between them.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(out, "{gap}{problem}")?;
        }
        Ok(())
    }
}

impl Error for Problems {}
