//! Why an instance did not start, said so that its owner can mend it.

use std::{fmt, time::Duration};

use super::{Exit, listening, process::SpawnError, program, readiness::Silent};

/// What happened.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Node never ran.
    #[error(transparent)]
    NotSpawned(#[from] SpawnError),
    /// Node ended.
    #[error("{0}")]
    Ended(Exit),
    /// Node runs and does not answer.
    #[error("no answer to the readiness request within {:.1} s ({})", waited.as_secs_f64(), heard(*connected, elsewhere))]
    Silent {
        /// How long it was waited for.
        waited: Duration,
        /// Whether it accepted a connection.
        connected: bool,
        /// The ports it listens on instead.
        elsewhere: Vec<u16>,
    },
}

fn heard(connected: bool, elsewhere: &[u16]) -> String {
    match (connected, elsewhere) {
        (true, _) => "it accepts connections".to_owned(),
        (false, []) => "it does not listen".to_owned(),
        (false, [port, ..]) => format!("it listens on port {port} and not on 3000"),
    }
}

impl Cause {
    /// The process of this id does not answer.
    pub(super) fn silent(silent: &Silent, pid: i32) -> Self {
        let elsewhere = if silent.connected { Vec::new() } else { listening::ports(pid) };
        Self::Silent { waited: silent.waited, connected: silent.connected, elsewhere }
    }
}

/// An instance that did not start: what happened, what Node last printed, what to do.
#[derive(Debug)]
pub struct StartFailure {
    /// `default-1`
    pub instance: String,
    /// What happened.
    pub cause: Cause,
    /// The last lines of Node's output, oldest first; a bounded number.
    pub last_words: Vec<String>,
    /// What to do about it, where that is known.
    pub help: Option<String>,
}

impl std::error::Error for StartFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.cause)
    }
}

impl fmt::Display for StartFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} did not start: {}", self.instance, self.cause)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        if !self.last_words.is_empty() {
            f.write_str("\n  Node printed last:")?;
        }
        for line in &self.last_words {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

/// The version the bundle was built for and the one that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Versions<'a> {
    pub(super) asked: u32,
    pub(super) found: &'a str,
}

/// What to do about a start that failed.
pub(super) fn help(cause: &Cause, last_words: &[String], versions: Versions<'_>) -> Option<String> {
    let said = |word: &str| last_words.iter().any(|line| line.contains(word));
    let words = KNOWN.iter().find(|(signs, _)| signs.iter().any(|sign| said(sign))).map(|(_, help)| (*help).to_owned());
    let by_version = || {
        let mismatch = program::major(versions.found).is_some_and(|found| found != versions.asked);
        let looks_so = VERSION_SIGNS.iter().any(|sign| said(sign));
        (mismatch && looks_so).then(|| {
            let Versions { asked, found } = versions;
            format!("the bundle is built for Node {asked} and this is {found}: name the right one in [compute] node")
        })
    };
    let by_cause = || match cause {
        Cause::Ended(Exit::Code(0)) => Some(
            "the entry point ended without an error: it must start an HTTP server on port 3000 that keeps running"
                .into(),
        ),
        Cause::Ended(Exit::Signal(libc::SIGKILL)) => {
            Some("something killed it; most often that is the kernel or the container, for want of memory".into())
        }
        Cause::Silent { connected: true, .. } => Some(
            "the server accepts connections and does not answer: name a path it answers quickly in [compute] \
             readiness-path, or raise start-timeout"
                .into(),
        ),
        Cause::Silent { elsewhere, .. } => Some(match elsewhere.first() {
            Some(port) => format!(
                "the specification wants the server on port 3000: change its port, or put PORT={port} into --env-file, \
                 which moves that port too"
            ),
            None => {
                "the server must listen on port 3000 (or the one in PORT); if it only needs longer, raise [compute] \
                     start-timeout"
                    .into()
            }
        }),
        Cause::Ended(_) | Cause::NotSpawned(_) => None,
    };
    by_version().or(words).or_else(by_cause)
}

/// What Node prints for a feature of another version: of the language, of a module, of the binary interface.
const VERSION_SIGNS: [&str; 6] = [
    "SyntaxError",
    "ERR_REQUIRE_ESM",
    "ERR_UNKNOWN_BUILTIN_MODULE",
    "ERR_DLOPEN_FAILED",
    "is not a function",
    "does not provide an export named",
];

/// What Node prints, and what it means for a bundle. The first match counts.
const KNOWN: [(&[&str], &str); 6] = [
    (
        &["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"],
        "the bundle is not self-contained: everything the server imports must lie below compute/default (some adapters \
         leave copying node_modules there to you)",
    ),
    (
        &["EADDRINUSE"],
        "a port is taken: edgeplane moves only port 3000 (and PORT) to an address of the instance's own, and every \
         instance opens any other port again; make the second server optional, or run one instance",
    ),
    (&["ERR_DLOPEN_FAILED"], "a native module does not fit this system: build the bundle on the system it runs on"),
    (&["EACCES", "EPERM"], "the server may not do something: see the path or port it names"),
    (&["JavaScript heap out of memory"], "give Node more memory: NODE_OPTIONS=--max-old-space-size=... (MiB)"),
    (&["bad option"], "Node does not know an option: look at NODE_OPTIONS"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cause: &Cause, words: &[&str], found: &str, expected: Option<&str>) {
        let words: Vec<String> = words.iter().map(|line| (*line).to_owned()).collect();
        let help = help(cause, &words, Versions { asked: 22, found });
        match expected {
            None => assert_eq!(help, None),
            Some(part) => assert!(help.as_deref().is_some_and(|help| help.contains(part)), "{help:?} has no {part:?}"),
        }
    }

    #[test]
    fn the_help_fits_what_happened() {
        let ended = Cause::Ended(Exit::Code(1));
        check(&ended, &["Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'h3'"], "v22.1.0", Some("self-contained"));
        check(
            &ended,
            &["Error: listen EADDRINUSE: address already in use :::4000"],
            "v22.1.0",
            Some("a port is taken"),
        );
        check(&ended, &["SyntaxError: Unexpected token"], "v20.2.0", Some("built for Node 22 and this is v20.2.0"));
        check(&ended, &["SyntaxError: Unexpected token"], "v22.2.0", None);
        check(&ended, &["something else"], "v20.2.0", None);
        check(&Cause::Ended(Exit::Code(0)), &[], "v22.1.0", Some("must start an HTTP server"));
        check(&Cause::Ended(Exit::Signal(9)), &[], "v22.1.0", Some("memory"));
        let silent = |connected, elsewhere| Cause::Silent { waited: Duration::from_secs(30), connected, elsewhere };
        check(&silent(false, vec![]), &[], "v22.1.0", Some("must listen on port 3000"));
        check(&silent(false, vec![4000]), &[], "v22.1.0", Some("PORT=4000"));
        check(&silent(true, vec![]), &[], "v22.1.0", Some("readiness-path"));
    }

    #[test]
    fn the_message_holds_the_whole_story() {
        let failure = StartFailure {
            instance: "default-1".into(),
            cause: Cause::Ended(Exit::Signal(11)),
            last_words: vec!["one".into(), "two".into()],
            help: Some("mend it".into()),
        };
        let expected = "default-1 did not start: Node was ended by SIGSEGV\n  help: mend it\n  \
                        Node printed last:\n    one\n    two";
        assert_eq!(failure.to_string(), expected);
    }
}
