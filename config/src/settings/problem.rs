//! What is wrong with the settings, and where it was written.

use std::{collections::BTreeSet, fmt, path::PathBuf};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The defaults, compiled in.
    Default,
    /// A settings file.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// One-based.
        line: usize,
        /// One-based, in characters.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A command line flag, with its dashes.
    Flag(String),
}

/// One thing that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem {
    /// Where it is written.
    pub origin: Origin,
    /// The key, such as `limits.request-body`, where there is one.
    pub key: Option<String>,
    /// What is wrong: one sentence fragment, lower case, no final period.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// Everything that is wrong with the settings, in the order of their sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingProblems(pub Vec<SettingProblem>);

/// The help that names a key which does exist.
#[derive(Debug)]
pub(crate) struct Suggestion(String);

impl Suggestion {
    /// Names `near`, a key or the section that holds some.
    pub(crate) fn key(near: &str, keys: &BTreeSet<String>) -> Self {
        if keys.contains(near) {
            Self(format!("did you mean `{near}`?"))
        } else {
            Self(format!("did you mean [{near}]?"))
        }
    }

    /// Names `variable`, which does exist.
    pub(crate) fn variable(variable: &str) -> Self {
        Self(format!("did you mean `{variable}`?"))
    }
}

impl SettingProblem {
    pub(crate) fn new(origin: Origin, key: Option<&str>, message: impl Into<String>) -> Self {
        Self { origin, key: key.map(str::to_owned), message: message.into(), help: None }
    }

    pub(crate) fn unknown(origin: Origin, key: &str, suggestion: Option<Suggestion>) -> Self {
        let help = suggestion
            .map_or_else(|| "`edgeplane settings` prints every setting there is".to_owned(), |Suggestion(text)| text);
        Self { help: Some(help), ..Self::new(origin, Some(key), "there is no such setting") }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// `edgeplane.toml:12:16`, `$EDGEPLANE_LISTEN` or `--listen`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) => write!(f, "${name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for SettingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        match (&self.key, &self.origin) {
            // A flag is called as its key is.
            (None, _) | (Some(_), Origin::Flag(_)) => {}
            (Some(key), Origin::Default | Origin::File { .. } | Origin::Variable(_)) => write!(f, "`{key}`: ")?,
        }
        f.write_str(&self.message)?;
        self.help.iter().try_for_each(|help| write!(f, "\n  help: {help}"))
    }
}

impl fmt::Display for SettingProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingProblems {}
