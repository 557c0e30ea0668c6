//! Why a measurement could not be made.

use std::{io, path::PathBuf, time::Duration};

/// Each names the program or the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cannot {act} `{}`", path.display())]
    File { act: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot run {program}")]
    Run { program: String, source: io::Error },
    #[error("{program} ended with {status}: {told}")]
    Ended { program: String, status: String, told: String },
    #[error("{program} does not answer after {} s: {told}", waited.as_secs())]
    Silent { program: String, waited: Duration, told: String },
    #[error("{peer} is not installed")]
    Absent { peer: String },
    #[error("{peer} cannot do this")]
    Unfit { peer: &'static str },
    /// Wrong status, wrong bytes, or no answer: the figures of this run mean nothing.
    #[error("{said}")]
    Void { said: String },
    #[error("cannot read `{}`: {said}", path.display())]
    Malformed { path: PathBuf, said: String },
    #[error("cannot {act}")]
    System { act: &'static str, source: io::Error },
    #[error(transparent)]
    Decision(#[from] Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    /// For `map_err`: what was done to which file.
    pub(crate) fn file(act: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { act, path, source }
    }

    pub(crate) fn system(act: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { act, source }
    }

    pub(crate) fn void(said: impl Into<String>) -> Self {
        Self::Void { said: said.into() }
    }

    /// With all causes, in one line.
    pub(crate) fn told(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
