//! The network side: listeners, the connection loop with its gate, and an orderly end.
//!
//! Both lanes ask the `door` whether a request may come in, and are told the same.
//!
//! ```text
//! listen -> shard -> arrival (PROXY protocol, TLS) -> connection -> head (patience) -> gate (strict) -> plain (a plain request for a file)
//!                                   `-> turn (decision, target, fallback) -> writer -> send
//!                                                                        |-> page (the edge cache), before Compute:
//!                                                                        |-> relay (the common exchange)
//!                                                                        `-> upstream (loan to Pingora)
//! h2: a connection over HTTP/2; each of its streams goes the same way, from the gate on
//! ```

pub(crate) mod gate;
pub(crate) mod framing;
pub(crate) mod listen;
pub(crate) mod lifecycle;
pub(crate) mod socket;
mod arrival;
mod connection;
mod descriptor;
mod door;
mod h2;
mod head;
mod intake;
mod loan;
mod patience;
mod page;
pub mod plain;
mod proxy_protocol;
mod relay;
mod rewrite;
mod ruled;
mod send;
mod shard;
mod target;
mod tls;
mod turn;
mod upstream;
mod writer;

use std::{io, sync::Arc};

use tokio::sync::{Semaphore, watch};

use self::listen::Listener;
use crate::app::App;

/// Accepts on all listeners, on as many threads as they were bound for, until `stop` resolves, then drains. True when
/// every request under way was answered.
///
/// # Errors
/// When a thread cannot be started.
pub(crate) async fn run(
    app: Arc<App>,
    mut listeners: Vec<Listener>,
    n_shards: usize,
    stop: impl Future<Output = ()>,
) -> io::Result<bool> {
    let n_instances = app.sites.instances();
    // Either lane to Compute keeps so many idle connections.
    let idle = app.settings.compute.pool_size.saturating_mul(2 * n_instances);
    let room = descriptor::room_for(app.settings.limits.connections, idle, n_shards);
    // Where there is room for every client's exchange nothing needs to be counted.
    let exchanges = (room.exchanges < room.clients).then(|| Arc::new(Semaphore::new(room.exchanges)));
    let slots = Arc::new(Semaphore::new(room.clients));
    let (end, _) = watch::channel(false);
    let mut shards = Vec::with_capacity(n_shards);
    for number in 0..n_shards {
        let bound = listeners.iter_mut().map(|listener| listener.share(number)).collect::<io::Result<Vec<_>>>()?;
        shards.push(shard::start(number, n_shards, exchanges.clone(), &app, bound, &slots, end.subscribe())?);
    }
    stop.await;
    end.send_replace(true);
    drop(listeners);
    let mut drained = true;
    for shard in shards {
        drained &= shard.ended().await;
    }
    Ok(drained)
}
