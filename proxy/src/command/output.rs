//! The one place that writes to the terminal. Colour only where somebody looks: on a terminal, and not with `NO_COLOR`.

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind, IsTerminal, Write},
    path::PathBuf,
};

use edgeplane_config::{Problem, Severity};

use super::Failure;

const BOLD_RED: &str = "\x1b[1;31m";
const BOLD_YELLOW: &str = "\x1b[1;33m";
const BOLD_GREEN: &str = "\x1b[1;32m";
const PLAIN: &str = "\x1b[0m";

/// What a word in front of a line means, and its colour.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tone {
    Bad,
    Doubtful,
    Good,
}

/// Writes words in colour, or plainly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    coloured: bool,
}

impl Paint {
    /// For standard output.
    pub(crate) fn stdout() -> Self {
        Self { coloured: io::stdout().is_terminal() && wanted() }
    }

    /// For standard error.
    pub(crate) fn stderr() -> Self {
        Self { coloured: io::stderr().is_terminal() && wanted() }
    }

    /// `word` in the colour of `tone`.
    pub(crate) fn word(self, tone: Tone, word: impl fmt::Display) -> String {
        let colour = match tone {
            Tone::Bad => BOLD_RED,
            Tone::Doubtful => BOLD_YELLOW,
            Tone::Good => BOLD_GREEN,
        };
        if self.coloured { format!("{colour}{word}{PLAIN}") } else { word.to_string() }
    }

    /// A problem of a bundle, its first word in colour.
    pub(crate) fn problem(self, problem: &Problem) -> String {
        let tone = match problem.severity {
            Severity::Error => Tone::Bad,
            Severity::Warning => Tone::Doubtful,
        };
        let text = problem.to_string();
        match text.split_once(':') {
            Some((label, rest)) => format!("{}:{rest}", self.word(tone, label)),
            None => text,
        }
    }
}

/// The convention of <https://no-color.org>: set and not empty means no.
fn wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes what was asked for to standard output.
///
/// # Errors
/// When it cannot be written, except that nobody reads any more: `edgeplane settings | head` is no failure.
pub(crate) fn result(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Write { path: PathBuf::from("standard output"), source })
        }
        _ => Ok(()),
    }
}

/// Tells on standard error what may be a mistake.
pub(crate) fn warning(text: &impl fmt::Display) {
    tell(&format!("{}: {text}", Paint::stderr().word(Tone::Doubtful, "warning")));
}

/// Tells a problem of a bundle on standard error.
pub(crate) fn problem(problem: &Problem) {
    tell(&Paint::stderr().problem(problem));
}

/// Tells on standard error what a person wants to know; `text` ends its own lines.
pub(crate) fn note(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Tells on standard error why a command failed: the whole chain of causes, once.
pub(crate) fn failure(failure: &Failure) {
    let paint = Paint::stderr();
    let error = paint.word(Tone::Bad, "error");
    match failure {
        // Told already, where it was asked for.
        Failure::BundleReported => {}
        Failure::Settings(problems) => problems.0.iter().for_each(|problem| tell(&format!("{error}: {problem}"))),
        Failure::Bundle(problems) => {
            problems.0.iter().for_each(|problem| tell(&format!("{}\n", paint.problem(problem))))
        }
        Failure::Usage { message, help } => tell(&format!("{error}: {message}\n  help: {help}")),
        Failure::Read { .. } | Failure::Write { .. } | Failure::Image { .. } | Failure::Unavailable { .. } => {
            tell(&format!("{error}: {}", chain(failure)));
        }
    }
}

/// An error and its causes, each on a line of its own.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str("\n  because: ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A closed standard error leaves nobody to tell.
fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_chain_of_causes_is_told() {
        let failure = Failure::Read { path: "a.png".into(), source: ErrorKind::NotFound.into() };
        assert_eq!(chain(&failure), "cannot read `a.png`\n  because: entity not found");
    }

    #[test]
    fn colour_is_only_for_terminals() {
        let (plain, coloured) = (Paint { coloured: false }, Paint { coloured: true });
        assert_eq!(plain.word(Tone::Bad, "error"), "error");
        assert_eq!(coloured.word(Tone::Bad, "error"), "\x1b[1;31merror\x1b[0m");
    }
}
