//! Who may know whom: the crates, and the modules of the proxy.

use std::collections::BTreeSet;

use super::{File, assert_none, read, rust_files};

/// ARCHITECTURE.md draws this line. A new arrow is a change of the design: edit both.
const ARROWS: [(&str, &[&str]); 4] = [
    ("config", &[]),
    ("optimizer", &["edgeplane-config"]),
    ("proxy", &["edgeplane-config", "edgeplane-optimizer"]),
    ("bench", &["edgeplane-config", "edgeplane-optimizer", "edgeplane"]),
];

/// The primitives of the proxy, which meet only in `app.rs`.
const PRIMITIVES: [&str; 7] = ["access", "rewrite", "route", "assets", "compute", "edge_cache", "image"];

#[test]
fn crates_depend_only_downwards() {
    for (folder, allowed) in ARROWS {
        let manifest = read(&format!("{folder}/Cargo.toml"));
        let ours = manifest.lines().filter(|line| line.starts_with("edgeplane"));
        for line in ours {
            let name = line.split(['.', ' ', '=']).next().unwrap();
            assert!(allowed.contains(&name), "{folder} may not depend on {name}");
        }
        assert!(manifest.contains("[lints]\nworkspace = true"), "{folder} does not inherit the lints");
    }
}

#[test]
fn every_version_is_named_once() {
    for (folder, _) in ARROWS {
        let manifest = read(&format!("{folder}/Cargo.toml"));
        let mut section = "";
        for line in manifest.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if line.starts_with('[') {
                section = line;
            } else if section.ends_with("dependencies]") {
                assert!(line.contains("workspace = true"), "{folder}: `{line}` belongs into the workspace's list");
            }
        }
    }
}

#[test]
fn only_the_server_and_the_service_know_pingora() {
    let may = |file: &File| {
        let knows = ["proxy/src/server/", "proxy/src/service/"].iter().any(|folder| file.name.starts_with(folder));
        knows || !file.is_source()
    };
    let names = |line: &str| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w.starts_with("pingora"));
    assert_none("pingora is named", &offences(may, names));
}

#[test]
fn only_wire_files_know_serde() {
    let names =
        |line: &str| line.contains("serde::") || line.contains("serde_json::from_") || line.contains("Deserialize");
    let may = |file: &File| file.name.ends_with("/wire.rs") || !file.is_source() || file.name.starts_with("bench/");
    assert_none("serde is named", &offences(may, names));
}

#[test]
fn primitives_do_not_know_each_other() {
    let mut offences = Vec::new();
    for primitive in PRIMITIVES {
        let files = rust_files().into_iter().filter(|file| file.name.starts_with(&format!("proxy/src/{primitive}/")));
        for file in files {
            let code: String = file.code_before_tests().map(|(_, line)| line).collect::<Vec<_>>().join("\n");
            let strangers = PRIMITIVES.iter().filter(|other| **other != primitive).chain(&["service", "server", "app"]);
            let known = crate_modules(&code);
            offences.extend(
                strangers.filter(|other| known.contains(**other)).map(|other| format!("{} knows {other}", file.name)),
            );
        }
    }
    assert_none("primitives meet in app.rs only", &offences);
}

#[test]
fn unsafe_code_lives_where_its_argument_is_expected() {
    // An allocator that counts is unsafe by its trait.
    let places = [
        "optimizer/src/decode/foreign/",
        "optimizer/src/encode/foreign/",
        "proxy/src/assets/mapped.rs",
        "proxy/src/child/",
        "tests/support/allocation.rs",
    ];
    let may = |file: &File| places.iter().any(|place| file.name.starts_with(place));
    let unsafe_code = |line: &str| {
        ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "expect(unsafe_code"]
            .iter()
            .any(|word| line.contains(word))
    };
    assert_none("unsafe code", &offences(|file| may(file) || is_tidy(file), unsafe_code));
}

#[test]
fn the_optimizer_is_a_function() {
    let may = |file: &File| !file.name.starts_with("optimizer/src/") || file.is_test();
    let outside =
        |line: &str| ["env::", "fs::", "net::", "Instant::now", "SystemTime"].iter().any(|word| line.contains(word));
    assert_none("the optimizer looks at the world", &offences(may, outside));
}

/// The lines of code that offend in files that may not.
fn offences(may: impl Fn(&File) -> bool, offends: impl Fn(&str) -> bool) -> Vec<String> {
    let files = rust_files().into_iter().filter(|file| !may(file));
    let lines = |file: File| {
        let lines = file.code_before_tests().filter(|(_, line)| offends(line));
        lines.map(|(number, line)| format!("{}:{number}: {}", file.name, line.trim())).collect::<Vec<_>>()
    };
    files.flat_map(lines).collect()
}

/// These files name what they look for.
fn is_tidy(file: &File) -> bool {
    file.name.starts_with("tests/tidy/")
}

/// The modules of the own crate that `code` names, whether as `crate::x` or inside `use crate::{x, y::{z}}`.
fn crate_modules(code: &str) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for (at, marker) in code.match_indices("crate::") {
        let rest = &code[at + marker.len()..];
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let Some(list) = rest.strip_prefix('{') else {
            modules.insert(word(rest));
            continue;
        };
        let mut depth = 1;
        let mut starts = true;
        for (index, character) in list.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' => starts = depth == 1,
                c if starts && depth == 1 && !c.is_whitespace() => {
                    modules.insert(word(&list[index..]));
                    starts = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    modules
}

#[test]
fn modules_are_found_in_every_spelling() {
    let modules = crate_modules("use crate::{\n    answer::{Answer, Body},\n    route,\n};\ncrate::image::find()");
    assert_eq!(modules.into_iter().collect::<Vec<_>>(), ["answer", "image", "route"]);
}
