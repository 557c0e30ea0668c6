//! Start and end of serving: who is told to stop, and who waits for whom.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, futures::OwnedNotified, mpsc};

#[derive(Debug, Default)]
struct End {
    begun: AtomicBool,
    told: Arc<Notify>,
}

/// Told to every connection: finish what you are doing and take nothing new.
#[derive(Clone, Debug)]
pub(crate) struct Drain {
    end: Arc<End>,
    /// Held as long as the connection lives; when all are gone, the drain is over.
    _alive: mpsc::Sender<()>,
}

impl Drain {
    /// Whether the end has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.end.begun.load(Ordering::Acquire)
    }

    /// Resolves when the end begins, if it has not begun before this call. Made once for a connection and polled
    /// whenever it waits.
    pub(crate) fn beginning(&self) -> Pin<Box<OwnedNotified>> {
        let mut told = Box::pin(Arc::clone(&self.end.told).notified_owned());
        told.as_mut().enable();
        told
    }
}

/// The one who says when.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    end: Arc<End>,
    alive: mpsc::Sender<()>,
    gone: mpsc::Receiver<()>,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        let (alive, gone) = mpsc::channel(1);
        Self { end: Arc::default(), alive, gone }
    }

    /// A share for one connection.
    pub(crate) fn drain(&self) -> Drain {
        Drain { end: Arc::clone(&self.end), _alive: self.alive.clone() }
    }

    /// Begins the end and waits for the connections, at most `patience`. True when all finished.
    pub(crate) async fn end(self, patience: Duration) -> bool {
        let Self { end, alive, mut gone } = self;
        end.begun.store(true, Ordering::Release);
        end.told.notify_waiters();
        drop(alive);
        tokio::time::timeout(patience, gone.recv()).await.is_ok()
    }
}
