//! The manual runs: every settings file in it loads, every JSON parses, every command prints what it is said to print.
//!
//! * A `toml` block is a settings file, a `json` block a document; those of the page on rules are rules.
//! * In a `console` block, lines that begin with `$ ` are commands and the lines below are what they print. `[..]`
//!   stands for anything on one line, a line `...` for any number of lines.
//! * `<!-- file: NAME -->` above a block writes it for the commands that follow.
//! * `curl` asks a server that serves `examples/hello`; commands that serve are only checked for what they name.

mod block;
mod server;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use block::{Block, blocks};
use edgeplane_config::{HeaderSettings, Settings, Sources, custom_headers};
use server::Server;

/// The documents that a reader may copy from.
fn documents() -> Vec<(String, String)> {
    let root = root();
    let mut paths = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    paths.extend(fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let named =
        |path: PathBuf| (path.strip_prefix(&root).unwrap().display().to_string(), fs::read_to_string(&path).unwrap());
    paths.into_iter().map(named).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn every_settings_file_loads() {
    let scratch = tempfile::tempdir().unwrap();
    let mut n_blocks = 0;
    for (name, text) in documents() {
        for block in blocks(&text).into_iter().filter(|block| block.language == "toml") {
            let path = scratch.path().join("edgeplane.toml");
            fs::write(&path, &block.text).unwrap();
            let sources = Sources { config: Some(path), ..Sources::default() };
            if let Err(problems) = Settings::load(&sources) {
                panic!("{name}:{}: {problems}", block.line);
            }
            n_blocks += 1;
        }
    }
    assert!(n_blocks > 0, "the manual shows no settings");
}

#[test]
fn every_file_of_custom_headers_is_right() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("customHttp.yml");
    let mut n_blocks = 0;
    for (name, text) in documents() {
        for block in blocks(&text).into_iter().filter(|block| block.language == "yaml") {
            fs::write(&file, &block.text).unwrap();
            let settings = HeaderSettings { file: Some(file.clone()), app_root: "apps/web".to_owned() };
            let (rules, problems) = custom_headers(&settings, None);
            assert!(!rules.is_empty() && problems.is_empty(), "{name}:{}: {problems}", block.line);
            n_blocks += 1;
        }
    }
    assert!(n_blocks > 0, "the manual shows no custom headers");
}

#[test]
fn every_json_document_parses() {
    for (name, text) in documents() {
        for block in blocks(&text).into_iter().filter(|block| block.language == "json") {
            let parsed = serde_json::from_str::<serde_json::Value>(&block.text);
            assert!(parsed.is_ok(), "{name}:{}: {}", block.line, parsed.unwrap_err());
        }
    }
}

/// The page on rules shows rules, each of which is fine.
#[test]
fn every_rule_of_the_manual_is_read_without_a_remark() {
    let (_, text) = documents().into_iter().find(|(name, _)| name == "docs/rules.md").unwrap();
    let shown: Vec<Block> = blocks(&text).into_iter().filter(|block| block.language == "json").collect();
    assert!(!shown.is_empty(), "the manual shows no rules");
    for block in shown {
        let read = edgeplane_config::parse_custom_rules(&block.text, Path::new("docs/rules.md"));
        let (rules, problems) = read.unwrap_or_else(|problems| panic!("docs/rules.md:{}: {problems}", block.line));
        assert!(!rules.is_empty() && problems.is_empty(), "docs/rules.md:{}: {problems}", block.line);
    }
}

#[test]
fn every_command_prints_what_the_manual_says() {
    let mut server = None;
    let mut wrong = Vec::new();
    for (name, text) in documents() {
        let scratch = tempfile::tempdir().unwrap();
        copy(&root().join("examples"), &scratch.path().join("examples"));
        for block in blocks(&text) {
            if let Some(file) = &block.file {
                fs::write(scratch.path().join(file), &block.text).unwrap();
            }
            if block.language == "console" {
                let told = run(&block, scratch.path(), &mut server);
                wrong.extend(told.into_iter().map(|text| format!("{name}:{text}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Runs the commands of one block and tells what is printed otherwise.
fn run(block: &Block, folder: &Path, server: &mut Option<Server>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut status = 0;
    for step in block.steps() {
        let (printed, code) = match step.program() {
            // The commands that a test must not run: they install, build, or never end.
            "make" | "cargo" | "docker" => continue,
            "echo" if step.command == "echo $?" => (format!("{status}\n"), 0),
            "edgeplane" if step.command.contains(" serve") => {
                let (_, code) = shell(&format!("{} --help", step.command), folder);
                if code == 0 {
                    continue;
                }
                ("the command line is refused\n".to_owned(), code)
            }
            "curl" => server.get_or_insert_with(Server::start).shell(&step.command, folder),
            _ => shell(&step.command, folder),
        };
        status = code;
        if !step.agrees(&printed) {
            wrong.push(format!("{}: `{}` prints:\n{printed}", step.line, step.command));
        }
    }
    wrong
}

/// Runs a command with our program first in PATH and nothing of ours in the environment.
fn shell(command: &str, folder: &Path) -> (String, i32) {
    let program = Path::new(env!("CARGO_BIN_EXE_edgeplane"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder)
        .output()
        .unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap_or(-1))
}

/// Copies the files of a folder, without what was built in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') || name == "node_modules" {
            continue;
        }
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}
