//! SIGTERM and SIGINT: the first asks for an orderly end, the second ends the process at once.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Listens for the signals from the moment it exists, so that none is lost between two parts of the start.
#[derive(Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        let (asked, stop) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            asked.send_replace(true);
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            tracing::warn!("second signal: ending at once");
            // What a person who presses Ctrl-C twice wants. The keepers see to Node.
            let _ = kill(Pid::this(), Signal::SIGKILL);
        });
        Ok(Self(stop))
    }

    /// Resolves once the first signal has come, however long ago.
    pub(crate) async fn requested(&mut self) {
        // An error means that the runtime is going down: that is an end, too.
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}
