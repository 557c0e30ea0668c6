//! How long to wait before an instance is started again.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

/// Pauses that double from a shortest to a longest one.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min), failures: 0 }
    }

    /// An instance that lived this long was sound: its end counts as the first again. As long as the longest pause,
    /// because anything shorter would let an instance that dies regularly be restarted without ever slowing down.
    pub(super) fn stable_after(&self) -> Duration {
        self.max
    }

    /// The pause after an instance that lived for `life`.
    ///
    /// The upper half is random: instances that died together (a database went away) do not come back together.
    pub(super) fn after(&mut self, life: Duration) -> Duration {
        if life >= self.stable_after() {
            self.failures = 0;
        }
        let pause = self.min.saturating_mul(1 << self.failures.min(20)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        pause / 2 + (pause / 2).mul_f64(fraction())
    }
}

/// A number in 0..1. Spreading restarts needs no better source than the seed of the standard library's hashes.
fn fraction() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(10);

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::new(MIN, MAX);
        for full in [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000] {
            let pause = backoff.after(Duration::ZERO);
            let full = Duration::from_millis(full);
            assert!(full / 2 <= pause && pause <= full, "{pause:?} is not between half of {full:?} and all of it");
        }
    }

    #[test]
    fn a_stable_life_starts_over() {
        let mut backoff = Backoff::new(MIN, MAX);
        for _ in 0..100 {
            backoff.after(Duration::ZERO);
        }
        assert!(backoff.after(MAX) <= MIN);
    }

    #[test]
    fn pauses_differ() {
        let pauses: std::collections::BTreeSet<_> =
            (0..20).map(|_| Backoff::new(MIN, MAX).after(Duration::ZERO)).collect();
        assert!(pauses.len() > 1);
    }

    #[test]
    fn a_longest_below_the_shortest_is_the_shortest() {
        assert!(Backoff::new(MAX, MIN).after(Duration::ZERO) >= MAX / 2);
    }
}
