//! The documents: what they name exists, and what exists is named.

use std::{fmt::Write as _, fs};

use super::{assert_none, files, read, root};

#[test]
fn the_architecture_names_every_directory_and_no_other() {
    let text = read("ARCHITECTURE.md");
    let folders = fs::read_dir(root().join("proxy/src")).unwrap().map(|entry| entry.unwrap().path());
    let folders =
        folders.filter(|path| path.is_dir()).map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let untold =
        folders.filter(|folder| !text.contains(&format!("`{folder}/")) && !text.contains(&format!("src/{folder}/")));
    assert_none("ARCHITECTURE.md does not tell of", &untold.collect::<Vec<_>>());
    assert_none("ARCHITECTURE.md names what is not there", &paths_that_are_not_there(&text));
}

#[test]
fn documents_name_only_what_is_there() {
    let documents = files().into_iter().filter(|file| {
        let top = !file.name.contains('/') || file.name.starts_with("docs/");
        top && file.name.ends_with(".md")
    });
    for document in documents {
        assert_none(&format!("{} names what is not there", document.name), &paths_that_are_not_there(&document.text));
        assert_none(
            &format!("{} links to what is not there", document.name),
            &dead_links(&document.name, &document.text),
        );
    }
}

/// `| S12 | what it says | where | tests |`
#[test]
fn every_sentence_of_the_specification_has_its_tests() {
    let text = read("SPECIFICATION.md");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| S") && line.as_bytes().get(3).is_some_and(u8::is_ascii_digit))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert!(!rows.is_empty(), "SPECIFICATION.md has no rows");
    let mut offences = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let [number, says, place, tests] = row[..] else {
            offences.push(format!("{row:?} does not have four columns"));
            continue;
        };
        if number != format!("S{}", index + 1) {
            offences.push(format!("{number} stands where S{} should", index + 1));
        }
        if says.is_empty() || place.is_empty() || tests.is_empty() {
            offences.push(format!("{number} has an empty column"));
        }
        if tests != "description" {
            offences.extend(missing_tests(number, tests));
        }
    }
    assert_none("SPECIFICATION.md", &offences);
}

/// The tables of the manual are `default.toml` in another dress: a failing run prints them to be pasted.
#[test]
fn the_manual_tells_of_every_setting_as_it_is() {
    let tables = setting_tables(edgeplane_config::Settings::default_file());
    let manual = read("docs/settings.md");
    let (_, told) = manual.split_once("<!-- tables -->\n").expect("docs/settings.md has a line `<!-- tables -->`");
    assert!(told.trim() == tables.trim(), "docs/settings.md and default.toml differ; it should end in:\n{tables}");
}

/// `file::test` in backticks: the file exists and has the test.
fn missing_tests(number: &str, cell: &str) -> Vec<String> {
    let named: Vec<_> = quoted(cell).filter(|name| name.contains("::")).collect();
    if named.is_empty() {
        return vec![format!("{number} names no test")];
    }
    let missing = named.into_iter().filter(|name| {
        let Some((file, test)) = name.rsplit_once("::") else { return true };
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        !text.contains(&format!("fn {test}("))
    });
    missing.map(|name| format!("{number}: there is no test `{name}`")).collect()
}

/// Paths in backticks, by their endings, that are neither below the root nor below `proxy/src`.
fn paths_that_are_not_there(text: &str) -> Vec<String> {
    let looks_like_ours = |name: &&str| {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b));
        let first = name.split('/').next().unwrap_or_default();
        let ours = root().join(first).exists() || root().join("proxy/src").join(first).exists();
        let ends = [".rs", ".sh"].iter().any(|end| name.ends_with(end)) || (name.ends_with('/') && ours);
        plain && ends && !name.starts_with('/') && !name.starts_with('.') && *name != "static/"
    };
    let files = files();
    // A bare name, such as `wire.rs`, stands for every file of that name.
    let somewhere =
        |name: &str| !name.contains('/') && files.iter().any(|file| file.name.ends_with(&format!("/{name}")));
    let there =
        |name: &&str| root().join(name).exists() || root().join("proxy/src").join(name).exists() || somewhere(name);
    quoted(text).filter(looks_like_ours).filter(|name| !there(name)).map(str::to_owned).collect()
}

/// Relative links whose file does not exist.
fn dead_links(document: &str, text: &str) -> Vec<String> {
    let folder = root().join(document).parent().unwrap().to_owned();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
    let local =
        targets.filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"));
    local.filter(|target| !folder.join(target).exists()).map(str::to_owned).collect()
}

/// What stands between two backticks on one line.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// One table per section of the settings file: key, default, and the comment above it.
fn setting_tables(text: &str) -> String {
    const HEAD: &str = "| Setting | Default | Meaning and reason |\n| --- | --- | --- |\n";
    // The comment at the top of the file is about the file.
    let (_, settings) = text.split_once("\n\n").unwrap();
    let mut tables = format!("## Top level\n\n{HEAD}");
    let (mut section, mut comment) = (String::new(), Vec::new());
    for line in settings.lines() {
        if line.is_empty() {
            // A comment of its own is about the section.
            comment.clear();
        } else if let Some(words) = line.strip_prefix("# ") {
            comment.push(words);
        } else if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{name}.");
            write!(tables, "\n## `[{name}]`\n\n{HEAD}").unwrap();
        } else if let Some((key, default)) = line.split_once(" = ") {
            let meaning = comment.join(" ").replace('|', "\\|");
            writeln!(tables, "| `{section}{key}` | `{default}` | {meaning} |").unwrap();
            comment.clear();
        }
    }
    tables
}
