//! Single flight: any number of requests for the same missing image wait for one piece of work.
//!
//! The work runs in its own task, so that it does not die with the request that happened to come first; it is aborted
//! when the last request that waits for it goes away.

use std::{
    future::Future,
    sync::{Arc, Weak},
};

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::{runtime::Handle, sync::watch, task::AbortHandle};

use super::{
    cache::{Key, Outcome},
    refusal::Refusal,
};

/// Work under way, by key.
#[derive(Clone, Debug)]
pub(super) struct Flights {
    under_way: Arc<Mutex<IndexMap<Key, Weak<Flight>>>>,
    /// Where the work runs: the runtime that starts and ends everything. Who asks may ask from one that ends earlier.
    runtime: Option<Handle>,
}

/// One piece of work, alive as long as somebody waits for it.
#[derive(Debug)]
struct Flight {
    landed: watch::Receiver<Option<Outcome>>,
    task: AbortHandle,
    key: Key,
    flights: Flights,
}

impl Default for Flights {
    fn default() -> Self {
        Self { under_way: Arc::default(), runtime: Handle::try_current().ok() }
    }
}

impl Flights {
    /// Waits for the work on `key`, starting it where nobody has. The flag tells whether somebody had.
    pub(super) async fn join<W>(&self, key: &Key, work: impl FnOnce() -> W) -> (Outcome, bool)
    where
        W: Future<Output = Outcome> + Send + 'static,
    {
        let (flight, joined) = self.board(key, work);
        let mut landed = flight.landed.clone();
        // The sender only goes without a word when the task panicked.
        let outcome = match landed.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Err(Refusal::Failed)),
            Err(_) => Err(Refusal::Failed),
        };
        (outcome, joined)
    }

    fn board<W>(&self, key: &Key, work: impl FnOnce() -> W) -> (Arc<Flight>, bool)
    where
        W: Future<Output = Outcome> + Send + 'static,
    {
        let mut under_way = self.under_way.lock();
        if let Some(flight) = under_way.get(key).and_then(Weak::upgrade) {
            return (flight, true);
        }
        let (sender, landed) = watch::channel(None);
        let work = work();
        let work = async move {
            let outcome = work.await;
            // Nobody may be left to hear it.
            let _ = sender.send(Some(outcome));
        };
        let task = match &self.runtime {
            Some(runtime) => runtime.spawn(work),
            None => tokio::spawn(work),
        };
        let flight = Arc::new(Flight { landed, task: task.abort_handle(), key: key.clone(), flights: self.clone() });
        under_way.insert(key.clone(), Arc::downgrade(&flight));
        (flight, false)
    }

    /// Forgets work that nobody waits for.
    fn forget(&self, key: &Key) {
        let mut under_way = self.under_way.lock();
        // Another flight for the same key may have begun since the last one waiting went away.
        if under_way.get(key).is_some_and(|flight| flight.strong_count() == 0) {
            under_way.swap_remove(key);
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.under_way.lock().len()
    }
}

impl Drop for Flight {
    /// The strong count is zero by now, and no lock is held: an upgrade never outlives the lock it is made under.
    fn drop(&mut self) {
        self.task.abort();
        self.flights.forget(&self.key);
    }
}

#[cfg(test)]
mod tests;
