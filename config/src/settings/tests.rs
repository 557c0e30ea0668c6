//! Settings from text to meaning: layers, kinds, and what a person is told about a mistake.

use std::{fs, path::Path, time::Duration};

use super::*;
use crate::settings::wire::{self, Known, Raw};

/// Loads `text` as `edgeplane.toml`, with an environment and flags.
fn load(text: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Loaded, SettingProblems> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edgeplane.toml");
    fs::write(&path, text).unwrap();
    let sources = Sources {
        config: None,
        folder: folder.path().to_owned(),
        environment: environment.iter().map(|(name, value)| (name.into(), value.into())).collect(),
        flags: flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(),
    };
    Settings::load(&sources)
}

/// Loads `text` as the only settings that anybody wrote.
pub(super) fn load_file(text: &str) -> Result<Loaded, SettingProblems> {
    load(text, &[], &[])
}

/// The messages for a wrong file, without the folder it lies in.
fn complaints(text: &str) -> Vec<String> {
    let problems = load(text, &[], &[]).unwrap_err();
    let show = |problem: &SettingProblem| {
        let text = problem.to_string();
        text.find("edgeplane.toml").map_or_else(|| text.clone(), |from| text[from..].to_owned())
    };
    problems.0.iter().map(show).collect()
}

#[test]
fn the_defaults_are_right() {
    let (settings, problems) = meaning::read(&wire::defaults(), "/state".into());
    assert_eq!(problems, []);
    let address = Address::Tcp("127.0.0.1:8080".parse().unwrap());
    assert_eq!(settings.listen, [Listen { address, tls: false, proxy_protocol: false }]);
    assert_eq!(settings.admin, Admin::On("127.0.0.1:9901".parse().unwrap()));
    assert_eq!(settings.state_dir, Path::new("/state"));
    assert_eq!(settings.instances, Amount::Just(1));
    assert_eq!(settings.threads, Amount::Auto);
    assert_eq!(settings.limits.request_head, 32 * 1024);
    assert_eq!(settings.timeouts.request, Duration::from_secs(900));
    assert_eq!(settings.image.source_bytes_max, 11_000_000);
    assert_eq!(settings.image.quality, 75);
}

#[test]
fn an_empty_file_changes_nothing() {
    let loaded = load("", &[], &[]).unwrap();
    assert_eq!(format!("{:?}", loaded.settings), format!("{:?}", Settings::default()));
    assert!(loaded.file.is_some());
}

#[test]
fn the_printed_defaults_load_as_a_file() {
    let loaded = load(Settings::default_file(), &[], &[]).unwrap();
    assert_eq!(format!("{:?}", loaded.settings), format!("{:?}", Settings::default()));
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let file = "instances = 2";
    let environment = [("EDGEPLANE_INSTANCES", "3")];
    let instances = |environment: &[_], flags: &[_]| load(file, environment, flags).unwrap().settings.instances;
    assert_eq!(instances(&[], &[]), Amount::Just(2));
    assert_eq!(instances(&environment, &[]), Amount::Just(3));
    assert_eq!(instances(&environment, &[("instances", "auto")]), Amount::Auto);
}

#[test]
fn every_setting_can_be_set_by_its_variable() {
    for (key, written) in wire::defaults() {
        let name = format!("EDGEPLANE_{}", key.replace(['.', '-'], "_").to_uppercase());
        let text = match &written.raw {
            Raw::List(elements) => elements
                .iter()
                .map(|element| match element {
                    Raw::Text(text) | Raw::Number(text) => text.clone(),
                    other => panic!("{key}: {other}"),
                })
                .collect::<Vec<_>>()
                .join(","),
            Raw::Text(text) | Raw::Number(text) => text.clone(),
            Raw::Boolean(boolean) => boolean.to_string(),
            other => panic!("{key}: {other}"),
        };
        let loaded = load("", &[(&name, &text)], &[]).unwrap_or_else(|problems| panic!("{name}={text}: {problems}"));
        assert_eq!(loaded.warnings, [], "{name}");
        assert_eq!(format!("{:?}", loaded.settings), format!("{:?}", Settings::default()), "{name}");
    }
}

#[test]
fn no_two_settings_share_a_variable() {
    let names: std::collections::BTreeSet<_> =
        wire::defaults().keys().map(|key| key.replace(['.', '-'], "_")).collect();
    assert_eq!(names.len(), wire::defaults().len());
}

#[test]
fn every_setting_is_read() {
    // A key that no code reads would be accepted and ignored; a wrong type in each must be noticed.
    for key in wire::defaults().keys() {
        let (section, name) = key.split_once('.').unwrap_or(("", key));
        let text = if section.is_empty() { format!("{name} = {{}}") } else { format!("[{section}]\n{name} = {{}}") };
        let complaints = complaints(&text);
        assert_eq!(complaints.len(), 1, "{key}: {complaints:?}");
        assert!(complaints[0].contains(&format!("`{key}`")), "{complaints:?}");
    }
}

#[test]
fn a_mistake_is_shown_with_its_place_and_its_cure() {
    let table: &[(&str, &str)] = &[
        (
            "[limits]\nrequest-body = \"12 parsecs\"",
            "edgeplane.toml:2:16: `limits.request-body`: \"12 parsecs\" is not a valid value\n  help: write a size from 0B to \
             1024GiB, such as \"64KiB\" or \"11MB\"",
        ),
        (
            "[limits]\nrequest-bodi = 5",
            "edgeplane.toml:2:1: `limits.request-bodi`: there is no such setting\n  help: did you mean \
             `limits.request-body`?",
        ),
        (
            "request-body = 5",
            "edgeplane.toml:1:1: `request-body`: there is no such setting\n  help: did you mean `limits.request-body`?",
        ),
        (
            "[limit]\nrequest-body = 5",
            "edgeplane.toml:1:2: `limit`: there is no such setting\n  help: did you mean [limits]?",
        ),
        (
            "[timeouts]\ndrain = 30",
            "edgeplane.toml:2:9: `timeouts.drain`: `30` is not a valid value\n  help: write a duration from 0ms to 1d, such as \
             \"250ms\" or \"15m\"",
        ),
        (
            "listen = [\"localhost:80\"]",
            "edgeplane.toml:1:10: `listen`: `localhost:80`: a name cannot be listened on\n  help: write an address of \
             this machine, such as 127.0.0.1:8080 or 0.0.0.0:8080",
        ),
        (
            "admin = \"on\"",
            "edgeplane.toml:1:9: `admin`: \"on\" is not a valid value: the port is missing or not between 1 and 65535\n  help: \
             write an address such as \"127.0.0.1:9901\", or \"off\"",
        ),
        (
            "[image]\nquality = 101",
            "edgeplane.toml:2:11: `image.quality`: `101` is not a valid value\n  help: write a whole number from 1 to 100",
        ),
        (
            "[image]\nsource-bytes-max = \"300MiB\"",
            "edgeplane.toml:2:20: `image.source-bytes-max`: a source larger than all that are held together can never be \
             fetched\n  help: raise `image.fetched-bytes-max` or lower this",
        ),
        (
            "[compute]\nrestart-min = \"1m\"",
            "edgeplane.toml:2:15: `compute.restart-min`: the first pause is longer than the longest\n  help: raise \
             `compute.restart-max` or lower this",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(complaints(text), [*expected], "{text}");
    }
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let text =
        "threads = 0\ncolour = true\n[static]\ncache-control = \"a\\nb\"\ncompress = \"yes\"\n[image]\nside-max = -1";
    let complaints = complaints(text);
    let lines: Vec<_> = complaints.iter().map(|text| text.split(':').nth(1).unwrap()).collect();
    assert_eq!(lines, ["2", "1", "4", "5", "7"], "{complaints:#?}");
}

#[test]
fn broken_toml_is_a_problem_with_its_place() {
    let complaints = complaints("listen = [\n\"127.0.0.1:80\"\nthreads = = 3");
    assert!(complaints.iter().any(|text| text.contains("no valid TOML")), "{complaints:?}");
    assert!(complaints.iter().all(|text| text.starts_with("edgeplane.toml:")), "{complaints:?}");
}

#[test]
fn a_wrong_variable_and_a_wrong_flag_name_themselves() {
    let problems = load("", &[("EDGEPLANE_IMAGE_QUALITY", "best")], &[("threads", "many")]).unwrap_err();
    let shown: Vec<_> = problems.0.iter().map(|problem| problem.origin.to_string()).collect();
    assert_eq!(shown, ["--threads", "$EDGEPLANE_IMAGE_QUALITY"]);
}

#[test]
fn a_stray_variable_is_only_remarked_upon() {
    let stray = [("EDGEPLANE_LISTN", "x"), ("EDGEPLANE_SERVICE_HOST", "10.0.0.1"), ("HOME", "/users/me")];
    let warnings: Vec<_> = load("", &stray, &[]).unwrap().warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].ends_with("help: did you mean `EDGEPLANE_LISTEN`?"), "{warnings:?}");
}

#[test]
fn lists_are_comma_separated_outside_the_file() {
    let environment =
        [("EDGEPLANE_LISTEN", "127.0.0.1:1, unix:/run/e.sock,"), ("EDGEPLANE_TRUSTED_PROXIES", "10.0.0.0/8,::1")];
    let settings = load("", &environment, &[]).unwrap().settings;
    assert_eq!(settings.listen.len(), 2);
    assert_eq!(settings.trusted_proxies.len(), 2);
    assert!(settings.trusted_proxies[1].contains(&std::net::IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])));
}

#[test]
fn the_state_folder_follows_systemd_then_xdg_then_home() {
    let dir = |environment: &[(&str, &str)]| load("", environment, &[]).unwrap().settings.state_dir;
    let home = ("HOME", "/users/me");
    let xdg = ("XDG_STATE_HOME", "/xdg");
    assert_eq!(dir(&[home, xdg, ("STATE_DIRECTORY", "/var/lib/a:/var/lib/b")]), Path::new("/var/lib/a"));
    assert_eq!(dir(&[home, xdg]), Path::new("/xdg/edgeplane"));
    assert_eq!(dir(&[home, ("XDG_STATE_HOME", "relative")]), Path::new("/users/me/.local/state/edgeplane"));
    assert_eq!(dir(&[]), Path::new("/var/lib/edgeplane"));
    assert_eq!(dir(&[home, ("EDGEPLANE_STATE_DIR", "/here")]), Path::new("/here"));
}

#[test]
fn a_relative_path_in_a_file_is_relative_to_the_file() {
    let loaded = load("env-file = \"prod.env\"\n[compute]\nnode = \"bin/node\"", &[], &[]).unwrap();
    let folder = loaded.file.unwrap().parent().unwrap().to_owned();
    assert_eq!(loaded.settings.env_file, Some(folder.join("prod.env")));
    assert_eq!(loaded.settings.compute.node, folder.join("bin/node"));
    let named = load("[compute]\nnode = \"node22\"", &[], &[]).unwrap();
    assert_eq!(named.settings.compute.node, Path::new("node22"), "a bare name is for PATH");
}

#[test]
fn a_named_file_must_exist_and_an_unnamed_one_need_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = Sources { folder: folder.path().to_owned(), ..Sources::default() };
    assert_eq!(Settings::load(&sources).unwrap().file, None);
    sources.environment = vec![("EDGEPLANE_CONFIG".into(), "/nowhere/a.toml".into())];
    assert!(
        Settings::load(&sources)
            .unwrap_err()
            .to_string()
            .starts_with("$EDGEPLANE_CONFIG: cannot read `/nowhere/a.toml`")
    );
    sources.config = Some("/nowhere/b.toml".into());
    assert!(Settings::load(&sources).unwrap_err().to_string().starts_with("--config: cannot read `/nowhere/b.toml`"));
}

#[test]
fn no_text_panics() {
    use proptest::prelude::*;
    let known = Known::of(&wire::defaults());
    proptest!(|(text in "(\\[?[a-z.=\"\\[\\]{}0-9 \n#-]{0,12}){0,8}")| {
        let mut problems = Vec::new();
        let mut values = wire::defaults();
        values.extend(wire::file(Path::new("e.toml"), &text, &known, &mut problems).0);
        let _ = meaning::read(&values, "/state".into());
    });
}

#[test]
fn a_file_without_an_end_is_given_up() {
    let sources = Sources { config: Some("/dev/zero".into()), ..Sources::default() };
    let text = Settings::load(&sources).unwrap_err().to_string();
    assert!(text.contains("/dev/zero") && text.contains("more than 1 MiB"), "{text}");
}

#[test]
fn compression_names_codings_that_there_are_and_a_window_that_can_be() {
    let right = "[compression]\ncodings = [\"gzip\", \"br\"]\ntypes = [\"Application/X-Own\"]\nwindow = \"128KiB\"";
    let compression = load(right, &[], &[]).unwrap().settings.compression;
    assert_eq!(compression.codings, [Coding::Gzip, Coding::Brotli]);
    assert_eq!((compression.types, compression.window), (vec!["application/x-own".to_owned()], 131_072));
    for (line, message) in [
        ("codings = [\"deflate\"]", "`deflate` is no coding"),
        ("codings = [\"br\", \"br\"]", "`br` is there twice"),
        ("window = \"200KiB\"", "a window is a power of two"),
        ("window = \"64KiB\"", "write a size from"),
        ("types = [\"html\"]", "`html` is no media type"),
        ("except-types = [\"text/html; charset=x\"]", "is no media type"),
        ("streams-max = 1", "more event streams than answers"),
        ("gzip-level = 0", "write a whole number from 1 to 9"),
    ] {
        let text = load(&format!("[compression]\n{line}"), &[], &[]).unwrap_err().to_string();
        assert!(text.contains(message), "{line}: {text}");
    }
}
