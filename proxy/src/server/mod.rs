//! The network side: listeners, the connection loop with its gate, and an orderly end.
//!
//! ```text
//! listen -> connection -> intake (head, deadlines) -> gate (strict) -> turn (decision, target, fallback) -> writer
//!                                                                        `-> upstream (loan to Pingora)
//! ```

pub(crate) mod gate;
pub(crate) mod framing;
pub(crate) mod listen;
pub(crate) mod lifecycle;
pub(crate) mod socket;
mod connection;
mod descriptor;
mod intake;
mod loan;
mod rewrite;
mod turn;
mod upstream;
mod writer;

use std::{io::ErrorKind, sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use self::{lifecycle::Lifecycle, listen::Listener};
use crate::app::App;

/// When the process is out of file descriptors, accepting again at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts on all listeners until `stop` resolves, then drains. True when every request under way was answered.
pub(crate) async fn run(app: Arc<App>, listeners: Vec<Listener>, stop: impl Future<Output = ()>) -> bool {
    let lifecycle = Lifecycle::new();
    let slots = Arc::new(Semaphore::new(descriptor::room_for(app.settings.limits.connections)));
    let mut accepting = Vec::new();
    for listener in listeners {
        let (app, slots, drain) = (Arc::clone(&app), Arc::clone(&slots), lifecycle.drain());
        accepting.push(tokio::spawn(async move {
            loop {
                // A client beyond the limit waits in the kernel's backlog and costs us nothing.
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
                match listener.accept().await {
                    Ok(socket) => {
                        let (app, drain) = (Arc::clone(&app), drain.clone());
                        tokio::spawn(async move {
                            let _slot = slot;
                            let _counted = app.telemetry.connection();
                            connection::serve(socket, Arc::clone(&app), drain).await;
                        });
                    }
                    // The client left before its turn; the next one is not to wait for that.
                    Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                    Err(error) => {
                        tracing::warn!(%error, "failed to accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }));
    }
    stop.await;
    for task in accepting {
        task.abort();
        // An aborted task ends with an error that says so; its listener is closed then.
        let _ = task.await;
    }
    lifecycle.end(app.settings.timeouts.drain).await
}
