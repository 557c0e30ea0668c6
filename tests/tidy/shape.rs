//! Files and functions: short, named for the domain, each opening with what it is for.

use super::{File, assert_none, files, read, rust_files};

const FILE_LINES_MAX: usize = 500;
const FILE_LINES_MEDIAN_MAX: usize = 170;
const FUNCTION_LINES_MAX: usize = 70;
/// A test may be a table of cases, which is read by the line.
const TEST_LINES_MAX: usize = 130;
const MAIN_LINES_MAX: usize = 40;

/// Names that say nothing about the domain.
const EMPTY_NAMES: [&str; 9] = ["utils", "util", "helpers", "helper", "common", "types", "misc", "manager", "managers"];

#[test]
fn every_file_says_what_it_is_for() {
    let silent =
        rust_files().into_iter().filter(|file| !file.text.starts_with("//! ") || file.text.starts_with("//! x\n"));
    assert_none("files without a `//!` line", &silent.map(|file| file.name).collect::<Vec<_>>());
}

#[test]
fn no_file_is_empty() {
    // What a command line that was typed wrong leaves behind.
    let empty = files().into_iter().filter(|file| file.text.is_empty());
    assert_none("empty files", &empty.map(|file| file.name).collect::<Vec<_>>());
}

#[test]
fn files_are_short() {
    let files = rust_files();
    let lines = |file: &File| file.text.lines().count();
    let long = files.iter().filter(|file| lines(file) > FILE_LINES_MAX);
    assert_none("files too long", &long.map(|file| format!("{}: {}", file.name, lines(file))).collect::<Vec<_>>());
    let mut lengths: Vec<_> = files.iter().filter(|file| file.is_source()).map(lines).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median < FILE_LINES_MEDIAN_MAX, "the median source file has {median} lines");
    assert!(
        lines(&File { name: String::new(), text: read("proxy/src/main.rs") }) <= MAIN_LINES_MAX,
        "main.rs is too long"
    );
}

#[test]
fn functions_are_short() {
    let long = rust_files().into_iter().flat_map(|file| {
        let max = if file.is_test() { TEST_LINES_MAX } else { FUNCTION_LINES_MAX };
        let long = functions(&file.text).into_iter().filter(|function| function.lines > max);
        long.map(|function| format!("{}:{}: {} lines", file.name, function.line, function.lines)).collect::<Vec<_>>()
    });
    assert_none("functions too long", &long.collect::<Vec<_>>());
}

#[test]
fn names_say_something() {
    let empty = rust_files().into_iter().map(|file| file.name).filter(|name| {
        let parts = name.trim_end_matches(".rs").split('/');
        parts.clone().any(|part| EMPTY_NAMES.contains(&part))
    });
    assert_none("modules without a meaning", &empty.collect::<Vec<_>>());
}

#[test]
fn no_test_file_is_forgotten() {
    let files = rust_files();
    let forgotten =
        files.iter().filter(|file| file.name.starts_with("tests/") && file.name != "tests/main.rs").filter(|file| {
            let path = file.name.trim_end_matches(".rs").trim_end_matches("/mod");
            let (folder, module) = path.rsplit_once('/').unwrap();
            let parents = [format!("{folder}.rs"), format!("{folder}/mod.rs"), format!("{folder}/main.rs")];
            let declared = format!("mod {module};");
            !files.iter().any(|parent| parents.contains(&parent.name) && parent.text.contains(&declared))
        });
    assert_none("tests that never run", &forgotten.map(|file| file.name.clone()).collect::<Vec<_>>());
}

#[test]
fn no_test_is_switched_off() {
    let off = rust_files().into_iter().filter(|file| file.code().any(|(_, line)| line.trim().starts_with("#[ignore")));
    assert_none("tests that are switched off", &off.map(|file| file.name).collect::<Vec<_>>());
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    // In pieces, because this file is searched, too.
    let marks = [
        ["/ro", "ot/"],
        ["/ho", "me/"],
        ["/wo", "rk/"],
        ["/tmp/", "bash"],
        ["index.crates", ".io"],
        ["static.crates", ".io"],
        ["registry.npm", "js.org"],
        ["pypi", ".org"],
        ["python", "hosted.org"],
        ["deb.deb", "ian.org"],
    ]
    .map(|pieces| pieces.concat());
    let offences = files().into_iter().flat_map(|file| {
        let named = marks.iter().filter(|mark| file.text.contains(mark.as_str()));
        named.map(|mark| format!("{} names {mark}", file.name)).collect::<Vec<_>>()
    });
    assert_none("machine paths and registry hosts", &offences.collect::<Vec<_>>());
}

/// A function: where it begins and how long it is. rustfmt puts its last brace below its first letter.
struct Function {
    line: usize,
    lines: usize,
}

fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<_> = text.lines().collect();
    let begins = |line: &str| {
        let words = ["pub(crate) ", "pub(super) ", "pub ", "const ", "async ", "unsafe ", "extern \"C\" "];
        let mut rest = line.trim_start();
        while let Some(shorter) = words.iter().find_map(|word| rest.strip_prefix(word)) {
            rest = shorter;
        }
        rest.starts_with("fn ")
    };
    let starts = lines.iter().enumerate().filter(|(_, line)| begins(line));
    let ended = |(start, line): (usize, &&str)| {
        let indent = line.len() - line.trim_start().len();
        let last = format!("{}}}", " ".repeat(indent));
        let end =
            lines[start..].iter().position(|line| *line == last || (line.ends_with('}') && line.len() == last.len()));
        // A function on one line, or one without a body, ends where it begins.
        let one_line = line.ends_with('}') || line.ends_with(';');
        Function { line: start + 1, lines: if one_line { 1 } else { end.map_or(1, |end| end + 1) } }
    };
    starts.map(ended).collect()
}

#[test]
fn functions_are_measured_to_their_last_brace() {
    let text = "fn one() {}\n\nimpl A {\n    pub(crate) async fn two() {\n        if x {\n        }\n    }\n}\n";
    let found: Vec<_> = functions(text).iter().map(|function| (function.line, function.lines)).collect();
    assert_eq!(found, [(1, 1), (4, 4)]);
}
