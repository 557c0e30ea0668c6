//! Whether the Node processes of a fleet are to run, and whether anybody has use for them.

use std::{
    sync::atomic::{AtomicUsize, Ordering, fence},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::watch;

/// What the instances of a fleet are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Run.
    Run,
    /// End until somebody asks.
    Rest,
    /// End for good.
    Stop,
}

/// The wish, and the requests it depends on.
#[derive(Debug)]
pub(super) struct Demand {
    wish: watch::Sender<Wish>,
    begun: AtomicUsize,
    ended: AtomicUsize,
    /// How many had begun when somebody last looked, and since when that has not changed.
    seen: Mutex<(usize, Instant)>,
}

/// A request for the fleet is under way for as long as this lives.
#[derive(Debug)]
pub struct Use<'f>(&'f Demand);

impl Drop for Use<'_> {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

impl Demand {
    pub(super) fn new(wish: Wish) -> Self {
        Self {
            wish: watch::Sender::new(wish),
            begun: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            seen: Mutex::new((0, Instant::now())),
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Wish> {
        self.wish.subscribe()
    }

    pub(super) fn set(&self, wish: Wish) {
        self.wish.send_replace(wish);
    }

    /// A request begins.
    pub(super) fn enter(&self) -> Use<'_> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Use(self)
    }

    /// Somebody waits for an instance.
    pub(super) fn wake(&self) {
        if *self.wish.borrow() == Wish::Rest {
            self.wish.send_if_modified(|wish| {
                let rests = *wish == Wish::Rest;
                if rests {
                    *wish = Wish::Run;
                }
                rests
            });
        }
    }

    pub(super) fn runs(&self) -> bool {
        *self.wish.borrow() == Wish::Run
    }

    /// Whether a request is under way.
    pub(super) fn is_busy(&self) -> bool {
        fence(Ordering::SeqCst);
        // What has ended is read first: a request that ends in between makes it look busy, never idle.
        let ended = self.ended.load(Ordering::SeqCst);
        self.begun.load(Ordering::SeqCst) != ended
    }

    /// Whether no request was seen for as long as `idle`. What happens between two looks is seen at the second.
    pub(super) fn is_unused(&self, idle: Duration, now: Instant) -> bool {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut seen = self.seen.lock();
        if self.is_busy() || seen.0 != begun || !self.runs() {
            *seen = (begun, now);
        }
        now.duration_since(seen.1) >= idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_counts_from_the_end_of_the_last_request() {
        const IDLE: Duration = Duration::from_secs(60);
        let (demand, start) = (Demand::new(Wish::Run), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert!(!demand.is_unused(IDLE, at(10)));
        let first = demand.enter();
        assert!(!demand.is_unused(IDLE, at(500)) && demand.is_busy());
        drop(first);
        assert!(!demand.is_unused(IDLE, at(550)) && !demand.is_busy());
        drop(demand.enter());
        assert!(!demand.is_unused(IDLE, at(600)), "one came and went between two looks");
        assert!(!demand.is_unused(IDLE, at(659)));
        assert!(demand.is_unused(IDLE, at(660)));
    }

    #[test]
    fn who_waits_wakes_what_rests_and_not_what_has_ended() {
        for (wish, expected) in [(Wish::Rest, Wish::Run), (Wish::Run, Wish::Run), (Wish::Stop, Wish::Stop)] {
            let demand = Demand::new(wish);
            demand.wake();
            assert_eq!(*demand.wish.borrow(), expected);
        }
    }
}
