//! `SPECIFICATION.md` is held against this crate: its numbers, the places it names, its rules and its tests.

use std::{fs, path::Path};

use edgeplane_config::Rule;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../SPECIFICATION.md");

/// One row: number, sentence, where, tests.
fn rows() -> Vec<[String; 4]> {
    let text = fs::read_to_string(TABLE).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| S"));
    rows.map(|line| {
        let cells: Vec<String> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        cells.try_into().unwrap_or_else(|cells| panic!("not four cells: {cells:?}"))
    })
    .collect()
}

/// What stands between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn in_repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

#[test]
fn the_sentences_are_numbered_without_gaps() {
    for (index, [number, ..]) in rows().iter().enumerate() {
        assert_eq!(*number, format!("S{}", index + 1));
    }
}

#[test]
fn every_sentence_is_honoured_somewhere_or_a_description() {
    for [number, sentence, place, tests] in rows() {
        assert!(!sentence.is_empty(), "{number}");
        assert_eq!(place == "description", tests == "description", "{number}");
        assert!(tests == "description" || quoted(&tests).all(|test| test.contains(".rs::")), "{number}");
        assert!(tests == "description" || quoted(&tests).next().is_some(), "{number} has no test");
    }
}

#[test]
fn the_places_and_rules_exist() {
    for [number, _, place, _] in rows() {
        for name in quoted(&place) {
            let exists = match name.contains('/') {
                true => in_repository(name).exists(),
                false => Rule::ALL.iter().any(|rule| rule.name() == name),
            };
            assert!(exists, "{number} names `{name}`");
        }
    }
}

#[test]
fn the_tests_of_this_crate_exist() {
    for [number, _, _, tests] in rows() {
        for (file, test) in quoted(&tests).filter_map(|name| name.split_once("::")) {
            if file.starts_with("config/") {
                let text = fs::read_to_string(in_repository(file)).unwrap_or_default();
                assert!(text.contains(&format!("#[test]\nfn {test}()")), "{number} names {file}::{test}");
            }
        }
    }
}
