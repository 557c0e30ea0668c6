//! Hot: finding the custom headers of a path. One pass over the path, no allocation where the automaton is dense.

use std::{borrow::Cow, fmt};

use edgeplane_config::HeaderRule;
use regex_automata::{
    Anchored, Input, PatternSet,
    dfa::{Automaton as _, dense},
    hybrid::dfa as lazy,
    util::{pool::Pool, primitives::StateID},
};

use super::Overlay;

/// The custom headers of a deployment, compiled. There is at least one.
#[derive(Debug)]
pub struct Headers {
    pub(super) rules: Box<[HeaderRule]>,
    pub(super) automaton: Automaton,
}

/// Makes a cache for a thread that has none yet.
pub(super) type MakeCache = Box<dyn Fn() -> lazy::Cache + Send + Sync>;

/// The two shapes an automaton takes.
pub(super) enum Automaton {
    /// All states in a table, and what a path that ends in each of them gets, by state.
    Dense { dfa: dense::DFA<Vec<u32>>, start: StateID, overlays: Box<[(StateID, Overlay)]> },
    /// States made on the way; the overlay is put together for each request.
    Lazy { dfa: lazy::DFA, caches: Pool<lazy::Cache, MakeCache> },
}

impl Headers {
    /// The fields for a decoded path; none where no pattern matches it.
    pub fn find(&self, path: &[u8]) -> Option<Cow<'_, Overlay>> {
        match &self.automaton {
            Automaton::Dense { dfa, start, overlays } => {
                let last = path.iter().fold(*start, |state, byte| dfa.next_state(state, *byte));
                let end = dfa.next_eoi_state(last);
                let at = overlays.binary_search_by_key(&end, |(state, _)| *state).ok()?;
                Some(Cow::Borrowed(&overlays.get(at)?.1))
            }
            Automaton::Lazy { dfa, caches } => {
                let mut matching = PatternSet::new(self.rules.len());
                let input = Input::new(path).anchored(Anchored::Yes);
                // This cannot fail: no byte makes the automaton quit, and it never gives up.
                let _ = dfa.try_which_overlapping_matches(&mut caches.get(), &input, &mut matching);
                // In the order of their numbers, which is that of the rules.
                let rules = matching.iter().filter_map(|pattern| self.rules.get(pattern.as_usize()));
                (!matching.is_empty()).then(|| Cow::Owned(Overlay::new(rules, None)))
            }
        }
    }

    /// The rules that were compiled, in their order.
    pub fn rules(&self) -> &[HeaderRule] {
        &self.rules
    }
}

impl fmt::Debug for Automaton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dense { .. } => "Dense",
            Self::Lazy { .. } => "Lazy",
        })
    }
}
