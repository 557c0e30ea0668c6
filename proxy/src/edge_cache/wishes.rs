//! What a client says about the answer it wants (RFC 9111 5.2.1), where it is obeyed.

use super::{directives::Directives, key::values};
use crate::answer::Head;

/// A request's `Cache-Control`, or its `Pragma` where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes(Directives);

impl Wishes {
    pub(super) fn of(head: &Head<'_>) -> Self {
        let mut said = Directives::of(values(head, "cache-control"));
        if !said.any {
            said.no_cache = Directives::of(values(head, "pragma")).no_cache;
        }
        Self(said)
    }

    /// Whether a fresh answer of that age, and fresh for so long yet, is wanted.
    pub(super) fn takes(&self, age: u64, left: u64) -> bool {
        let young = self.0.max_age.is_none_or(|most| age <= most);
        let lasting = self.0.min_fresh.is_none_or(|least| left >= least);
        !self.0.no_cache && !self.0.no_store && young && lasting
    }

    /// Whether an answer past its lifetime is wanted.
    pub(super) fn takes_stale(&self) -> bool {
        !self.0.no_cache && !self.0.no_store && self.0.max_age.is_none() && self.0.min_fresh.is_none()
    }

    pub(super) fn forbids_keeping(&self) -> bool {
        self.0.no_store
    }

    pub(super) fn only_kept(&self) -> bool {
        self.0.only_if_cached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_want_it_young_lasting_or_anew() {
        for (name, value, takes, takes_stale) in [
            ("Cache-Control", "", true, true),
            ("Cache-Control", "no-cache", false, false),
            ("Cache-Control", "no-store", false, false),
            ("Cache-Control", "max-age=10", true, false),
            ("Cache-Control", "max-age=9", false, false),
            ("Cache-Control", "min-fresh=5", true, false),
            ("Cache-Control", "min-fresh=6", false, false),
            ("Pragma", "no-cache", false, false),
        ] {
            let fields = [httparse::Header { name, value: value.as_bytes() }];
            let head = Head { method: "GET", path: "/", query: None, fields: &fields, http11: true, host: "h" };
            let wishes = Wishes::of(&head);
            assert_eq!((wishes.takes(10, 5), wishes.takes_stale()), (takes, takes_stale), "{name}: {value}");
        }
    }
}
