//! Whatever the text, reading a manifest ends: with a manifest or with problems that can be shown.

use edgeplane_config::{Manifest, Rule, Severity};
use proptest::{prelude::*, sample::Index};

use crate::fixture;

/// Reads the text, and checks what must hold for every text.
fn read(text: &str) -> Result<(), TestCaseError> {
    let problems = match Manifest::parse(text) {
        Ok((manifest, warnings)) => {
            prop_assert!(!warnings.has_errors());
            prop_assert!((1..=25).contains(&manifest.routes.len()));
            prop_assert!(manifest.routes.last().is_some_and(|route| route.path.is_catch_all()));
            prop_assert!(
                manifest.routes.iter().all(|r| r.fallback.as_ref().is_none_or(|f| f.kind() != r.target.kind()))
            );
            warnings
        }
        Err(problems) => {
            prop_assert!(problems.has_errors());
            problems
        }
    };
    let lines: Vec<&str> = text.split('\n').collect();
    let mut last = (1, 1);
    for problem in problems.iter().filter(|problem| problem.location.position.is_some()) {
        let (line, column) = problem.location.position.unwrap_or_default();
        prop_assert!((line, column) >= last, "not in document order: {problems}");
        prop_assert!(line <= lines.len() && column <= lines[line - 1].chars().count() + 1, "{problem}");
        last = (line, column);
    }
    prop_assert!(problems.strict().iter().all(|problem| problem.severity == Severity::Error));
    Ok(())
}

/// Manifests worth mutating: the rich ones.
fn seed() -> impl Strategy<Value = String> {
    let emitted = [
        include_str!("../manifests/nuxt3.json"),
        include_str!("../manifests/nitro2-variant.json"),
        include_str!("../manifests/solidstart.json"),
    ];
    let remote =
        fixture::remote(r#"{"protocol": "https", "hostname": "**.é.example", "port": "", "pathname": "/é/**"}"#);
    prop_oneof![prop::sample::select(emitted.map(str::to_owned).to_vec()), Just(remote)]
}

/// Pieces that bring a text close to JSON, or just beside it.
const PIECES: [&str; 24] = [
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "1",
    "-1",
    "1e999",
    "\\",
    "\\u",
    "\\ud83d",
    "\u{feff}",
    "/*",
    "//",
    "é",
    "😀",
    "\n",
    "\"version\"",
    "\"path\": \"/*\"",
    "\"kind\": \"Static\"",
    "\0",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        read(&text)?;
    }

    #[test]
    fn any_pile_of_pieces_is_answered(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60)) {
        read(&pieces.concat())?;
    }

    #[test]
    fn any_mutation_is_answered(
        text in seed(),
        edits in prop::collection::vec((any::<Index>(), 0..8_usize, prop::sample::select(PIECES.to_vec())), 1..6),
    ) {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, removed, piece) in edits {
            let start = at.index(chars.len() + 1);
            let end = (start + removed).min(chars.len());
            chars.splice(start..end, piece.chars());
        }
        read(&chars.into_iter().collect::<String>())?;
    }

    /// We take no text that `JSON.parse` of a strict reader would not, and refuse none for its syntax that it takes.
    #[test]
    fn syntax_is_that_of_json(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..12)) {
        let text = pieces.concat();
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        // Numbers beyond a double are JSON, though this reader has no place to put them.
        if theirs.as_ref().is_err_and(|error| error.to_string().starts_with("number out of range")) {
            return Ok(());
        }
        let ours = Manifest::parse(&text).err().is_none_or(|problems| !problems.has(Rule::JsonSyntax));
        prop_assert_eq!(ours, theirs.is_ok(), "{:?}", text);
    }
}

#[test]
fn deep_nesting_is_a_problem_not_a_crash() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let text = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let problems = Manifest::parse(&text).unwrap_err();
        assert!(problems.has(Rule::JsonSyntax), "{problems}");
    }
}

#[test]
fn the_list_of_problems_has_an_end() {
    let sizes = "-1,".repeat(50_000);
    let problems = Manifest::parse(&fixture::image("sizes", &format!("[{sizes}1]"))).unwrap_err();
    assert_eq!(problems.len(), 201);
    assert!(problems.has(Rule::TooManyProblems), "{problems}");
}

#[test]
fn remarks_beyond_the_end_of_the_list_refuse_nothing_and_errors_do() {
    let oddities: String = (0..300).map(|number| format!("\"x{number}\": 1, ")).collect();
    let odd = fixture::routes(fixture::CATCH_ALL).replacen("\"version\"", &format!("{oddities}\"version\""), 1);
    let (_, warnings) = Manifest::parse(&odd).unwrap();
    assert_eq!(warnings.len(), 201);
    let problems = Manifest::parse(&odd.replace("3.8.1", "latest")).unwrap_err();
    assert_eq!((problems.len(), problems.has_errors()), (201, true));
}
