//! Hot: what both sides of a loaned connection say to each other while the loan lasts.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Flags that one side raises and the other reads. They start withheld: until the exchange has begun in earnest,
/// nothing Pingora might say by itself reaches the client.
#[derive(Debug)]
pub(crate) struct Signals {
    withheld: AtomicBool,
    released: AtomicBool,
    decided: AtomicBool,
    begun: AtomicBool,
    slow: AtomicBool,
    tunnel: AtomicBool,
    broken: AtomicBool,
    too_large: AtomicBool,
    fallback: Notify,
}

impl Default for Signals {
    fn default() -> Self {
        let down = || AtomicBool::new(false);
        Self {
            withheld: AtomicBool::new(true),
            released: down(),
            decided: down(),
            begun: down(),
            slow: down(),
            tunnel: down(),
            broken: down(),
            too_large: down(),
            fallback: Notify::new(),
        }
    }
}

impl Signals {
    /// From now on answers are for the client.
    pub(crate) fn release(&self) {
        self.released.store(true, Ordering::Release);
        self.withheld.store(false, Ordering::Release);
    }

    /// From now on nothing is written to the client.
    pub(crate) fn withhold(&self) {
        self.withheld.store(true, Ordering::Release);
    }

    /// A 404 is withheld and another target will answer.
    pub(crate) fn await_fallback(&self) {
        self.withhold();
        self.fallback.notify_one();
    }

    /// Resolves once another target is to answer.
    pub(crate) async fn fallback_awaited(&self) {
        self.fallback.notified().await;
    }

    /// Whether answers go nowhere.
    pub(crate) fn is_withheld(&self) -> bool {
        self.withheld.load(Ordering::Acquire)
    }

    /// Whether Pingora took the head at all.
    pub(crate) fn was_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    /// A final answer is on its way: what is written from now on belongs to it, and not to an interim one (1xx).
    pub(crate) fn decide(&self) {
        self.decided.store(true, Ordering::Release);
    }

    /// A byte goes towards the client.
    pub(crate) fn begin(&self) {
        if self.decided.load(Ordering::Acquire) {
            self.begun.store(true, Ordering::Release);
        }
    }

    /// Whether a byte of a final answer went towards the client: then no other answer can follow.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// The request's body stopped in the middle.
    pub(crate) fn report_slow(&self) {
        self.slow.store(true, Ordering::Release);
    }

    /// Whether the request's body stopped in the middle.
    pub(crate) fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Acquire)
    }

    /// The exchange became a tunnel (101): what follows has no framing.
    pub(crate) fn open_tunnel(&self) {
        self.tunnel.store(true, Ordering::Release);
    }

    /// Whether the exchange is a tunnel.
    pub(crate) fn is_tunnel(&self) -> bool {
        self.tunnel.load(Ordering::Acquire)
    }

    /// The request's chunked framing is broken.
    pub(crate) fn report_broken(&self) {
        self.broken.store(true, Ordering::Release);
    }

    /// Whether the request's chunked framing is broken.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// The request's body is larger than allowed.
    pub(crate) fn report_too_large(&self) {
        self.too_large.store(true, Ordering::Release);
    }

    /// Whether the request's body is larger than allowed.
    pub(crate) fn is_too_large(&self) -> bool {
        self.too_large.load(Ordering::Acquire)
    }
}
