//! Hot: how often an address may ask: the generic cell rate algorithm (ITU-T I.371), in memory that does not grow.
//!
//! There is one meter for the process and not one for each thread. The kernel deals connections to threads as it likes, so
//! with meters of their own a client with one connection would have its rate, and one with many as often that as there are
//! threads. Addresses are spread over thousands of small locks; two threads wait for each other where they count the same
//! address at the same moment, or two out of thousands that share a lock.
//!
//! What is known of an address is the moment at which it has recovered. Once that is past there is nothing to be known, and
//! its place is free for another one. A place is never taken from an address that has not recovered: who floods the meter
//! with addresses can make nobody forgotten. Newcomers that find no place are counted together with their neighbours (IPv4
//! by /24, IPv6 by /48), and those that do not find one there either with all others of their family. IPv4 and IPv6 have
//! places of their own, as it is only of the latter that anybody has millions of addresses.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use edgeplane_config::Rate;
use parking_lot::Mutex;

use super::vicinity::{Neighbours, Vicinity};

/// Places under one lock, where an address may have its own.
const WAYS: usize = 8;
/// Of so many places one is for neighbours.
const NEIGHBOURS: usize = 8;

/// How often one address may ask, and whose requests are counted together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    limiter: usize,
    /// Nanoseconds from one request to the next.
    interval: u64,
    /// How much sooner than that it may come.
    ahead: u64,
}

impl Pace {
    /// So many at once, and then the rate.
    pub(super) fn new(limiter: usize, rate: Rate, burst: u32) -> Self {
        let per = u64::try_from(rate.per.as_nanos()).unwrap_or(u64::MAX);
        let interval = (per / u64::from(rate.count.max(1))).max(1);
        Self { limiter, interval, ahead: interval.saturating_mul(u64::from(burst.saturating_sub(1))) }
    }

    /// How long is to be waited, where an address has recovered by `until`.
    fn wait(&self, until: u64, now: u64) -> Result<(), Wait> {
        match until.max(now).saturating_sub(self.ahead).checked_sub(now) {
            None | Some(0) => Ok(()),
            Some(nanos) => Err(Wait(Duration::from_nanos(nanos))),
        }
    }
}

/// Too soon: it may be tried again after this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait(pub(super) Duration);

impl Wait {
    /// In whole seconds, after which it is sure to be long enough.
    pub(super) fn seconds(self) -> u64 {
        (self.0.as_secs() + u64::from(self.0.subsec_nanos() > 0)).max(1)
    }
}

/// With whom an address is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// With nobody else.
    Alone,
    /// With those near it.
    Neighbours,
    /// With all who found no place near them either.
    Rest,
}

/// What is known of addresses.
#[derive(Debug)]
pub(super) struct Meter {
    began: Instant,
    v4: Family,
    v6: Family,
    /// Chosen anew by each process, so that nobody can aim at somebody's lock.
    spread: RandomState,
    crowded: AtomicU64,
}

/// The addresses of IPv4, or of IPv6.
#[derive(Debug)]
struct Family {
    each: Places,
    neighbours: Places,
    /// All who found no place, for each limiter.
    rest: Box<[Mutex<u64>]>,
}

#[derive(Debug)]
struct Places(Box<[Mutex<[Place; WAYS]>]>);

/// Somebody, until it has recovered.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    prefix: u64,
    limiter: usize,
    /// Nanoseconds since the beginning; in the past: nobody's.
    until: u64,
}

impl Meter {
    /// A meter that tells so many addresses apart, for so many limiters.
    pub(super) fn new(addresses: usize, limiters: usize) -> Self {
        let family = || Family {
            each: Places::new(addresses / 2),
            neighbours: Places::new(addresses / 2 / NEIGHBOURS),
            rest: (0..limiters.max(1)).map(|_| Mutex::default()).collect(),
        };
        let (v4, v6) = (family(), family());
        Self { began: Instant::now(), v4, v6, spread: RandomState::new(), crowded: AtomicU64::new(0) }
    }

    /// Counts a request, and tells with whom.
    ///
    /// # Errors
    /// [`Wait`], where it comes too soon; it is not counted then.
    pub(super) fn charge(&self, pace: &Pace, address: IpAddr, now: Instant) -> Result<Level, Wait> {
        let now = self.nanos(now);
        let (charged, level) = self.with(pace, address, now, |until| {
            pace.wait(*until, now)?;
            *until = (*until).max(now).saturating_add(pace.interval);
            Ok(())
        });
        if level != Level::Alone {
            self.crowded.fetch_add(1, Relaxed);
        }
        charged.map(|()| level)
    }

    /// Whether a request would come too soon; nothing is counted. The last `open` ones may still be taken back, and are
    /// looked at as if they were.
    ///
    /// # Errors
    /// [`Wait`], where it would.
    pub(super) fn look(&self, pace: &Pace, address: IpAddr, open: usize, now: Instant) -> Result<(), Wait> {
        let now = self.nanos(now);
        let open = pace.interval.saturating_mul(open as u64);
        self.with(pace, address, now, |until| pace.wait(until.saturating_sub(open), now)).0
    }

    /// What was counted at that level is taken back. An address that has recovered since then has nothing to take back.
    pub(super) fn refund(&self, pace: &Pace, address: IpAddr, level: Level) {
        let limiter = pace.limiter;
        let Spot { family, own, wide } = self.spot(address);
        let back = |until: &mut u64| *until = until.saturating_sub(pace.interval);
        match level {
            Level::Alone => family.each.known(self.hash(own, limiter), own, limiter, back),
            Level::Neighbours => family.neighbours.known(self.hash(wide, limiter), wide, limiter, back),
            Level::Rest => back(&mut family.rest(limiter).lock()),
        }
    }

    /// How many requests were counted together with those of others, for want of room.
    pub(super) fn crowded(&self) -> u64 {
        self.crowded.load(Relaxed)
    }

    fn nanos(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_nanos()).unwrap_or(u64::MAX)
    }

    fn with<T>(&self, pace: &Pace, address: IpAddr, now: u64, act: impl FnOnce(&mut u64) -> T) -> (T, Level) {
        let limiter = pace.limiter;
        let Spot { family, own, wide } = self.spot(address);
        let alone = family.each.with(self.hash(own, limiter), own, limiter, now, act);
        alone.map(|done| (done, Level::Alone)).unwrap_or_else(|act| {
            let near = family.neighbours.with(self.hash(wide, limiter), wide, limiter, now, act);
            near.map(|done| (done, Level::Neighbours))
                .unwrap_or_else(|act| (act(&mut family.rest(limiter).lock()), Level::Rest))
        })
    }

    fn spot(&self, address: IpAddr) -> Spot<'_> {
        let Vicinity { own, neighbours } = Vicinity::of(address);
        match neighbours {
            Neighbours::V4(wide) => Spot { family: &self.v4, own, wide },
            Neighbours::V6(wide) => Spot { family: &self.v6, own, wide },
        }
    }

    fn hash(&self, prefix: u64, limiter: usize) -> u64 {
        self.spread.hash_one((prefix, limiter))
    }
}

/// Where an address is looked for.
struct Spot<'a> {
    family: &'a Family,
    own: u64,
    wide: u64,
}

impl Family {
    fn rest(&self, limiter: usize) -> &Mutex<u64> {
        &self.rest[limiter.min(self.rest.len() - 1)]
    }
}

impl Places {
    fn new(count: usize) -> Self {
        Self((0..(count / WAYS).max(1)).map(|_| Mutex::default()).collect())
    }

    /// Does something to the place of a prefix, if it has one.
    fn known(&self, hash: u64, prefix: u64, limiter: usize, act: impl FnOnce(&mut u64)) {
        let mut places = self.of(hash).lock();
        let own = places.iter_mut().find(|place| place.prefix == prefix && place.limiter == limiter);
        if let Some(place) = own {
            act(&mut place.until);
        }
    }

    fn of(&self, hash: u64) -> &Mutex<[Place; WAYS]> {
        let count = self.0.len() as u64;
        &self.0[usize::try_from(hash % count).unwrap_or(0)]
    }

    /// Does something to the place of a prefix; gives it back where there is none.
    fn with<T, F: FnOnce(&mut u64) -> T>(
        &self,
        hash: u64,
        prefix: u64,
        limiter: usize,
        now: u64,
        act: F,
    ) -> Result<T, F> {
        let mut places = self.of(hash).lock();
        let own = places.iter().position(|place| place.prefix == prefix && place.limiter == limiter);
        let Some(at) = own.or_else(|| places.iter().position(|place| place.until <= now)) else { return Err(act) };
        let place = &mut places[at];
        if own.is_none() {
            *place = Place { prefix, limiter, until: 0 };
        }
        Ok(act(&mut place.until))
    }
}

#[cfg(test)]
mod tests;
