//! Hot: request ids: unguessable enough to be unique across a fleet, cheap enough for every request.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

/// Ids longer than this are not taken from anybody: they would fill logs and headers.
const LENGTH_MAX: usize = 128;

/// The id of one request, as in `x-request-id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// An id another party made: visible ASCII without quotes, at most 128 characters.
    pub fn parse(given: &str) -> Option<Self> {
        let sane = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+/=@".contains(&byte);
        (!given.is_empty() && given.len() <= LENGTH_MAX && given.bytes().all(sane)).then(|| Self(given.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes ids: 64 random bits of the process, then a counter scrambled so that neighbours look nothing alike.
#[derive(Debug)]
pub(crate) struct Generator {
    process: u64,
    key: u64,
    count: AtomicU64,
}

impl Generator {
    pub(crate) fn new() -> Self {
        // The standard library seeds its hash keys from the operating system's random source.
        let random = |salt: u64| RandomState::new().hash_one(salt);
        Self { process: random(1), key: random(2), count: AtomicU64::new(0) }
    }

    pub(crate) fn next(&self) -> RequestId {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        // The finaliser of splitmix64 is a bijection: no two counts give one id.
        let mut mixed = count.wrapping_add(self.key);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        RequestId(format!("{:016x}{mixed:016x}", self.process))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_id_comes_twice() {
        let generator = Generator::new();
        let ids: BTreeSet<_> = (0..10_000).map(|_| generator.next().0).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.len() == 32));
    }

    #[test]
    fn a_foreign_id_must_be_harmless_to_be_kept() {
        assert_eq!(RequestId::parse("Root=1-67891233-abcdef").unwrap().as_str(), "Root=1-67891233-abcdef");
        for given in ["", "a b", "a\r\nb", "\"", &"x".repeat(129), "é"] {
            assert_eq!(RequestId::parse(given), None, "{given:?}");
        }
    }
}
