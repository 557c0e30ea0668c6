//! What one instance is doing, as plain data.

use std::time::Instant;

/// An instance of a fleet: its place, counted from 0. Meaningful only together with its fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub(crate) usize);

/// Where an instance is in its life.
///
/// There is no final failure: what cannot start now is tried again with growing pauses, because the operator may be
/// replacing Node or the database may be on its way back. Only `Fleet::start` gives up, when nothing ever started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Started, not yet answering.
    Starting,
    /// Answering: the only phase in which it is picked.
    Ready,
    /// It refused a connection and is being asked again; an upstream is left alone for a short time.
    Unhealthy,
    /// It ended or never answered, and is started again at this time.
    Backoff {
        /// The time of the next start.
        until: Instant,
    },
    /// Asked to end.
    Stopping,
    /// Ended until a request wants it: of a previous deployment.
    Asleep,
    /// Ended for good.
    Stopped,
}

impl Phase {
    /// The word for metrics and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Unhealthy => "unhealthy",
            Self::Backoff { .. } => "backoff",
            Self::Stopping => "stopping",
            Self::Asleep => "asleep",
            Self::Stopped => "stopped",
        }
    }
}

/// What readiness checks and metrics show of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceState {
    /// `default-1`, `default-2`, ... or `upstream-1`, ...
    pub name: String,
    /// What it is doing.
    pub phase: Phase,
    /// The process id of Node, where it is ours and runs.
    pub pid: Option<i32>,
    /// Starts after the first.
    pub restarts: u64,
    /// When the phase began.
    pub since: Instant,
}

impl InstanceState {
    pub(super) fn new(name: String, phase: Phase) -> Self {
        Self { name, phase, pid: None, restarts: 0, since: Instant::now() }
    }
}
