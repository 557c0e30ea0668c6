//! Hot: single flight for pages: of those who miss the same one, one asks Compute and the others wait for what it gets.
//!
//! Unlike a picture, a page may turn out to be nobody else's. Then all who wait are told at once and ask for themselves,
//! and for a while nobody waits for that page again: a page that is not kept must not be made one after the other.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::sync::watch;

/// Each has a lock of its own.
const STRIPES: usize = 16;
/// Pages remembered in each as not to be kept; beyond them any is forgotten, which costs one wait.
const TOLD_MAX: usize = 1024;

type Digest = [u8; 32];

/// Pages that are being fetched, and pages that are not to be kept.
#[derive(Debug)]
pub(super) struct Flights {
    stripes: [Mutex<Stripe>; STRIPES],
    /// For how long it is remembered that a page is not to be kept.
    told_for: Duration,
}

#[derive(Debug, Default)]
struct Stripe {
    under_way: IndexMap<Digest, watch::Receiver<Option<Landing>>>,
    told: IndexMap<Digest, Instant>,
    /// Where the last one was forgotten.
    at: usize,
}

/// What a fetch came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landing {
    /// There is something to be found now.
    Kept,
    /// The answer is not to be kept: everybody asks for himself, and goes on to do so for a while.
    Told,
    /// The answer is an error: everybody asks for himself, this time.
    Failed,
    /// Nothing was learnt: somebody else may try.
    Lost,
}

/// Where somebody who misses a page stands.
#[derive(Debug)]
pub(super) enum Boarding {
    /// He fetches it.
    Pilot(Pilot),
    /// Somebody else does.
    Passenger(Passenger),
    /// It is known not to be kept.
    Told,
}

/// Who fetches a page. Dropped without a word, he has failed: whoever waits is not to fail one
/// after the other.
#[derive(Debug)]
pub(super) struct Pilot {
    flights: Arc<Flights>,
    digest: Digest,
    landing: Option<watch::Sender<Option<Landing>>>,
}

/// Who waits for a page.
#[derive(Debug)]
pub(crate) struct Passenger(watch::Receiver<Option<Landing>>);

impl Flights {
    pub(super) fn new(told_for: Duration) -> Self {
        Self { stripes: Default::default(), told_for }
    }

    fn stripe(&self, digest: &Digest) -> &Mutex<Stripe> {
        &self.stripes[usize::from(digest[0]) % STRIPES]
    }

    /// Fetches a page, or waits for who does.
    pub(super) fn board(self: &Arc<Self>, digest: Digest, now: Instant) -> Boarding {
        let mut stripe = self.stripe(&digest).lock();
        match stripe.told.get(&digest) {
            Some(until) if now < *until => return Boarding::Told,
            Some(_) => drop(stripe.told.swap_remove(&digest)),
            None => {}
        }
        if let Some(flight) = stripe.under_way.get(&digest) {
            return Boarding::Passenger(Passenger(flight.clone()));
        }
        let (sender, receiver) = watch::channel(None);
        stripe.under_way.insert(digest, receiver);
        Boarding::Pilot(Pilot { flights: Arc::clone(self), digest, landing: Some(sender) })
    }

    /// Forgets which pages are not to be kept.
    pub(super) fn forget(&self) {
        self.stripes.iter().for_each(|stripe| stripe.lock().told.clear());
    }
}

impl Pilot {
    /// Tells everybody, once.
    pub(super) fn land(&mut self, landing: Landing) {
        let Some(sender) = self.landing.take() else { return };
        let mut stripe = self.flights.stripe(&self.digest).lock();
        stripe.under_way.swap_remove(&self.digest);
        if landing == Landing::Told && !self.flights.told_for.is_zero() {
            if stripe.told.len() >= TOLD_MAX {
                stripe.at = (stripe.at + 1) % TOLD_MAX;
                let at = stripe.at;
                stripe.told.swap_remove_index(at);
            }
            stripe.told.insert(self.digest, Instant::now() + self.flights.told_for);
        }
        drop(stripe);
        sender.send_replace(Some(landing));
    }
}

impl Pilot {
    /// Whether somebody waits.
    pub(super) fn is_awaited(&self) -> bool {
        // One receiver is held for those who come.
        self.landing.as_ref().is_some_and(|sender| sender.receiver_count() > 1)
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        self.land(Landing::Failed);
    }
}

impl Passenger {
    /// What the fetch came to.
    pub(crate) async fn landed(&mut self) -> Landing {
        // The sender goes only after it has told.
        self.0.wait_for(Option::is_some).await.ok().and_then(|landing| *landing).unwrap_or(Landing::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pilot(boarding: Boarding) -> Pilot {
        match boarding {
            Boarding::Pilot(pilot) => pilot,
            other => panic!("{other:?}"),
        }
    }

    fn passenger(boarding: Boarding) -> Passenger {
        match boarding {
            Boarding::Passenger(passenger) => passenger,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn one_fetches_and_the_others_hear_what_came_of_it() {
        let flights = Arc::new(Flights::new(Duration::from_secs(60)));
        let now = Instant::now();
        for landing in [Landing::Kept, Landing::Lost, Landing::Failed, Landing::Told] {
            let mut pilot = pilot(flights.board([1; 32], now));
            let mut waiting: Vec<_> = (0..3).map(|_| passenger(flights.board([1; 32], now))).collect();
            let other = flights.board([2; 32], now);
            assert!(matches!(other, Boarding::Pilot(_)), "another page is another flight");
            if landing == Landing::Failed {
                drop(pilot)
            } else {
                pilot.land(landing)
            }
            for passenger in &mut waiting {
                assert_eq!(passenger.landed().await, landing);
            }
        }
    }

    #[tokio::test]
    async fn for_a_while_nobody_waits_for_what_is_not_kept() {
        let flights = Arc::new(Flights::new(Duration::from_secs(60)));
        let now = Instant::now();
        pilot(flights.board([1; 32], now)).land(Landing::Told);
        assert!(matches!(flights.board([1; 32], now), Boarding::Told));
        let later = now + Duration::from_secs(61);
        assert!(matches!(flights.board([1; 32], later), Boarding::Pilot(_)));
        pilot(flights.board([3; 32], now)).land(Landing::Told);
        flights.forget();
        assert!(matches!(flights.board([3; 32], now), Boarding::Pilot(_)));
    }

    #[test]
    fn what_is_not_kept_is_remembered_within_bounds() {
        let flights = Arc::new(Flights::new(Duration::from_secs(60)));
        for number in 0..3 * TOLD_MAX {
            let mut digest = [0; 32];
            digest[8..16].copy_from_slice(&number.to_le_bytes());
            pilot(flights.board(digest, Instant::now())).land(Landing::Told);
        }
        let stripe = flights.stripes[0].lock();
        assert_eq!((stripe.told.len(), stripe.under_way.len()), (TOLD_MAX, 0));
    }
}
