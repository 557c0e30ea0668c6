//! Hot: finding the route of a path. One pass over the path, no allocation.

use std::fmt;

use regex_automata::{
    Anchored, Input,
    dfa::{Automaton as _, dense},
    hybrid::dfa as lazy,
    util::pool::Pool,
};

use super::literal::Literals;

/// The patterns of a deployment's routes, compiled.
#[derive(Debug)]
pub struct Routes(pub(super) Automaton);

/// Makes a cache for a thread that has none yet.
pub(super) type MakeCache = Box<dyn Fn() -> lazy::Cache + Send + Sync>;

/// The two shapes an automaton takes.
pub(super) enum Automaton {
    /// All states in a table.
    Dense(dense::DFA<Vec<u32>>),
    /// States made on the way and kept in a bounded cache, of which each searching thread takes one.
    Lazy {
        /// What the states are made from.
        dfa: lazy::DFA,
        /// The caches at rest; at most as many are made as threads ever searched at once.
        caches: Pool<lazy::Cache, MakeCache>,
        /// The patterns, for paths that need too many new states.
        literals: Box<[Literals]>,
    },
}

impl Routes {
    /// The index of the first pattern that matches the whole of a decoded path.
    pub fn find(&self, path: &[u8]) -> Option<usize> {
        let input = Input::new(path).anchored(Anchored::Yes);
        let found = match &self.0 {
            // This cannot fail: no byte makes the automaton quit, and an anchored start state always exists.
            Automaton::Dense(dfa) => dfa.try_search_fwd(&input).ok().flatten(),
            Automaton::Lazy { dfa, caches, literals } => match dfa.try_search_fwd(&mut caches.get(), &input) {
                Ok(found) => found,
                Err(_) => return literals.iter().position(|pattern| pattern.matches(path)),
            },
        };
        found.map(|end| end.pattern().as_usize())
    }

    /// Whether the patterns would have exploded, so that states are made while searching.
    pub fn is_lazy(&self) -> bool {
        matches!(self.0, Automaton::Lazy { .. })
    }

    /// Bytes the automaton takes at rest, caches not included.
    pub fn memory_usage(&self) -> usize {
        match &self.0 {
            Automaton::Dense(dfa) => dfa.memory_usage(),
            Automaton::Lazy { dfa, .. } => dfa.memory_usage() + dfa.get_nfa().memory_usage(),
        }
    }
}

impl fmt::Debug for Automaton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dense(_) => "Dense",
            Self::Lazy { .. } => "Lazy",
        })
    }
}
