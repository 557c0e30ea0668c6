//! Whether a password is right, at the same cost for every answer.

use std::{collections::BTreeMap, hint::black_box, ops::Range};

use edgeplane_config::{PasswordHash, User};

use super::Digest;

/// A list of users.
#[derive(Debug)]
pub(super) struct Accounts {
    /// As it was written, to know it again.
    pub(super) users: Vec<User>,
    /// By keyed hashes of their names, so that the time of the search says nothing about a name.
    hashes: BTreeMap<Digest, PasswordHash>,
    /// The cost of the dearest hash; every check costs as much.
    cost: u32,
    /// A hash of that cost which no password has.
    nobody: String,
}

impl Accounts {
    pub(super) fn new(users: Vec<User>, hashes: BTreeMap<Digest, PasswordHash>) -> Self {
        let cost = users.iter().map(|user| user.hash.cost()).max().unwrap_or(bcrypt::DEFAULT_COST);
        let nobody = format!("$2b${cost:02}${}", ".".repeat(53));
        Self { users, hashes, cost, nobody }
    }

    /// Checks a password. An unknown name takes as long as a wrong password, and one user's wrong password as long as
    /// another's, however dear their hashes are.
    pub(super) fn is_right(&self, name: &Digest, password: &[u8]) -> bool {
        let (hash, more) = self.work(name);
        // The comparison inside takes the same time for all hashes.
        let is_right = bcrypt::verify(password, hash).unwrap_or(false);
        for cost in more {
            let _ = black_box(bcrypt::hash_with_salt(password, cost, [0; 16]));
        }
        is_right && self.hashes.contains_key(name)
    }

    /// The hash to check by, and the costs of what is computed besides. Each is twice the one before: together they are
    /// what the dearest hash costs more.
    pub(super) fn work(&self, name: &Digest) -> (&str, Range<u32>) {
        match self.hashes.get(name) {
            Some(hash) => (hash.as_str(), hash.cost()..self.cost),
            None => (&self.nobody, self.cost..self.cost),
        }
    }
}
