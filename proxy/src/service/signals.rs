//! Hot: what both sides of a loaned connection say to each other while the loan lasts.

use std::sync::atomic::{AtomicBool, Ordering};

/// Flags that one side raises and the other reads. They start withheld: until the exchange has begun in earnest,
/// nothing Pingora might say by itself reaches the client.
#[derive(Debug)]
pub(crate) struct Signals {
    withheld: AtomicBool,
    begun: AtomicBool,
    tunnel: AtomicBool,
    broken: AtomicBool,
    too_large: AtomicBool,
}

impl Default for Signals {
    fn default() -> Self {
        let down = || AtomicBool::new(false);
        Self { withheld: AtomicBool::new(true), begun: down(), tunnel: down(), broken: down(), too_large: down() }
    }
}

impl Signals {
    /// From now on answers are for the client.
    pub(crate) fn release(&self) {
        self.withheld.store(false, Ordering::Release);
    }

    /// From now on nothing is written to the client.
    pub(crate) fn withhold(&self) {
        self.withheld.store(true, Ordering::Release);
    }

    /// Whether answers go nowhere.
    pub(crate) fn is_withheld(&self) -> bool {
        self.withheld.load(Ordering::Acquire)
    }

    /// The first byte of an answer went towards the client.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Release);
    }

    /// Whether a byte of an answer went towards the client: then no other answer can follow.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
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
