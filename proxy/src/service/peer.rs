//! Hot: from the fleet's pick to something Pingora can connect to.

use std::time::Duration;

use edgeplane_config::{Address, Settings};
use pingora::upstreams::peer::HttpPeer;

use super::Passage;
use crate::compute::Pick;

/// Times of an exchange, from the settings.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// Connecting, and waiting for an instance that is restarting.
    pub(crate) connect: Duration,
    /// Waiting for an instance while all restart.
    pub(crate) ready: Duration,
    /// The whole exchange.
    pub(crate) request: Duration,
    /// An idle connection in the pool.
    pub(crate) pool_idle: Duration,
}

impl Bounds {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            connect: settings.timeouts.connect,
            ready: settings.compute.start_timeout,
            request: settings.timeouts.request,
            pool_idle: settings.compute.pool_idle,
        }
    }
}

/// The next instance to ask: one that did not fail this request yet, else any that is ready, else the first that
/// becomes ready in time.
pub(crate) async fn pick(passage: &Passage) -> Option<Pick> {
    let tried = passage.exchange.lock().tried().to_vec();
    let fleet = &passage.fleet;
    if let Some(pick) = fleet.pick(&tried).or_else(|| fleet.pick(&[])) {
        return Some(pick);
    }
    fleet.wait_ready(passage.bounds.ready).await;
    fleet.pick(&[])
}

/// The peer at an address; a name is resolved now, because the servers behind it come and go.
pub(crate) async fn connectable(address: &Address, bounds: &Bounds) -> Option<HttpPeer> {
    let mut peer = match address {
        Address::Tcp(address) => HttpPeer::new(*address, false, String::new()),
        Address::Unix(path) => HttpPeer::new_uds(path.to_str()?, false, String::new()).ok()?,
        Address::Name(name, port) => {
            let lookup = tokio::net::lookup_host((name.as_str(), *port));
            let address = tokio::time::timeout(bounds.connect, lookup).await.ok()?.ok()?.next()?;
            HttpPeer::new(address, false, String::new())
        }
    };
    peer.options.connection_timeout = Some(bounds.connect);
    peer.options.total_connection_timeout = Some(bounds.connect);
    peer.options.read_timeout = Some(bounds.request);
    peer.options.write_timeout = Some(bounds.request);
    peer.options.idle_timeout = Some(bounds.pool_idle);
    Some(peer)
}
