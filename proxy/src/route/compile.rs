//! Compiling patterns into one automaton. Cold: once per deployment.

use std::fmt::Write;

use regex_automata::{
    MatchKind,
    dfa::{StartKind, dense},
    hybrid,
    nfa::thompson,
    util::{pool::Pool, syntax},
};

use super::{
    find::{Automaton, MakeCache, Routes},
    literal::Literals,
};

/// Bytes the dense automaton may take, and again as many while it is made.
///
/// The manifests of real frameworks need less than 64 KiB. The limit is met by patterns that explode, such as
/// twenty-five times `/*a*b*c*`, in tens of milliseconds instead of minutes.
const DENSE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of states one lazy automaton remembers. What does not fit is worked out again when it is needed.
const LAZY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Bytes of paths that must be searched per state made for the lazy automaton to go on. Real traffic asks for the same
/// paths again and exceeds this by far; random paths never reach it.
const LAZY_BYTES_PER_STATE_MIN: usize = 100;

/// Why patterns could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// More or longer patterns than an automaton can number its states for; no valid manifest has them.
    #[error("the {count} route patterns are too large to compile")]
    TooLarge {
        /// How many patterns there were.
        count: usize,
        /// The automaton library's reason.
        source: Box<thompson::BuildError>,
    },
    /// The same, found out while the lazy automaton was prepared.
    #[error("the {count} route patterns are too large to search")]
    Lazy {
        /// How many patterns there were.
        count: usize,
        /// The automaton library's reason.
        source: Box<hybrid::BuildError>,
    },
}

impl Routes {
    /// Compiles patterns, in traversal order.
    ///
    /// # Errors
    /// Patterns that are too large together; not reachable within the specification's 25 routes of 255 characters.
    pub fn compile<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, CompileError> {
        Self::compile_within(patterns, DENSE_BYTES_MAX)
    }

    /// [`compile`](Self::compile) with another limit for the dense automaton; 0 makes every automaton lazy.
    pub(super) fn compile_within<'a>(
        patterns: impl IntoIterator<Item = &'a str>,
        dense_bytes_max: usize,
    ) -> Result<Self, CompileError> {
        let patterns: Vec<&str> = patterns.into_iter().collect();
        let expressions: Vec<String> = patterns.iter().map(|pattern| expression(pattern)).collect();
        let nfa = thompson::Compiler::new()
            .syntax(syntax::Config::new().utf8(false).unicode(false))
            .configure(thompson::Config::new().utf8(false))
            .build_many(&expressions)
            .map_err(|source| CompileError::TooLarge { count: expressions.len(), source: Box::new(source) })?;
        Ok(Self(match dense(&nfa, dense_bytes_max) {
            Some(dfa) => Automaton::Dense(dfa),
            None => lazy(nfa, &patterns)?,
        }))
    }
}

/// One pattern as a regular expression over bytes that must reach the end of the path.
///
/// Every literal byte is written as its number, so that no character of a pattern can mean anything else.
fn expression(pattern: &str) -> String {
    let mut out = String::from("(?s-u)");
    let mut previous = None;
    for byte in pattern.bytes() {
        match byte {
            b'*' if previous == Some(b'*') => {}
            b'*' => out.push_str(".*"),
            _ => write!(out, r"\x{byte:02X}").unwrap_or_default(),
        }
        previous = Some(byte);
    }
    out.push_str(r"\z");
    out
}

/// The automaton with one table look-up per byte, unless it would exceed the limit.
fn dense(nfa: &thompson::NFA, bytes_max: usize) -> Option<dense::DFA<Vec<u32>>> {
    let config = dense::Config::new()
        // Patterns are in order of preference and only the end of the path can complete one. So at the end, and not
        // before, "leftmost first" drops every pattern but the lowest, and one search finds it.
        .match_kind(MatchKind::LeftmostFirst)
        .start_kind(StartKind::Anchored)
        .dfa_size_limit(Some(bytes_max))
        .determinize_size_limit(Some(bytes_max));
    dense::Builder::new().configure(config).build_from_nfa(nfa).ok()
}

/// The automaton that works out its states while it searches, and forgets them when there are too many.
fn lazy(nfa: thompson::NFA, patterns: &[&str]) -> Result<Automaton, CompileError> {
    let config = hybrid::dfa::Config::new()
        .match_kind(MatchKind::LeftmostFirst)
        .cache_capacity(LAZY_BYTES_MAX)
        // Where a few states of huge patterns do not fit, the cache takes what they need instead of failing.
        .skip_cache_capacity_check(true)
        // A new state costs a thousand times a known one (2 us against 2 ns). Once the cache was full, a path that
        // needs more of them is given up and matched pattern by pattern, until the known states have paid off.
        .minimum_cache_clear_count(Some(1))
        .minimum_bytes_per_state(Some(LAZY_BYTES_PER_STATE_MIN));
    let dfa = hybrid::dfa::Builder::new()
        .configure(config)
        .build_from_nfa(nfa)
        .map_err(|source| CompileError::Lazy { count: patterns.len(), source: Box::new(source) })?;
    let shared = dfa.clone();
    let caches: MakeCache = Box::new(move || shared.create_cache());
    let literals = patterns.iter().map(|pattern| Literals::parse(pattern)).collect();
    Ok(Automaton::Lazy { dfa, caches: Pool::new(caches), literals })
}
