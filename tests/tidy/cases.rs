//! The cases of the image primitive: every one is proved by a test, and the manual tells where Edgeplane reads strictly.

use std::collections::BTreeSet;

use super::{File, assert_none, read, rust_files};

const TABLE: &str = "tests/images/cases.md";
const MANUAL: &str = "docs/images.md";

#[test]
fn every_case_of_images_stands_in_a_test() {
    let cases = cases();
    let proved: BTreeSet<u32> = rust_files().iter().flat_map(rows).collect();
    let missing = cases.iter().filter(|(number, _)| !proved.contains(number));
    assert_none("cases without a test", &missing.map(|(number, _)| format!("row {number}")).collect::<Vec<_>>());
    let unknown = proved.iter().filter(|number| cases.iter().all(|(case, _)| case != *number));
    assert_none("tests of cases that are not there", &unknown.map(u32::to_string).collect::<Vec<_>>());
}

#[test]
fn the_manual_tells_what_is_read_strictly() {
    let manual = read(MANUAL).split_whitespace().collect::<Vec<_>>().join(" ");
    let told: Vec<(u32, String)> = cases().into_iter().filter(|(_, told)| !told.is_empty()).collect();
    assert!(told.len() > 20, "{TABLE} has lost its last column");
    let untold = told.into_iter().filter(|(_, words)| !manual.contains(words.as_str()));
    assert_none(MANUAL, &untold.map(|(number, words)| format!("row {number}: \"{words}\"")).collect::<Vec<_>>());
}

/// Number and words of the manual: `| 12 | asked | answered | words |`. The numbers have no gaps.
fn cases() -> Vec<(u32, String)> {
    let table = read(TABLE);
    let lines = table.lines().filter(|line| line.as_bytes().get(2).is_some_and(u8::is_ascii_digit));
    let cases: Vec<_> = lines
        .map(|line| {
            let columns: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [number, asked, answered, told] = columns[..] else { panic!("{line} does not have four columns") };
            assert!(!asked.is_empty() && !answered.is_empty(), "{line} has an empty column");
            (number.parse().unwrap(), told.to_owned())
        })
        .collect();
    assert!(cases.iter().map(|(number, _)| *number).eq(1..=171), "the cases are not 1 to 171");
    cases
}

/// The cases that a file names: in comments that begin with them, and in the first column of tables whose failures
/// name their row.
fn rows(file: &File) -> Vec<u32> {
    let has_table = file.text.contains("row {row}");
    let named = file.text.lines().filter_map(|line| line.trim_start().split_once("// ")).flat_map(|(_, words)| {
        let list = words.strip_prefix("Rows ").or_else(|| words.strip_prefix("Row "));
        list.map(numbers).unwrap_or_default()
    });
    let listed = file.text.lines().filter_map(|line| {
        let (number, _) = line.trim_start().strip_prefix('(')?.split_once(", ")?;
        number.parse().ok().filter(|_| has_table)
    });
    named.chain(listed).collect()
}

/// `1, 3 to 5 and 7: because` is 1, 3, 4, 5 and 7.
fn numbers(list: &str) -> Vec<u32> {
    let (mut numbers, mut is_range) = (Vec::new(), false);
    for word in list.split(' ') {
        let Ok(number) = word.trim_end_matches([',', '.', ':', ';']).parse::<u32>() else {
            match word {
                "to" => is_range = true,
                "and" => {}
                _ => break,
            }
            continue;
        };
        let first = if is_range { numbers.last().map_or(number, |last| last + 1) } else { number };
        numbers.extend(first..=number);
        is_range = false;
        if word.ends_with(['.', ':', ';']) {
            break;
        }
    }
    numbers
}

#[test]
fn lists_of_rows_are_read_to_their_end() {
    for (list, expected) in [
        ("7.", vec![7]),
        ("7, and more of 8.", vec![7]),
        ("7; 8 is below.", vec![7]),
        ("1, 3 to 5 and 7: as in 12.", vec![1, 3, 4, 5, 7]),
        ("10 as settled here", vec![10]),
        ("8, 9, 68", vec![8, 9, 68]),
    ] {
        assert_eq!(numbers(list), expected, "{list}");
    }
}
