//! Hot: every plain pattern that matches a path, in one pass over it and without allocating.
//!
//! `route` needs the first pattern only; here a rule that matches may not apply (its query, its country), so that all
//! of them are wanted, in their order.

use std::fmt;

use regex_automata::{
    Anchored, Input, MatchKind,
    dfa::{Automaton as _, StartKind, dense},
    hybrid,
    nfa::thompson,
    util::{pool::Pool, syntax},
};

/// Bytes the dense automaton may take, and again as many while it is made. A hundred rules of thirty characters take
/// three quarters of a mebibyte.
const DENSE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of states one lazy automaton remembers.
const LAZY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of paths that must be searched per state made for the lazy automaton to go on.
const LAZY_BYTES_PER_STATE_MIN: usize = 100;

/// The patterns of one list of rules, compiled.
#[derive(Debug)]
pub(super) struct Patterns(Automaton);

/// Makes a cache for a thread that has none yet.
type MakeCache = Box<dyn Fn() -> hybrid::dfa::Cache + Send + Sync>;

enum Automaton {
    /// All states in a table.
    Dense(dense::DFA<Vec<u32>>),
    /// States made on the way and kept in a bounded cache, of which each searching thread takes one.
    Lazy { dfa: hybrid::dfa::DFA, caches: Pool<hybrid::dfa::Cache, MakeCache>, count: usize },
}

/// Why patterns could not be compiled.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildPatterns {
    /// More or longer patterns than an automaton can number its states for.
    #[error("the patterns are too large to compile")]
    Nfa(#[from] Box<thompson::BuildError>),
    /// The same, found out while the lazy automaton was prepared.
    #[error("the patterns are too large to search")]
    Lazy(#[from] Box<hybrid::BuildError>),
}

impl Patterns {
    /// Compiles patterns, each a regular expression over bytes that reaches the end of the path.
    pub(super) fn compile(expressions: &[String]) -> Result<Self, BuildPatterns> {
        Self::compile_within(expressions, DENSE_BYTES_MAX)
    }

    /// [`compile`](Self::compile) with another limit for the dense automaton; 0 makes every automaton lazy.
    pub(super) fn compile_within(expressions: &[String], dense_bytes_max: usize) -> Result<Self, BuildPatterns> {
        let nfa = thompson::Compiler::new()
            .syntax(syntax::Config::new().utf8(false).unicode(false))
            .configure(thompson::Config::new().utf8(false))
            .build_many(expressions)
            .map_err(Box::new)?;
        let config = dense::Config::new()
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(dense_bytes_max))
            .determinize_size_limit(Some(dense_bytes_max));
        if let Ok(dfa) = dense::Builder::new().configure(config).build_from_nfa(&nfa) {
            return Ok(Self(Automaton::Dense(dfa)));
        }
        let config = hybrid::dfa::Config::new()
            .match_kind(MatchKind::All)
            .cache_capacity(LAZY_BYTES_MAX)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(1))
            .minimum_bytes_per_state(Some(LAZY_BYTES_PER_STATE_MIN));
        let dfa = hybrid::dfa::Builder::new().configure(config).build_from_nfa(nfa).map_err(Box::new)?;
        let shared = dfa.clone();
        let caches: MakeCache = Box::new(move || shared.create_cache());
        Ok(Self(Automaton::Lazy { dfa, caches: Pool::new(caches), count: expressions.len() }))
    }

    /// What `take` makes of the first pattern it wants, among those that match the whole path, in their order. Paths on
    /// which a lazy automaton makes no progress are shown every pattern: whoever takes one must look for itself.
    pub(super) fn find_map<T>(&self, path: &[u8], mut take: impl FnMut(usize) -> Option<T>) -> Option<T> {
        match &self.0 {
            Automaton::Dense(dfa) => {
                let input = Input::new(path).anchored(Anchored::Yes);
                // This cannot fail: an anchored start state always exists.
                let mut state = dfa.start_state_forward(&input).ok()?;
                for &byte in path {
                    state = dfa.next_state(state, byte);
                    // Most paths are none of the rules', which their first bytes tell.
                    if dfa.is_special_state(state) && dfa.is_dead_state(state) {
                        return None;
                    }
                }
                state = dfa.next_eoi_state(state);
                if !dfa.is_match_state(state) {
                    return None;
                }
                (0..dfa.match_len(state)).find_map(|at| take(dfa.match_pattern(state, at).as_usize()))
            }
            Automaton::Lazy { dfa, caches, count } => {
                let mut cache = caches.get();
                match last_state(dfa, &mut cache, path) {
                    Some(state) if !state.is_match() => None,
                    Some(state) => (0..dfa.match_len(&cache, state))
                        .find_map(|at| take(dfa.match_pattern(&cache, state, at).as_usize())),
                    None => {
                        drop(cache);
                        (0..*count).find_map(take)
                    }
                }
            }
        }
    }

    /// Whether the patterns would have exploded, so that states are made while searching.
    #[cfg(test)]
    pub(super) fn is_lazy(&self) -> bool {
        matches!(self.0, Automaton::Lazy { .. })
    }
}

/// The state after the end of the path; none where too many new ones were needed.
fn last_state(dfa: &hybrid::dfa::DFA, cache: &mut hybrid::dfa::Cache, path: &[u8]) -> Option<hybrid::LazyStateID> {
    let input = Input::new(path).anchored(Anchored::Yes);
    let mut state = dfa.start_state_forward(cache, &input).ok()?;
    // The cache judges its progress by this.
    cache.search_start(0);
    let mut outcome = Some(());
    for (at, &byte) in path.iter().enumerate() {
        cache.search_update(at);
        match dfa.next_state(cache, state, byte) {
            Ok(next) => state = next,
            Err(_) => {
                outcome = None;
                break;
            }
        }
        if state.is_dead() {
            break;
        }
    }
    cache.search_finish(path.len());
    outcome?;
    if state.is_dead() { Some(state) } else { dfa.next_eoi_state(cache, state).ok() }
}

impl fmt::Debug for Automaton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dense(_) => "Dense",
            Self::Lazy { .. } => "Lazy",
        })
    }
}
