//! How long a result may be kept, from what its source's server said (RFC 9111 4.2.1, 5.2.2).

use std::time::Duration;

/// A kept result's lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Freshness {
    /// Between the manifest's `minimumCacheTTL` and the operator's limit.
    pub(super) ttl: Duration,
    /// Whether it may be kept at all.
    pub(super) store: bool,
}

impl Freshness {
    /// The lifetime a source's `Cache-Control` gives, at least `least` and at most `most`.
    ///
    /// `s-maxage` counts before `max-age`, since this is a shared cache. A source that says `no-store` or `private`
    /// is answered and not kept, whatever the manifest's minimum: it may be meant for one person.
    pub(super) fn of(cache_control: Option<&str>, least: Duration, most: Duration) -> Self {
        let (mut max_age, mut shared, mut store) = (None, None, true);
        for directive in cache_control.unwrap_or_default().split(',') {
            let directive = directive.trim();
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            if name.eq_ignore_ascii_case("max-age") {
                max_age = seconds(value).or(max_age);
            } else if name.eq_ignore_ascii_case("s-maxage") {
                shared = seconds(value).or(shared);
            } else if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("private") {
                store = false;
            }
        }
        let said = Duration::from_secs(shared.or(max_age).unwrap_or(0));
        Self { ttl: said.max(least).min(most), store }
    }

    /// Whether a cache may hold it, and for any time at all.
    pub(super) fn may_be_kept(self) -> bool {
        self.store && !self.ttl.is_zero()
    }
}

/// The leading digits of a value, quoted or not; nothing where there are none, the most where there are too many.
fn seconds(value: &str) -> Option<u64> {
    let value = value.strip_prefix('"').unwrap_or(value);
    let end = value.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    let digits = &value[..end];
    if digits.is_empty() { None } else { Some(digits.parse().unwrap_or(u64::MAX)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: Duration = Duration::from_secs(60);
    const YEAR: Duration = Duration::from_secs(31_536_000);

    fn ttl(cache_control: &str) -> u64 {
        Freshness::of(Some(cache_control), LEAST, YEAR).ttl.as_secs()
    }

    #[test]
    fn without_a_lifetime_the_minimum_counts() {
        // Row 134; what must not be stored is below.
        for said in ["", "no-cache", "max-age=0", "max-age=foo", "max-age = 100", "stale-while-revalidate=500"] {
            assert_eq!(ttl(said), 60, "{said:?}");
        }
        assert_eq!(Freshness::of(None, LEAST, YEAR), Freshness { ttl: LEAST, store: true });
    }

    #[test]
    fn the_shared_lifetime_counts_first() {
        // Rows 135, 136, 137.
        let cases = [
            ("max-age=100", 100),
            ("Max-Age=100", 100),
            ("s-maxage=200", 200),
            ("max-age=100, s-maxage=200", 200),
            ("s-maxage=0, max-age=100", 60),
            ("max-age=\"100\"", 100),
            ("max-age=61.9", 61),
            ("max-age=70m", 70),
            ("max-age=-5", 60),
            ("max-age=100,max-age=200", 200),
            ("s-maxage, max-age=65", 65),
            ("max-age=99999999999999999999", 31_536_000),
            ("max-age=10", 60),
        ];
        for (said, expected) in cases {
            assert_eq!(ttl(said), expected, "{said:?}");
        }
    }

    #[test]
    fn what_is_meant_for_one_person_is_not_kept() {
        for said in ["no-store", "private", "Private, max-age=100", "max-age=100, NO-STORE", "private=\"x\""] {
            assert!(!Freshness::of(Some(said), LEAST, YEAR).store, "{said:?}");
        }
        assert!(Freshness::of(Some("public, max-age=1"), LEAST, YEAR).store);
    }
}
