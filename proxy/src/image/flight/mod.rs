//! Single flight: any number of requests for the same missing thing wait for one piece of work.
//!
//! The work runs in its own task, so that it does not die with the request that happened to come first; it is aborted
//! when the last one that waits for it goes away. Whoever holds a flight that has landed keeps its outcome within
//! reach of those who come later.

use std::{
    future::Future,
    hash::Hash,
    sync::{Arc, Weak},
};

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::{runtime::Handle, sync::watch, task::AbortHandle};

/// Work under way, by key.
#[derive(Debug)]
pub(super) struct Flights<K: Hash + Eq + Clone, T> {
    under_way: Arc<Mutex<UnderWay<K, T>>>,
    /// Where the work runs: the runtime that starts and ends everything. Who asks may ask from one that ends earlier.
    runtime: Option<Handle>,
}

type UnderWay<K, T> = IndexMap<K, Weak<Flight<K, T>>>;

/// One piece of work, alive as long as somebody waits for it.
#[derive(Debug)]
pub(super) struct Flight<K: Hash + Eq + Clone, T> {
    progress: watch::Receiver<Progress<T>>,
    task: AbortHandle,
    key: K,
    under_way: Arc<Mutex<UnderWay<K, T>>>,
}

/// How far the work is.
#[derive(Clone, Debug)]
enum Progress<T> {
    UnderWay,
    /// It will take its time.
    Long,
    Landed(T),
}

/// The work's own end of a flight.
#[derive(Debug)]
pub(super) struct Beacon<T>(Arc<watch::Sender<Progress<T>>>);

impl<T> Beacon<T> {
    /// Tells those who wait that the work will take its time.
    pub(super) fn long(&self) {
        self.0.send_replace(Progress::Long);
    }
}

impl<K: Hash + Eq + Clone, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self { under_way: Arc::default(), runtime: Handle::try_current().ok() }
    }
}

impl<K, T> Flights<K, T>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// The flight for `key`, begun where nobody has. The flag tells whether somebody had.
    pub(super) fn board<W>(&self, key: &K, work: impl FnOnce(Beacon<T>) -> W) -> (Arc<Flight<K, T>>, bool)
    where
        W: Future<Output = T> + Send + 'static,
    {
        let mut under_way = self.under_way.lock();
        if let Some(flight) = under_way.get(key).and_then(Weak::upgrade) {
            return (flight, true);
        }
        let (sender, progress) = watch::channel(Progress::UnderWay);
        let sender = Arc::new(sender);
        let work = work(Beacon(Arc::clone(&sender)));
        let work = async move {
            let outcome = work.await;
            sender.send_replace(Progress::Landed(outcome));
        };
        let task = match &self.runtime {
            Some(runtime) => runtime.spawn(work),
            None => tokio::spawn(work),
        };
        let task = task.abort_handle();
        let flight = Arc::new(Flight { progress, task, key: key.clone(), under_way: Arc::clone(&self.under_way) });
        under_way.insert(key.clone(), Arc::downgrade(&flight));
        (flight, false)
    }

    /// Has a flight go on until it lands, though nobody may wait for it, and holds `pledge` until then.
    pub(super) fn see_through(&self, flight: Arc<Flight<K, T>>, pledge: impl Send + 'static) {
        let waiting = async move {
            flight.landed().await;
            drop(pledge);
        };
        match &self.runtime {
            Some(runtime) => drop(runtime.spawn(waiting)),
            None => drop(tokio::spawn(waiting)),
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.under_way.lock().len()
    }
}

impl<K: Hash + Eq + Clone, T: Clone> Flight<K, T> {
    /// What the work came to; none when it panicked.
    pub(super) async fn landed(&self) -> Option<T> {
        let mut progress = self.progress.clone();
        // The sender only goes without a word when the task panicked.
        let landed = progress.wait_for(|progress| matches!(progress, Progress::Landed(_))).await.ok()?;
        match &*landed {
            Progress::Landed(outcome) => Some(outcome.clone()),
            Progress::UnderWay | Progress::Long => None,
        }
    }

    /// Returns once it is known that the work will take its time, or is over.
    pub(super) async fn long(&self) {
        let mut progress = self.progress.clone();
        // An error means that it is over, too.
        let _ = progress.wait_for(|progress| !matches!(progress, Progress::UnderWay)).await;
    }
}

impl<K: Hash + Eq + Clone, T> Drop for Flight<K, T> {
    /// The strong count is zero by now, and no lock is held: an upgrade never outlives the lock it is made under.
    fn drop(&mut self) {
        self.task.abort();
        let mut under_way = self.under_way.lock();
        // Another flight for the same key may have begun since the last one waiting went away.
        if under_way.get(&self.key).is_some_and(|flight| flight.strong_count() == 0) {
            under_way.swap_remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests;
