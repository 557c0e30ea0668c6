//! The shape of the repository, as tests: what the documents claim about the tree is asserted here, not hoped for.

mod cases;
mod crates;
mod documents;
mod shape;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file of the repository.
struct File {
    /// Relative to the root, with forward slashes.
    name: String,
    text: String,
}

impl File {
    /// The lines of code: numbered from one, comments left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Whether the file is part of a crate rather than one of its tests.
    fn is_source(&self) -> bool {
        self.name.contains("/src/") && !self.is_test()
    }

    fn is_test(&self) -> bool {
        self.name.starts_with("tests/") || self.name.contains("/tests/") || self.name.ends_with("/tests.rs")
    }

    /// The code lines before the tests at the end of the file.
    fn code_before_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code().take_while(|(_, line)| *line != "#[cfg(test)]")
    }
}

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every text file that belongs to the repository, in order of name.
fn files() -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_symlink() || is_made(name) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                files.push(File { name: path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(), text });
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

fn rust_files() -> Vec<File> {
    files().into_iter().filter(|file| file.name.ends_with(".rs")).collect()
}

/// What tools make and git ignores.
fn is_made(name: &str) -> bool {
    let hidden = name.starts_with('.') && ![".ci", ".gitignore", ".dockerignore"].contains(&name);
    hidden || name.starts_with("target") || ["node_modules", "Cargo.lock", "__pycache__"].contains(&name)
}

/// Fails with every offence, so that one run shows all of them.
fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}
