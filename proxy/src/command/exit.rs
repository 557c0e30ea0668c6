//! How the process ends: the exit codes that scripts may rely on, named as in `sysexits.h`.

use std::process::ExitCode;

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 64 (`EX_USAGE`): the command line or the settings are wrong.
    Usage,
    /// 65 (`EX_DATAERR`): the bundle, or another file that was handed in, is wrong.
    BadBundle,
    /// 69 (`EX_UNAVAILABLE`): something that is needed is not there: a port, Node, a folder.
    Unavailable,
    /// 70 (`EX_SOFTWARE`): a mistake of ours.
    Bug,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 64,
            Self::BadBundle => 65,
            Self::Unavailable => 69,
            Self::Bug => 70,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
