//! Passwords that are being checked, or wait for it: each once, and never too many for one neighbourhood.

use std::collections::BTreeMap;

use tokio::sync::watch;

use super::{
    super::vicinity::{Neighbours, Vicinity},
    Digest,
};

/// Neighbours have one of so many places, so that a few networks cannot keep all others from coming in.
const SHARE: usize = 8;

/// Tells whether a password is right, once that is known.
pub(super) type Landing = watch::Receiver<Option<bool>>;

/// What is under check.
pub(super) struct Queue {
    most: usize,
    pending: BTreeMap<Digest, Landing>,
    /// The same, by who ordered them, the oldest first.
    near: BTreeMap<Neighbours, Vec<Standing>>,
}

struct Standing {
    digest: Digest,
    own: u64,
    landing: Landing,
}

impl Queue {
    pub(super) fn new(most: usize) -> Self {
        Self { most, pending: BTreeMap::new(), near: BTreeMap::new() }
    }

    /// The check of that name and password, if there is one.
    pub(super) fn find(&self, digest: &Digest) -> Option<Landing> {
        self.pending.get(digest).cloned()
    }

    pub(super) fn is_full(&self) -> bool {
        self.pending.len() >= self.most
    }

    /// The oldest check of the neighbours, where they have all the places that they may have.
    pub(super) fn crowd(&self, neighbours: Neighbours) -> Option<Landing> {
        let standing = self.near.get(&neighbours)?;
        if standing.len() < (self.most / SHARE).max(1) {
            return None;
        }
        standing.first().map(|standing| standing.landing.clone())
    }

    /// How many checks an address has itself.
    pub(super) fn count(&self, place: Vicinity) -> usize {
        self.own(place).count()
    }

    /// The oldest check of an address.
    pub(super) fn oldest(&self, place: Vicinity) -> Option<Landing> {
        self.own(place).next().map(|standing| standing.landing.clone())
    }

    fn own(&self, place: Vicinity) -> impl Iterator<Item = &Standing> {
        self.near.get(&place.neighbours).into_iter().flatten().filter(move |standing| standing.own == place.own)
    }

    pub(super) fn join(&mut self, digest: Digest, place: Vicinity, landing: Landing) {
        self.pending.insert(digest, landing.clone());
        self.near.entry(place.neighbours).or_default().push(Standing { digest, own: place.own, landing });
    }

    pub(super) fn leave(&mut self, digest: &Digest, place: Vicinity) {
        self.pending.remove(digest);
        let Some(standing) = self.near.get_mut(&place.neighbours) else { return };
        standing.retain(|standing| standing.digest != *digest);
        if standing.is_empty() {
            self.near.remove(&place.neighbours);
        }
    }
}
