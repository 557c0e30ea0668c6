//! Hot: from the fleet's pick to something Pingora can connect to.

use std::time::Duration;

use edgeplane_config::{Settings, Site};
use pingora::upstreams::peer::HttpPeer;

use super::{Passage, Whom};
use crate::compute::{Endpoint, Fleet, InstanceId, Names};

/// Times of an exchange, from the settings.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// Connecting.
    pub(crate) connect: Duration,
    /// Connecting to another site.
    pub(crate) connect_site: Duration,
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
            connect_site: settings.rewrite.connect_timeout,
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

/// Whom to ask next.
pub(crate) async fn find(passage: &Passage, names: &Names) -> Found {
    match &passage.whom {
        Whom::Fleet(fleet) => instance(passage, fleet).await,
        Whom::Site(site) => address(passage, site, names).await,
    }
}

/// The next address of another site. Whom we speak to there is proven by its certificate.
async fn address(passage: &Passage, site: &Site, names: &Names) -> Found {
    let tried = passage.exchange.lock().tried().to_vec();
    let name = site.host.trim_start_matches('[').trim_end_matches(']');
    let lookup = names.addresses(name, site.port());
    let found = tokio::time::timeout(passage.bounds.connect_site, lookup).await;
    let addresses = found.ok().and_then(Result::ok).unwrap_or_default();
    // One after the other; when all were tried, from the first again.
    let next = addresses.iter().enumerate().find(|(place, _)| !tried.contains(&InstanceId(*place)));
    let Some((place, address)) = next.or_else(|| addresses.iter().enumerate().next()) else {
        passage.exchange.lock().asks(InstanceId(0));
        return Found::Unresolved(InstanceId(0));
    };
    passage.exchange.lock().asks(InstanceId(place));
    let peer = HttpPeer::new(*address, true, name.to_owned());
    Found::Peer(Box::new(bounded(peer, passage, passage.bounds.connect_site)))
}

/// The next instance to ask.
async fn instance(passage: &Passage, fleet: &Fleet) -> Found {
    let bounds = &passage.bounds;
    let tried = passage.exchange.lock().tried().to_vec();
    let Some(pick) = fleet.next(&tried, bounds.ready).await else { return Found::Nobody };
    passage.exchange.lock().asks(pick.id);
    let resolved = tokio::time::timeout(bounds.connect, fleet.resolve(&pick)).await;
    let peer = match resolved {
        Ok(Ok(Endpoint::Tcp(address))) => HttpPeer::new(address, false, String::new()),
        Ok(Ok(Endpoint::Unix(path))) => {
            match path.to_str().and_then(|path| HttpPeer::new_uds(path, false, String::new()).ok()) {
                Some(peer) => peer,
                None => return Found::Unresolved(pick.id),
            }
        }
        Ok(Err(_)) | Err(_) => return Found::Unresolved(pick.id),
    };
    Found::Peer(Box::new(bounded(peer, passage, bounds.connect)))
}

fn bounded(mut peer: HttpPeer, passage: &Passage, connect: Duration) -> HttpPeer {
    let bounds = &passage.bounds;
    peer.options.connection_timeout = Some(connect);
    peer.options.total_connection_timeout = Some(connect);
    // The whole exchange is bounded elsewhere, and a WebSocket may be silent for longer.
    peer.options.read_timeout = (!passage.upgrades).then_some(bounds.request);
    peer.options.write_timeout = Some(bounds.request);
    peer.options.idle_timeout = Some(bounds.pool_idle);
    peer
}
