//! Takes up new certificates while the old ones are in use: when their files change, and when somebody asks (SIGHUP).

use std::{io, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::spawn_blocking,
    time::sleep,
};

use super::Keyring;

/// Begins to listen for the signal, so that none ends the process any more, and watches for as long as the runtime runs.
///
/// # Errors
/// When the handler cannot be installed.
pub(crate) fn watch(keyring: Arc<Keyring>, interval: Duration) -> io::Result<()> {
    let asked = signal(SignalKind::hangup())?;
    tokio::spawn(look(keyring, interval, asked));
    Ok(())
}

async fn look(keyring: Arc<Keyring>, interval: Duration, mut asked: Signal) {
    loop {
        let asked = tokio::select! {
            _ = asked.recv() => true,
            () = sleep(interval) => false,
        };
        let keyring = Arc::clone(&keyring);
        // A disk may take its time.
        match spawn_blocking(move || keyring.refresh(asked)).await {
            Ok(Some(Ok(()))) => tracing::info!("new certificates are in use"),
            Ok(Some(Err(error))) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "new certificates cannot be used; the old ones stay");
            }
            Ok(None) | Err(_) => {}
        }
    }
}
