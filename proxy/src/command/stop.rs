//! The signals that end a server: SIGTERM from whoever started it, SIGINT from a person at a terminal.

use std::io;

use nix::{
    sys::signal::{self, Signal as Number},
    unistd::Pid,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both signals, heard from [`StopSignals::listen`] on. From then on neither ends the process by itself, so there must
/// be one of these for all that follows: one that comes while nobody waits is kept until somebody does.
#[derive(Debug)]
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Begins to listen. Needs a runtime.
    ///
    /// # Errors
    /// When the system installs no handler.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next signal.
    pub(crate) async fn next(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }

    /// The next signal, after which one more ends the process at once: that is what a person who presses Ctrl-C twice
    /// wants. The keepers see to Node.
    pub(crate) async fn last(mut self) {
        self.next().await;
        tokio::spawn(async move {
            self.next().await;
            tracing::warn!("second signal: ending at once");
            let _ = signal::kill(Pid::this(), Number::SIGKILL);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_signal_that_comes_while_nobody_waits_is_not_lost() {
        let mut stop = StopSignals::listen().unwrap();
        // As the start of Node does: waited for, and given up.
        assert!(tokio::time::timeout(Duration::ZERO, stop.next()).await.is_err());
        signal::kill(Pid::this(), Number::SIGTERM).unwrap();
        tokio::time::timeout(Duration::from_secs(30), stop.last()).await.unwrap();
    }
}
