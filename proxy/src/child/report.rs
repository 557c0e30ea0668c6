//! What a keeper tells its parent, one line each over the control socket.

use std::str::FromStr;

/// A line from the keeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The program runs under this process id, which is also the id of its process group.
    Started(i32),
    /// The program could not be executed: the system's error number.
    Refused(i32),
    /// The program ended by itself with this status, and everything it had started is gone.
    Exited(i32),
    /// A signal of this number ended the program, and everything it had started is gone.
    Killed(i32),
}

/// A line that is no report.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keeper said {0:?}, which is no report")]
pub struct ReportError(String);

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Started(pid) => write!(f, "started {pid}"),
            Self::Refused(errno) => write!(f, "refused {errno}"),
            Self::Exited(status) => write!(f, "exited {status}"),
            Self::Killed(signal) => write!(f, "killed {signal}"),
        }
    }
}

impl FromStr for Report {
    type Err = ReportError;

    fn from_str(line: &str) -> Result<Self, ReportError> {
        let parsed = line.split_once(' ').and_then(|(word, number)| Some((word, number.parse().ok()?)));
        match parsed {
            Some(("started", pid)) => Ok(Self::Started(pid)),
            Some(("refused", errno)) => Ok(Self::Refused(errno)),
            Some(("exited", status)) => Ok(Self::Exited(status)),
            Some(("killed", signal)) => Ok(Self::Killed(signal)),
            _ => Err(ReportError(line.chars().take(80).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for report in [Report::Started(77), Report::Refused(2), Report::Exited(13), Report::Killed(9)] {
            assert_eq!(report.to_string().parse(), Ok(report));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for line in ["", "started", "started x", "exited 1 2", "hello 1"] {
            assert!(line.parse::<Report>().is_err(), "{line:?}");
        }
    }
}
