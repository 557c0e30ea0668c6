//! Why a command could not do what it was asked.

use std::{error::Error, io, path::PathBuf};

use edgeplane_config::{Problems, SettingProblems};
use edgeplane_optimizer::Refusal;

use super::Exit;

/// Every way a command ends other than well. Each knows its exit code.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The settings are wrong: everything that is, at once.
    #[error(transparent)]
    Settings(SettingProblems),
    /// The bundle is wrong: everything that is, at once.
    #[error(transparent)]
    Bundle(Problems),
    /// The bundle is wrong, and that has been printed where it was asked for.
    #[error("the bundle is refused")]
    BundleReported,
    /// The words of the command line do not fit together.
    #[error("{message}")]
    Usage {
        /// What is wrong: a lowercase fragment.
        message: String,
        /// How to mend it.
        help: &'static str,
    },
    /// A file that was named cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The optimizer refuses an image.
    #[error("cannot optimize `{}`", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// Why not.
        source: Refusal,
    },
    /// Something that is needed is not there: a port that is taken, no Node, a folder we may not write.
    #[error("cannot {act}")]
    Unavailable {
        /// What was to be done: `start the server`.
        act: &'static str,
        /// Why it could not be.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl Failure {
    /// Something that is needed is not there.
    pub(crate) fn unavailable(act: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable { act, source: source.into() }
    }

    /// The code that says so to a script.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Settings(_) | Self::Usage { .. } | Self::Read { .. } => Exit::Usage,
            Self::Bundle(_) | Self::BundleReported | Self::Image { .. } => Exit::BadBundle,
            Self::Write { .. } | Self::Unavailable { .. } => Exit::Unavailable,
        }
    }
}
