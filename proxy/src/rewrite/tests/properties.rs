//! The automaton finds what a loop over the rules finds, and captures are those of the expression they stand for.

use edgeplane_config::{Piece, Placeholder};
use proptest::prelude::*;

use super::{List, Request, compile, rules};
use crate::rewrite::{automaton::Patterns, pattern::Pattern};

fn source() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec!["a", "b", "/", "/", "<x>", "<y>", "<z>", ".", "ab"]);
    (prop::collection::vec(piece, 0..6), any::<bool>()).prop_map(|(mut pieces, rest)| {
        let mut seen = Vec::new();
        pieces.retain(|piece| {
            let again = piece.starts_with('<') && seen.contains(piece);
            seen.push(piece);
            !again
        });
        format!("/{}{}", pieces.concat(), if rest { "<*>" } else { "" })
    })
}

/// A rule that may not apply although its path matches.
fn rule() -> impl Strategy<Value = String> {
    let query = prop::sample::select(vec!["", "", "", "?q=1", "?q=<v>"]);
    let condition = prop::sample::select(vec!["", "", " <US>"]);
    let status = prop::sample::select(vec!["200", "301", "302", "404", "404-200"]);
    (source(), query, condition, status).prop_map(|(source, query, condition, status)| {
        let query = if source.ends_with("<*>") { "" } else { query };
        format!("{source}{query} /t {status}{condition}")
    })
}

fn address() -> impl Strategy<Value = String> {
    ("/[ab./]{0,8}", prop::sample::select(vec!["", "?q=1", "?q=2", "?q"])).prop_map(|(path, query)| path + query)
}

fn pieces(source: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once('<') {
        let (name, following) = after.split_once('>').unwrap();
        pieces.push(Piece::Text(before.to_owned()));
        pieces.push(Piece::Placeholder(match name {
            "*" => Placeholder::Rest,
            name => Placeholder::Name(name.to_owned()),
        }));
        rest = following;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    pieces
}

/// The source as a regular expression whose groups are its placeholders, each as short as can be.
fn expression(source: &str) -> String {
    let body: String = pieces(source)
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.replace('.', "\\."),
            Piece::Placeholder(Placeholder::Rest) => "((?s:.*))".to_owned(),
            Piece::Placeholder(Placeholder::Name(_)) => "([^/]+?)".to_owned(),
        })
        .collect();
    format!("^{body}$")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_automaton_finds_what_a_loop_finds(
        lines in prop::collection::vec(rule(), 1..10),
        addresses in prop::collection::vec(address(), 1..8),
        abroad in any::<bool>(),
    ) {
        let rules = rules(&lines.join("\n"));
        let compiled = compile(&rules);
        for address in &addresses {
            let request = if abroad { Request::of(address) } else { Request::of(address).from("US") };
            for list in [List::First, List::Last] {
                let found = request.find(&compiled, list).map(|taken| taken.index);
                let looped = compiled.of(list).find(|index| {
                    request.ask(|asked| compiled.judge(*index, asked, &|| false).is_ok())
                });
                prop_assert_eq!(found, looped, "{} of {:?}", address, lines);
            }
        }
    }

    /// Both shapes of the automaton show every pattern that matches, in their order.
    #[test]
    fn every_pattern_that_matches_is_shown_in_order(
        sources in prop::collection::vec(source(), 1..12),
        paths in prop::collection::vec("/[ab./]{0,8}", 1..8),
    ) {
        let patterns: Vec<Pattern> = sources.iter().map(|source| Pattern::of(&pieces(source))).collect();
        let expressions: Vec<String> = patterns.iter().map(Pattern::expression).collect();
        let dense = Patterns::compile(&expressions).unwrap();
        let lazy = Patterns::compile_within(&expressions, 0).unwrap();
        prop_assert!(!dense.is_lazy() && lazy.is_lazy());
        for path in &paths {
            let naive: Vec<usize> = (0..patterns.len())
                .filter(|number| patterns[*number].captures(path.as_bytes()).is_some())
                .collect();
            for automaton in [&dense, &lazy] {
                let mut shown = Vec::new();
                automaton.find_map(path.as_bytes(), |number| {
                    shown.push(number);
                    None::<()>
                });
                prop_assert_eq!(&shown, &naive, "{} of {:?} ({:?})", path, sources, automaton);
            }
        }
    }

    #[test]
    fn captures_are_those_of_the_expression(source in source(), path in "/[ab./]{0,10}") {
        let pattern = Pattern::of(&pieces(&source));
        let regex = fancy_regex::Regex::new(&expression(&source)).unwrap();
        let expected = regex.captures(&path).unwrap().map(|captures| {
            captures.iter().skip(1).map(|group| group.unwrap().range()).collect::<Vec<_>>()
        });
        prop_assert_eq!(pattern.captures(path.as_bytes()), expected, "{} on {}", source, path);
    }
}

#[test]
fn a_thousand_rules_compile_and_find_the_last() {
    let lines: String = (0..1000).map(|n| format!("/section-{n}/<name>/old-page-{n} /new/{n}/<name> 301\n")).collect();
    let compiled = compile(&rules(&lines));
    let found = Request::of("/section-999/x/old-page-999").find(&compiled, List::First);
    assert_eq!(found.map(|taken| taken.index), Some(999));
    assert_eq!(Request::of("/section-999/x/old-page-998").find(&compiled, List::First), None);
}
