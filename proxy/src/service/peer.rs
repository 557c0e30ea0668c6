//! Hot: from the fleet's pick to something Pingora can connect to.

use std::time::Duration;

use edgeplane_config::Settings;
use pingora::upstreams::peer::HttpPeer;

use super::Passage;
use crate::compute::{Endpoint, InstanceId};

/// Times of an exchange, from the settings.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// Connecting.
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
            ready: settings.compute.ready_wait,
            request: settings.timeouts.request,
            pool_idle: settings.compute.pool_idle,
        }
    }
}

/// Whom to ask next, and how to connect there.
pub(crate) enum Found {
    /// This one.
    Peer(Box<HttpPeer>),
    /// This one has no address now.
    Unresolved(InstanceId),
    /// Nobody is ready.
    Nobody,
}

/// The next instance to ask.
pub(crate) async fn find(passage: &Passage) -> Found {
    let (fleet, bounds) = (&passage.fleet, &passage.bounds);
    let tried = passage.exchange.lock().tried().to_vec();
    let Some(pick) = fleet.next(&tried, bounds.ready).await else { return Found::Nobody };
    passage.exchange.lock().asks(pick.id);
    let resolved = tokio::time::timeout(bounds.connect, fleet.resolve(&pick)).await;
    let mut peer = match resolved {
        Ok(Ok(Endpoint::Tcp(address))) => HttpPeer::new(address, false, String::new()),
        Ok(Ok(Endpoint::Unix(path))) => {
            match path.to_str().and_then(|path| HttpPeer::new_uds(path, false, String::new()).ok()) {
                Some(peer) => peer,
                None => return Found::Unresolved(pick.id),
            }
        }
        Ok(Err(_)) | Err(_) => return Found::Unresolved(pick.id),
    };
    peer.options.connection_timeout = Some(bounds.connect);
    peer.options.total_connection_timeout = Some(bounds.connect);
    // The whole exchange is bounded elsewhere, and a WebSocket may be silent for longer.
    peer.options.read_timeout = (!passage.upgrades).then_some(bounds.request);
    peer.options.write_timeout = Some(bounds.request);
    peer.options.idle_timeout = Some(bounds.pool_idle);
    Found::Peer(Box::new(peer))
}
