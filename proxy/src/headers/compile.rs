//! Compiling the patterns of custom headers into one automaton. Cold: once per deployment.

use std::{collections::BTreeMap, fmt::Write as _, num::NonZeroU32};

use edgeplane_config::HeaderRule;
use regex_automata::{
    Anchored, Input, MatchKind,
    dfa::{Automaton as _, StartKind, dense},
    hybrid,
    nfa::thompson,
    util::{pool::Pool, primitives::StateID, syntax},
};

use super::{
    Overlay,
    find::{Automaton, Headers, MakeCache},
};

/// Bytes the dense automaton may take, and again as many while it is made. What people write needs less than 64 KiB;
/// dozens of patterns such as `/*a*b*c*` meet the limit.
const DENSE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of states a lazy automaton remembers; what does not fit is worked out again.
const LAZY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Why patterns could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// More or longer patterns than an automaton can number its states for.
    #[error("the {count} patterns of custom headers are too large to compile")]
    TooLarge {
        /// How many patterns there were.
        count: usize,
        /// The automaton library's reason.
        source: Box<thompson::BuildError>,
    },
    /// The same, found out while the lazy automaton was prepared.
    #[error("the {count} patterns of custom headers are too large to search")]
    Lazy {
        /// How many patterns there were.
        count: usize,
        /// The automaton library's reason.
        source: Box<hybrid::BuildError>,
    },
}

impl Headers {
    /// Compiles rules, in their order. None where there are none: nothing is searched then.
    ///
    /// # Errors
    /// Patterns that are too large together.
    pub fn compile(rules: Vec<HeaderRule>) -> Result<Option<Self>, CompileError> {
        Self::compile_within(rules, DENSE_BYTES_MAX)
    }

    /// [`compile`](Self::compile) with another limit for the dense automaton; 0 makes every automaton lazy.
    pub(super) fn compile_within(
        mut rules: Vec<HeaderRule>,
        dense_bytes_max: usize,
    ) -> Result<Option<Self>, CompileError> {
        rules.retain(|rule| !rule.fields.is_empty());
        if rules.is_empty() {
            return Ok(None);
        }
        let expressions: Vec<String> = rules.iter().map(|rule| expression(&rule.pattern)).collect();
        let nfa = thompson::Compiler::new()
            .syntax(syntax::Config::new().utf8(false).unicode(false))
            .configure(thompson::Config::new().utf8(false))
            .build_many(&expressions)
            .map_err(|source| CompileError::TooLarge { count: expressions.len(), source: Box::new(source) })?;
        let automaton = match dense(&nfa, dense_bytes_max) {
            Some((dfa, start)) => {
                let overlays = overlays(&dfa, start, &rules);
                Automaton::Dense { dfa, start, overlays }
            }
            None => lazy(nfa, rules.len())?,
        };
        Ok(Some(Self { rules: rules.into(), automaton }))
    }
}

/// One pattern as a regular expression over bytes that must reach the end of the path.
///
/// Every literal byte is written as its number, so that no character of a pattern can mean anything else.
fn expression(pattern: &str) -> String {
    let mut out = String::from("(?s-u)");
    let mut rest = pattern;
    while let Some(first) = rest.bytes().next() {
        rest = if let Some(after) = rest.strip_prefix("/**/") {
            // `**/` also stands for no folder at all.
            out.push_str(r"/(?:.*/)?");
            after
        } else if rest.starts_with("**") {
            out.push_str(".*");
            rest.trim_start_matches('*')
        } else if let Some(after) = rest.strip_prefix('*') {
            out.push_str("[^/]*");
            after
        } else {
            write!(out, r"\x{first:02X}").unwrap_or_default();
            // A pattern is not cut within a character: what is left of it is written byte by byte.
            let length = rest.chars().next().map_or(1, char::len_utf8);
            for byte in rest.bytes().take(length).skip(1) {
                write!(out, r"\x{byte:02X}").unwrap_or_default();
            }
            rest.get(length..).unwrap_or_default()
        };
    }
    out.push_str(r"\z");
    out
}

/// The automaton with one table look-up per byte and its first state, unless it would exceed the limit.
fn dense(nfa: &thompson::NFA, bytes_max: usize) -> Option<(dense::DFA<Vec<u32>>, StateID)> {
    let config = dense::Config::new()
        // Every pattern that matches counts, not the first.
        .match_kind(MatchKind::All)
        .start_kind(StartKind::Anchored)
        .dfa_size_limit(Some(bytes_max))
        .determinize_size_limit(Some(bytes_max));
    let dfa = dense::Builder::new().configure(config).build_from_nfa(nfa).ok()?;
    let start = dfa.start_state_forward(&Input::new(b"").anchored(Anchored::Yes)).ok()?;
    Some((dfa, start))
}

/// An overlay for every state in which a path can end. Patterns only match at the end of a path, so which of them do is a
/// matter of that state.
fn overlays(dfa: &dense::DFA<Vec<u32>>, start: StateID, rules: &[HeaderRule]) -> Box<[(StateID, Overlay)]> {
    let mut numbered: BTreeMap<Vec<usize>, Overlay> = BTreeMap::new();
    let mut overlays = BTreeMap::new();
    let mut seen = std::collections::BTreeSet::from([start]);
    let mut left = vec![start];
    while let Some(state) = left.pop() {
        let end = dfa.next_eoi_state(state);
        if dfa.is_match_state(end) {
            let mut matching: Vec<usize> =
                (0..dfa.match_len(end)).map(|index| dfa.match_pattern(end, index).as_usize()).collect();
            matching.sort_unstable();
            let number = u32::try_from(numbered.len() + 1).ok().and_then(NonZeroU32::new);
            let overlay = numbered
                .entry(matching)
                .or_insert_with_key(|matching| Overlay::new(matching.iter().map(|index| &rules[*index]), number));
            overlays.insert(end, overlay.clone());
        }
        let next = dfa.byte_classes().representatives(0..=255).filter_map(|unit| unit.as_u8());
        left.extend(next.map(|byte| dfa.next_state(state, byte)).filter(|next| seen.insert(*next)));
    }
    overlays.into_iter().collect()
}

/// The automaton that works out its states while it searches, and forgets them when there are too many.
fn lazy(nfa: thompson::NFA, count: usize) -> Result<Automaton, CompileError> {
    let config = hybrid::dfa::Config::new()
        .match_kind(MatchKind::All)
        .cache_capacity(LAZY_BYTES_MAX)
        // Where a few states of huge patterns do not fit, the cache takes what they need instead of failing.
        .skip_cache_capacity_check(true);
    let dfa = hybrid::dfa::Builder::new()
        .configure(config)
        .build_from_nfa(nfa)
        .map_err(|source| CompileError::Lazy { count, source: Box::new(source) })?;
    let shared = dfa.clone();
    let caches: MakeCache = Box::new(move || shared.create_cache());
    Ok(Automaton::Lazy { dfa, caches: Pool::new(caches) })
}
