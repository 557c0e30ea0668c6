//! Turning the name of an upstream into an address when a connection is made.

use std::{
    collections::BTreeMap,
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
use parking_lot::Mutex;

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

/// How many names are remembered. Settings and rules name them, so they are few.
const NAMES_MAX: usize = 256;

/// The addresses of one name, as last seen.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    last: ArcSwapOption<Answer>,
    /// Held by whoever asks; the others wait for the answer.
    asking: tokio::sync::Mutex<()>,
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
        let answer = self.answer(name, port).await?;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = answer.addresses.len().max(1);
        answer
            .addresses
            .get(turn % count)
            .copied()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{name} has no address")))
    }

    async fn answer(&self, name: &str, port: u16) -> io::Result<Arc<Answer>> {
        let known = || self.last.load_full().filter(|answer| answer.at.elapsed() < KEPT);
        if let Some(answer) = known() {
            return Ok(answer);
        }
        let _asking = self.asking.lock().await;
        if let Some(answer) = known() {
            return Ok(answer);
        }
        let addresses = tokio::net::lookup_host((name, port)).await?.collect();
        let answer = Arc::new(Answer { at: Instant::now(), addresses });
        self.last.store(Some(Arc::clone(&answer)));
        Ok(answer)
    }
}

/// A name and the port that is asked for there.
type Place = (Box<str>, u16);

/// Names that are no instances, with their addresses: a thread's own.
#[derive(Debug, Default)]
pub struct Names {
    known: Mutex<BTreeMap<Place, Arc<Resolved>>>,
}

impl Names {
    /// All addresses of a name, in the resolver's order.
    ///
    /// # Errors
    /// The resolver's.
    pub async fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let resolved = self.resolved(name, port);
        Ok(resolved.answer(name, port).await?.addresses.clone())
    }

    fn resolved(&self, name: &str, port: u16) -> Arc<Resolved> {
        let mut known = self.known.lock();
        let place = (Box::from(name), port);
        if known.len() >= NAMES_MAX && !known.contains_key(&place) {
            known.clear();
        }
        Arc::clone(known.entry(place).or_default())
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

    #[tokio::test]
    async fn a_burst_is_one_question_and_a_name_is_remembered_with_its_port() {
        let names = Names::default();
        let first = names.addresses("localhost", 80).await.unwrap();
        assert!(first.iter().all(|address| address.ip().is_loopback() && address.port() == 80), "{first:?}");
        let answer = |names: &Names| names.resolved("localhost", 80).last.load_full().unwrap();
        let before = answer(&names);
        names.addresses("localhost", 80).await.unwrap();
        assert!(Arc::ptr_eq(&before, &answer(&names)), "within a second nobody is asked again");
        assert_eq!(names.addresses("localhost", 81).await.unwrap()[0].port(), 81);
    }

    #[test]
    fn names_are_bounded() {
        let names = Names::default();
        for port in 0..2000 {
            names.resolved("localhost", port);
        }
        assert!(names.known.lock().len() <= NAMES_MAX);
    }
}
