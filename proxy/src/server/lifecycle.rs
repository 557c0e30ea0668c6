//! Start and end of serving: who is told to stop, and who waits for whom.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

/// Told to every connection: finish what you are doing and take nothing new.
#[derive(Clone, Debug)]
pub(crate) struct Drain {
    begun: watch::Receiver<bool>,
    /// Held as long as the connection lives; when all are gone, the drain is over.
    _alive: mpsc::Sender<()>,
}

impl Drain {
    /// Whether the end has begun.
    pub(crate) fn has_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Waits for the end to begin.
    pub(crate) async fn begun(&mut self) {
        // An error means the lifecycle is gone: that is an end, too.
        let _ = self.begun.wait_for(|begun| *begun).await;
    }
}

/// The one who says when.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    begin: watch::Sender<bool>,
    alive: mpsc::Sender<()>,
    gone: mpsc::Receiver<()>,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        let (alive, gone) = mpsc::channel(1);
        Self { begin: watch::Sender::new(false), alive, gone }
    }

    /// A share for one connection.
    pub(crate) fn drain(&self) -> Drain {
        Drain { begun: self.begin.subscribe(), _alive: self.alive.clone() }
    }

    /// Begins the end and waits for the connections, at most `patience`. True when all finished.
    pub(crate) async fn end(self, patience: Duration) -> bool {
        let Self { begin, alive, mut gone } = self;
        begin.send_replace(true);
        drop(alive);
        tokio::time::timeout(patience, gone.recv()).await.is_ok()
    }
}
