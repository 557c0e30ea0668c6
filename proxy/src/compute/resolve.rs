//! Turning the name of an upstream into an address when a connection is made.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use edgeplane_config::Address;

/// How long a name keeps its addresses. Short, because behind a name stand containers that come and go; not zero, so
/// that a burst of connections is one question to the resolver and not thousands.
const KEPT: Duration = Duration::from_secs(1);

/// Where to connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// Over TCP.
    Tcp(SocketAddr),
    /// Over a Unix socket.
    Unix(&'a Path),
}

/// The addresses of one name, as last seen.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    last: ArcSwapOption<Answer>,
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Answer {
    at: Instant,
    addresses: Vec<SocketAddr>,
}

impl Resolved {
    /// The endpoint of an address. The addresses of a name take turns, so that a name for many containers is a pool.
    pub(super) async fn endpoint<'a>(&self, address: &'a Address) -> io::Result<Endpoint<'a>> {
        match address {
            Address::Tcp(address) => Ok(Endpoint::Tcp(*address)),
            Address::Unix(path) => Ok(Endpoint::Unix(path)),
            Address::Name(name, port) => self.name(name, *port).await.map(Endpoint::Tcp),
        }
    }

    async fn name(&self, name: &str, port: u16) -> io::Result<SocketAddr> {
        let known = self.last.load_full().filter(|answer| answer.at.elapsed() < KEPT);
        let answer = match known {
            Some(answer) => answer,
            None => {
                let addresses = tokio::net::lookup_host((name, port)).await?.collect();
                let answer = Arc::new(Answer { at: Instant::now(), addresses });
                self.last.store(Some(Arc::clone(&answer)));
                answer
            }
        };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = answer.addresses.len().max(1);
        answer
            .addresses
            .get(turn % count)
            .copied()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{name} has no address")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_becomes_an_address_and_the_rest_stays() {
        let resolved = Resolved::default();
        let tcp = Address::Tcp(([127, 0, 0, 1], 3000).into());
        assert_eq!(resolved.endpoint(&tcp).await.unwrap(), Endpoint::Tcp(([127, 0, 0, 1], 3000).into()));
        let unix = Address::Unix("/run/node.sock".into());
        assert_eq!(resolved.endpoint(&unix).await.unwrap(), Endpoint::Unix(Path::new("/run/node.sock")));
        let name = Address::Name("localhost".into(), 3000);
        let Endpoint::Tcp(address) = resolved.endpoint(&name).await.unwrap() else { panic!("a name is TCP") };
        assert!(address.ip().is_loopback() && address.port() == 3000, "{address}");
    }

    #[tokio::test]
    async fn the_addresses_of_a_name_take_turns() {
        let resolved = Resolved::default();
        let addresses = vec![([10, 0, 0, 1], 80).into(), ([10, 0, 0, 2], 80).into()];
        resolved.last.store(Some(Arc::new(Answer { at: Instant::now(), addresses })));
        let first = resolved.name("pool", 80).await.unwrap();
        let second = resolved.name("pool", 80).await.unwrap();
        assert_ne!(first, second);
        assert_eq!(resolved.name("pool", 80).await.unwrap(), first);
    }
}
