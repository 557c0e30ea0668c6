//! Hot: the instances of a fleet as requests see them.

use std::{sync::Arc, time::Instant};

use edgeplane_config::Address;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Endpoint, InstanceId, InstanceState, Phase, balance::Balance, kept::Kept, resolve::Resolved};

/// One instance: what never changes, and its state.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) address: Address,
    pub(super) resolved: Resolved,
    /// Told when a request could not connect.
    pub(super) suspected: Notify,
    /// The idle connections to it, over all threads.
    pub(super) kept: Arc<Kept>,
    pub(super) name: String,
    state: Mutex<InstanceState>,
}

/// All instances of a fleet.
#[derive(Debug)]
pub(super) struct Roster {
    instances: Box<[Instance]>,
    balance: Balance,
    changed: Notify,
}

/// The instance a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick<'a> {
    /// To be added to the tried ones when it fails, and for `report_failure`.
    pub id: InstanceId,
    /// For logs and metrics: `default-1`.
    pub name: &'a str,
    /// Where it is. A name must be resolved (`Fleet::resolve`); our own instances never have one.
    pub address: &'a Address,
}

impl<'a> Pick<'a> {
    /// Where to connect to, unless that is a name.
    pub fn endpoint(&self) -> Option<Endpoint<'a>> {
        match self.address {
            Address::Tcp(address) => Some(Endpoint::Tcp(*address)),
            Address::Unix(path) => Some(Endpoint::Unix(path)),
            Address::Name(..) => None,
        }
    }
}

impl Roster {
    /// A roster of instances at these addresses, named `PREFIX-1` and so on, all in `phase`.
    pub(super) fn new(prefix: &str, addresses: impl IntoIterator<Item = Address>, phase: Phase) -> Self {
        let instances = addresses.into_iter().enumerate().map(|(place, address)| {
            let name = format!("{prefix}-{}", place + 1);
            Instance {
                address,
                resolved: Resolved::default(),
                suspected: Notify::new(),
                kept: Arc::default(),
                state: Mutex::new(InstanceState::new(name.clone(), phase)),
                name,
            }
        });
        let roster = Self { instances: instances.collect(), balance: Balance::default(), changed: Notify::new() };
        for id in roster.ids() {
            roster.balance.set(id, phase == Phase::Ready);
        }
        roster
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = InstanceId> + use<> {
        (0..self.instances.len()).map(InstanceId)
    }

    pub(super) fn get(&self, id: InstanceId) -> Option<&Instance> {
        self.instances.get(id.0)
    }

    /// The next ready instance that was not tried. Never waits, never allocates.
    pub(super) fn pick(&self, tried: &[InstanceId]) -> Option<Pick<'_>> {
        let id = self.balance.pick(tried)?;
        let instance = self.get(id)?;
        Some(Pick { id, name: &instance.name, address: &instance.address })
    }

    /// As `pick`, but while no instance at all is ready it waits for one until `deadline`. Before each wait, `wake` is
    /// called.
    pub(super) async fn pick_by(&self, tried: &[InstanceId], deadline: Instant, wake: impl Fn()) -> Option<Pick<'_>> {
        if let Some(pick) = self.pick(tried) {
            return Some(pick);
        }
        loop {
            // Registered before looking, so that a change in between is not missed.
            let changed = self.changed.notified();
            if let Some(pick) = self.pick(tried) {
                return Some(pick);
            }
            if self.balance.ready() > 0 {
                return None;
            }
            // An instance that goes to rest says so, and is woken then.
            wake();
            if tokio::time::timeout_at(deadline.into(), changed).await.is_err() {
                return self.pick(tried);
            }
        }
    }

    /// Completes at the next change; one that happens before the first poll counts.
    #[cfg(test)]
    pub(super) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    pub(super) fn ready(&self) -> usize {
        self.balance.ready()
    }

    pub(super) fn states(&self) -> Vec<InstanceState> {
        self.instances.iter().map(|instance| instance.state.lock().clone()).collect()
    }

    /// Changes the state of an instance and whether it is picked, together.
    pub(super) fn change(&self, id: InstanceId, change: impl FnOnce(&mut InstanceState)) {
        let Some(instance) = self.get(id) else { return };
        let mut state = instance.state.lock();
        let before = state.phase;
        change(&mut state);
        if state.phase != before {
            state.since = Instant::now();
            self.balance.set(id, state.phase == Phase::Ready);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Whether this is the only ready instance.
    pub(super) fn is_last_ready(&self, id: InstanceId) -> bool {
        self.balance.ready() == 1 && self.balance.pick(&[id]).is_none()
    }
}
