//! A shard: one thread with its own runtime, listening sockets, upstream connections and counters.
//!
//! Connections never change their thread and threads share nothing that a request for a file writes to, so that the
//! work of one processor never waits for another.

use std::{
    io::{self, ErrorKind},
    sync::Arc,
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    runtime::Builder,
    sync::{Semaphore, SemaphorePermit, oneshot, watch},
    time::timeout,
};

use super::{
    connection, h2,
    lifecycle::{Drain, Lifecycle},
    listen::{Acceptor, Bound},
    relay::Pool,
};
use crate::{
    app::App,
    edge_cache,
    image::Front,
    service::{self, Engine},
    telemetry,
};

/// When the process is out of file descriptors, accepting again at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the connections of one thread share.
pub(crate) struct Shard {
    pub(crate) app: Arc<App>,
    /// Speaks to upstreams, with connections of its own.
    pub(crate) engine: Arc<Engine>,
    pub(crate) telemetry: telemetry::Shard,
    /// The pictures that were asked for last.
    pub(crate) front: Mutex<Front>,
    /// The pages that were asked for last, where pages are kept.
    pub(crate) pages: Option<Mutex<edge_cache::Front>>,
    /// The connections of the relay, which speaks to upstreams itself.
    pub(crate) pool: Pool,
    /// TLS handshakes that may be under way.
    pub(super) handshakes: Semaphore,
    /// Exchanges with Compute that there are file descriptors for, where these are few.
    exchanges: Option<Arc<Semaphore>>,
}

/// Leave for one exchange, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Leave<'a>(#[expect(dead_code, reason = "held, not read")] Option<SemaphorePermit<'a>>);

/// A shard that runs, as seen from the thread that ends it.
#[derive(Debug)]
pub(super) struct Running {
    /// Whether every request under way was answered; an error when the thread is gone.
    ended: oneshot::Receiver<bool>,
}

impl Running {
    /// Waits for the shard's end. True when every request was answered.
    pub(super) async fn ended(self) -> bool {
        self.ended.await.unwrap_or(false)
    }
}

impl Shard {
    fn new(app: &Arc<App>, n_shards: usize, exchanges: Option<Arc<Semaphore>>) -> Self {
        let n_instances = app.sites.instances().max(1);
        let pool_size = app.settings.compute.pool_size.saturating_mul(n_instances).div_ceil(n_shards);
        let pool = Pool::new(app.settings.compute.pool_size, app.settings.compute.pool_idle);
        Self {
            app: Arc::clone(app),
            engine: service::engine(pool_size),
            telemetry: app.telemetry.shard(),
            front: Mutex::new(app.images.front()),
            pages: app.edge_cache.as_ref().map(|cache| Mutex::new(cache.front())),
            pool,
            handshakes: Semaphore::new(app.settings.tls.handshakes),
            exchanges,
        }
    }

    /// Leave for one exchange with Compute; none when all that there is room for last longer than a request waits.
    pub(super) async fn exchange(&self) -> Option<Leave<'_>> {
        let Some(exchanges) = &self.exchanges else { return Some(Leave(None)) };
        match exchanges.try_acquire() {
            Ok(permit) => Some(Leave(Some(permit))),
            Err(_) => timeout(self.app.bounds.ready, exchanges.acquire()).await.ok()?.ok().map(Some).map(Leave),
        }
    }
}

/// Starts the shard `number` of `n_shards` on a thread of its own.
///
/// # Errors
/// When the thread or its runtime cannot be had.
pub(super) fn start(
    number: usize,
    n_shards: usize,
    exchanges: Option<Arc<Semaphore>>,
    app: &Arc<App>,
    bound: Vec<Bound>,
    slots: &Arc<Semaphore>,
    stop: watch::Receiver<bool>,
) -> io::Result<Running> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (tell, ended) = oneshot::channel();
    let (app, slots) = (Arc::clone(app), Arc::clone(slots));
    thread::Builder::new().name(format!("edgeplane-{number}")).spawn(move || {
        let drained = runtime.block_on(serve(Arc::new(Shard::new(&app, n_shards, exchanges)), bound, slots, stop));
        // Nobody may be left to hear it.
        let _ = tell.send(drained);
        runtime.shutdown_background();
    })?;
    Ok(Running { ended })
}

async fn serve(shard: Arc<Shard>, bound: Vec<Bound>, slots: Arc<Semaphore>, mut stop: watch::Receiver<bool>) -> bool {
    let lifecycle = Lifecycle::new();
    let sweeping = Arc::clone(&shard);
    let sweeping = tokio::spawn(async move { sweeping.pool.sweep().await });
    let accepting: Vec<_> = bound
        .into_iter()
        .map(|bound| tokio::spawn(accept(bound, Arc::clone(&shard), Arc::clone(&slots), lifecycle.drain())))
        .collect();
    // An error means that whoever could stop us is gone.
    let _ = stop.wait_for(|stop| *stop).await;
    for task in accepting {
        task.abort();
        // An aborted task ends with an error that says so; its listener is closed then.
        let _ = task.await;
    }
    let drained = lifecycle.end(shard.app.settings.timeouts.drain).await;
    sweeping.abort();
    shard.pool.close();
    drained
}

async fn accept(bound: Bound, shard: Arc<Shard>, slots: Arc<Semaphore>, drain: Drain) {
    let acceptor = match Acceptor::new(bound) {
        Ok(acceptor) => acceptor,
        Err(error) => return tracing::error!(%error, "failed to wait for connections"),
    };
    loop {
        match acceptor.accept().await {
            Ok(socket) => {
                // A client beyond the limit waits, and those after it in the kernel's backlog. Slots are taken only for
                // a client that is there: one kept in reserve by each shard would be one that another lacks.
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
                let (shard, drain, manner) = (Arc::clone(&shard), drain.clone(), acceptor.manner().clone());
                tokio::spawn(async move {
                    let _slot = slot;
                    let _counted = shard.telemetry.connection();
                    match manner.receive(socket, &shard, &drain).await {
                        Some(socket) if socket.speaks_http2() => {
                            let peer = socket.from();
                            Box::pin(h2::serve(socket, peer, shard, drain)).await;
                        }
                        Some(socket) => connection::serve(socket, shard, drain).await,
                        None => {}
                    }
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
}
