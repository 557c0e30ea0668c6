//! Hot: HTTP Basic (RFC 7617): who came in before is known by a keyed hash; everybody else is checked on another thread.
//!
//! A slow hash is what makes a stolen list of users useless, and what must never be computed where requests are
//! answered. So a right password is remembered, as a hash with a key of this process, and checked once. Wrong ones are
//! counted by address before they are checked, and taken back where they prove right: whoever sends a thousand at once has
//! no more guesses than one after the other. An address with too many gets no answer about any password, the right one
//! included: an answer would tell which it is, for the price of a quick hash. Where only those that are still being checked
//! make it too many, it is not known yet whether anybody guesses, and all others from there wait for one of them.

mod check;
mod credentials;
mod queue;

use std::{fmt, net::IpAddr, sync::Arc, time::Instant};

use edgeplane_config::{AccessPolicy, AccessSettings, User};
use http::HeaderValue;
use moka::{policy::EvictionPolicy, sync::Cache};
use parking_lot::Mutex;
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::{Semaphore, watch};

pub(super) use self::credentials::is_ours;
use self::{
    check::Accounts,
    credentials::{PAIR_MAX, pair},
    queue::{Landing, Queue},
};
use super::{
    Refusal, Verdict,
    events::{AccessEvents, Check},
    rate::{Level, Meter, Pace, Wait},
    vicinity::Vicinity,
};
use crate::answer::Head;

/// A hash with the key of this process.
type Digest = [u8; 32];

/// There is no randomness to be had, without which hashes could be guessed.
#[derive(Debug, thiserror::Error)]
#[error("failed to draw a random key")]
pub struct DrawKey;

/// All users, and what is known of their passwords.
pub(super) struct Keys {
    secret: [u8; 32],
    /// Lists of users; hosts with the same users share one.
    lists: Vec<Arc<Accounts>>,
    failures: Meter,
    pace: Pace,
    /// Right ones.
    remembered: Cache<Digest, ()>,
    /// Those that are being checked.
    queue: Mutex<Queue>,
    workers: Arc<Semaphore>,
}

/// A name and a password that nobody has checked yet.
pub struct Attempt {
    list: usize,
    digest: Digest,
    name: Digest,
    password: Box<[u8]>,
    client: IpAddr,
    challenge: HeaderValue,
}

/// Where an attempt stands.
enum Boarding {
    /// It is right, as somebody has found out meanwhile.
    Known,
    /// It is being checked.
    Aboard(Landing),
    /// Another check comes first; after that it is to be tried again.
    Behind(Landing),
}

impl Keys {
    /// `workers` of them are checked at the same time.
    pub(super) fn new(settings: &AccessSettings, workers: usize) -> Result<Self, DrawKey> {
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| DrawKey)?;
        Ok(Self {
            secret,
            lists: Vec::new(),
            failures: Meter::new(settings.addresses, 1),
            pace: Pace::new(0, settings.failures, settings.failures.count),
            // Whoever came in last is whom a full cache should know; its usual policy would rather keep old friends.
            remembered: Cache::builder()
                .max_capacity(settings.remembered)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            queue: Mutex::new(Queue::new(settings.queue)),
            workers: Arc::new(Semaphore::new(workers)),
        })
    }

    /// The number of the policy's list of users.
    pub(super) fn list(&mut self, policy: &AccessPolicy) -> usize {
        let known = self.lists.iter().position(|list| list.users == policy.users);
        known.unwrap_or_else(|| {
            let number = self.lists.len();
            let named = |user: &User| (self.digest(number, b"name", user.name.as_bytes()), user.hash.clone());
            let hashes = policy.users.iter().map(named).collect();
            self.lists.push(Arc::new(Accounts::new(policy.users.clone(), hashes)));
            number
        })
    }

    /// Whether there is anybody who could come in with a password.
    pub(super) fn has_users(&self) -> bool {
        !self.lists.is_empty()
    }

    /// Whether somebody may come in. Nothing slow is done here.
    pub(super) fn enter(
        &self,
        list: usize,
        challenge: &HeaderValue,
        head: &Head<'_>,
        client: IpAddr,
        now: Instant,
    ) -> Verdict {
        let mut buffer = [0; PAIR_MAX];
        let Some((name, password, both)) = pair(head, &mut buffer) else {
            return Verdict::Refused(Refusal::Password { challenge: challenge.clone() });
        };
        let digest = self.digest(list, b"both", both);
        let crowded = self.failures.look(&self.pace, client, 0, now).is_err();
        if crowded && let Err(wait) = self.confirmed(&self.queue.lock(), client, now) {
            return Verdict::Refused(Refusal::Failures { retry_after: wait.seconds() });
        }
        // While it is not known whether there are too many wrong ones, no answer tells who is remembered.
        if !crowded && self.remembered.get(&digest).is_some() {
            return Verdict::Welcome { ours: true };
        }
        Verdict::Check(Box::new(Attempt {
            list,
            digest,
            name: self.digest(list, b"name", name),
            password: password.into(),
            client,
            challenge: challenge.clone(),
        }))
    }

    /// Whether an address has too many wrong passwords, without those that are still being checked.
    fn confirmed(&self, queue: &Queue, client: IpAddr, now: Instant) -> Result<(), Wait> {
        self.failures.look(&self.pace, client, queue.count(Vicinity::of(client)), now)
    }

    /// Waits until an attempt is checked, by whomever.
    pub(super) async fn settle(
        self: &Arc<Self>,
        attempt: &Attempt,
        events: &Arc<AccessEvents>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let (began, mut at) = (Instant::now(), now);
        loop {
            match self.board(attempt, events, at)? {
                Boarding::Known => return Ok(()),
                Boarding::Aboard(mut landing) => {
                    let landed = landing.wait_for(Option::is_some).await.map(|is_right| *is_right);
                    // Whoever checked it may be gone.
                    return match landed.ok().flatten() {
                        Some(true) => Ok(()),
                        Some(false) => Err(Refusal::Password { challenge: attempt.challenge.clone() }),
                        None => Err(Refusal::Busy),
                    };
                }
                Boarding::Behind(mut other) => {
                    other.wait_for(Option::is_some).await.map(drop).map_err(|_| Refusal::Busy)?;
                    at = now + began.elapsed();
                }
            }
        }
    }

    /// Joins those who wait for the same password, or has it checked. A page's browser sends dozens at once.
    fn board(
        self: &Arc<Self>,
        attempt: &Attempt,
        events: &Arc<AccessEvents>,
        now: Instant,
    ) -> Result<Boarding, Refusal> {
        let mut queue = self.queue.lock();
        if let Some(landing) = queue.find(&attempt.digest) {
            return Ok(Boarding::Aboard(landing));
        }
        let (client, place) = (attempt.client, Vicinity::of(attempt.client));
        let too_many = |wait: Wait| Refusal::Failures { retry_after: wait.seconds() };
        if let Err(wait) = self.failures.look(&self.pace, client, 0, now) {
            self.confirmed(&queue, client, now).map_err(too_many)?;
            // Those that are being checked may all be right.
            return queue.oldest(place).map(Boarding::Behind).ok_or_else(|| too_many(wait));
        }
        // It may have been checked while this one waited.
        if self.remembered.get(&attempt.digest).is_some() {
            return Ok(Boarding::Known);
        }
        if queue.is_full() {
            return Err(Refusal::Busy);
        }
        if let Some(oldest) = queue.crowd(place.neighbours) {
            return Ok(Boarding::Behind(oldest));
        }
        let level = self.failures.charge(&self.pace, client, now).map_err(too_many)?;
        let (tell, landing) = watch::channel(None);
        queue.join(attempt.digest, place, landing.clone());
        drop(queue);
        self.check(attempt, events, level, tell);
        Ok(Boarding::Aboard(landing))
    }

    /// Has an attempt checked, and tells of it. It goes on when the client leaves: who asks again finds it done, and nobody
    /// can order it twice.
    fn check(
        self: &Arc<Self>,
        attempt: &Attempt,
        events: &Arc<AccessEvents>,
        level: Level,
        tell: watch::Sender<Option<bool>>,
    ) {
        let (keys, events) = (Arc::clone(self), Arc::clone(events));
        let (list, name, password) = (Arc::clone(&self.lists[attempt.list]), attempt.name, attempt.password.clone());
        let (digest, client) = (attempt.digest, attempt.client);
        tokio::spawn(async move {
            let _worker = keys.workers.acquire().await;
            let checked = tokio::task::spawn_blocking(move || list.is_right(&name, &password)).await.ok();
            if checked == Some(true) {
                keys.remembered.insert(digest, ());
            }
            if checked != Some(false) {
                keys.failures.refund(&keys.pace, client, level);
            }
            if let Some(is_right) = checked {
                events.checked(if is_right { Check::Right } else { Check::Wrong });
            }
            keys.queue.lock().leave(&digest, Vicinity::of(client));
            // Nobody may wait any more; none is told where the check itself failed.
            let _ = tell.send(checked);
        });
    }

    /// Whether a name and password are right, here and now: for whoever may wait.
    pub(super) fn is_right(&self, attempt: &Attempt) -> bool {
        self.lists[attempt.list].is_right(&attempt.name, &attempt.password)
    }

    /// How many passwords are remembered.
    #[cfg(test)]
    fn n_remembered(&self) -> u64 {
        self.remembered.run_pending_tasks();
        self.remembered.entry_count()
    }

    fn digest(&self, list: usize, what: &[u8; 4], text: &[u8]) -> Digest {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(&(list as u64).to_le_bytes()).update(what).update(text);
        *hasher.finalize().as_bytes()
    }

    /// How many passwords were counted together with those of others, for want of room.
    pub(super) fn crowded(&self) -> u64 {
        self.failures.crowded()
    }
}

/// None of its secrets.
impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Keys").field("lists", &self.lists.len()).finish_non_exhaustive()
    }
}

/// Neither name nor password.
impl fmt::Debug for Attempt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Attempt").field("client", &self.client).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
