//! Hot: what an unsafe request makes invalid (RFC 9111 4.4), in a bounded table and without a list of what is kept.
//!
//! A `POST /a` is to make every answer kept for `/a` invalid, whatever else its key holds, wherever it is kept, and also
//! one that is just being fetched. So every URI has a place in a table of counters, an answer remembers what its
//! counter was when its fetch began, and is of use only as long as that has not changed. URIs that share a place lose
//! more than they must, one in 65,536 of them, and nothing is ever kept for too long.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::key::Parts;

/// Places. The table has 256 KiB.
const PLACES: usize = 1 << 16;

/// The place of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place(u16);

impl Place {
    pub(super) fn of(site: &str, host: &str, path: &str, query: Option<&str>) -> Self {
        let mut parts = Parts::new("edgeplane place");
        parts.add(site.as_bytes()).add(host.to_ascii_lowercase().as_bytes()).add(path.as_bytes());
        if let Some(query) = query {
            parts.add(query.as_bytes());
        }
        let [first, second, ..] = parts.digest();
        Self(u16::from_le_bytes([first, second]))
    }
}

/// How often what is kept for each place was made invalid.
#[derive(Debug)]
pub(super) struct Epochs(Box<[AtomicU32]>);

impl Default for Epochs {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Epochs {
    pub(super) fn now(&self, place: Place) -> u32 {
        self.0[usize::from(place.0)].load(Relaxed)
    }

    /// Makes everything invalid that is kept for a place, or is just being fetched.
    pub(super) fn advance(&self, place: Place) {
        self.0[usize::from(place.0)].fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_that_of_the_whole_uri() {
        let place = |host, path, query| Place::of("site", host, path, query);
        let epochs = Epochs::default();
        epochs.advance(place("h", "/a", None));
        assert_eq!(epochs.now(place("H", "/a", None)), 1, "names of hosts have no case");
        for other in [place("h", "/A", None), place("h", "/a", Some("")), place("i", "/a", None)] {
            assert_eq!(epochs.now(other), 0, "{other:?}");
        }
    }
}
