//! Lays one source of settings over the other: defaults < file < environment < flags.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, ErrorKind, Read as _},
    path::{Path, PathBuf},
};

use super::{
    Settings, access, meaning,
    problem::{Origin, SettingProblem, SettingProblems, Suggestion},
    rules, sites, tls,
    wire::{self, Known, Raw, Values, Written},
};

/// What variables of ours begin with.
const PREFIX: &str = "EDGEPLANE_";

/// The file that is read where none is named and it exists.
const FILE: &str = "edgeplane.toml";

/// Bytes of a settings file. The default one, comments and all, has less than a hundredth; a device has no end.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where settings come from besides the defaults. Plain data, so that nothing here reads the process's environment.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file named by `--config`; else `EDGEPLANE_CONFIG` names it; else `edgeplane.toml` in `folder`, if present.
    pub config: Option<PathBuf>,
    /// The folder whose `edgeplane.toml` is read where no file is named.
    pub folder: PathBuf,
    /// The environment, whole.
    pub environment: Vec<(OsString, OsString)>,
    /// Keys set by flags, each with its value as written; a list is comma separated.
    pub flags: Vec<(&'static str, String)>,
}

/// Settings, and how they came to be.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// What looks like a mistake but may be none of our business.
    pub warnings: Vec<SettingProblem>,
}

impl Settings {
    /// Reads every source and what they mean together.
    ///
    /// # Errors
    /// Everything that is wrong, each with the file, line and column, the variable or the flag where it stands.
    pub fn load(sources: &Sources) -> Result<Loaded, SettingProblems> {
        let mut values = wire::defaults();
        let known = Known::of(&values);
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let mut tables = Vec::new();

        let file = match file_text(sources) {
            Ok(file) => file,
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        if let Some((path, text)) = &file {
            let (written, lists) = wire::file(path, text, &known, &mut problems);
            values.extend(written);
            tables = lists;
        }
        let variables = variables(&sources.environment, &known, &mut warnings, &mut problems);
        values.extend(variables);
        for (key, value) in &sources.flags {
            let origin = Origin::Flag(format!("--{key}"));
            values.insert((*key).to_owned(), Written { raw: Raw::Untyped(value.clone()), origin });
        }

        let (mut settings, wrong) = meaning::read(&values, state_dir(&sources.environment));
        problems.extend(wrong);
        settings.custom_rules = rules::read(&tables, &mut problems, &mut warnings);
        settings.access.hosts = access::hosts(&tables, &settings.access.everywhere, &mut problems, &mut warnings);
        settings.sites = sites::read(&tables, &mut problems);
        settings.tls.certificates = tls::certificates(&tables, &mut problems);
        if problems.is_empty() {
            problems = tls::contradictions(&settings, &values);
        }
        if !problems.is_empty() {
            return Err(SettingProblems(problems));
        }
        Ok(Loaded { settings, file: file.map(|(path, _)| path), warnings })
    }
}

/// The folder for packs and caches where no setting names one: systemd's, else the XDG base directory's, else the
/// one of the Filesystem Hierarchy Standard.
pub(crate) fn state_dir(environment: &[(OsString, OsString)]) -> PathBuf {
    let folder = |name: &str| {
        let value = environment.iter().find(|(key, _)| key == name)?.1.to_str()?;
        // systemd separates several with colons; the first is the main one.
        let path = PathBuf::from(value.split(':').next()?);
        path.is_absolute().then_some(path)
    };
    folder("STATE_DIRECTORY")
        .or_else(|| folder("XDG_STATE_HOME").map(|home| home.join("edgeplane")))
        .or_else(|| folder("HOME").map(|home| home.join(".local/state/edgeplane")))
        .unwrap_or_else(|| PathBuf::from("/var/lib/edgeplane"))
}

/// The settings file's path and text, where there is one.
fn file_text(sources: &Sources) -> Result<Option<(PathBuf, String)>, SettingProblem> {
    let variable = sources.environment.iter().find(|(name, _)| name == "EDGEPLANE_CONFIG").map(|(_, value)| value);
    let (path, origin) = match (&sources.config, variable.filter(|value| !value.is_empty())) {
        (Some(path), _) => (path.clone(), Origin::Flag("--config".to_owned())),
        (None, Some(value)) => (PathBuf::from(value), Origin::Variable("EDGEPLANE_CONFIG".to_owned())),
        (None, None) => return optional_file(&sources.folder.join(FILE)),
    };
    match text(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) => Err(SettingProblem::new(origin, None, format!("cannot read `{}`: {error}", path.display()))),
    }
}

/// The whole of a file, which may be a pipe: `--config <(generate)` is a file to its user.
pub(super) fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it has more than 1 MiB, which no settings file has"));
    }
    Ok(text)
}

fn optional_file(path: &Path) -> Result<Option<(PathBuf, String)>, SettingProblem> {
    match text(path) {
        // Named as a person would: `./edgeplane.toml` is `edgeplane.toml`.
        Ok(text) => Ok(Some((path.strip_prefix(".").unwrap_or(path).to_owned(), text))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let origin = Origin::File { path: path.to_owned(), line: 1, column: 1 };
            Err(SettingProblem::new(origin, None, format!("cannot be read: {error}")))
        }
    }
}

/// The values that the environment sets. A variable of ours that names no setting is only remarked upon: Kubernetes
/// gives every container `EDGEPLANE_PORT` and more once a Service is called `edgeplane`.
fn variables(
    environment: &[(OsString, OsString)],
    known: &Known,
    warnings: &mut Vec<SettingProblem>,
    problems: &mut Vec<SettingProblem>,
) -> Values {
    let mut values = Values::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX) && *name != "EDGEPLANE_CONFIG") else {
            continue;
        };
        let origin = Origin::Variable(name.to_owned());
        let Some(key) = known.keys().find(|key| variable_of(key) == name) else {
            warnings.push(stray(name, origin, known));
            continue;
        };
        match value.to_str() {
            Some(text) => {
                values.insert(key.to_owned(), Written { raw: Raw::Untyped(text.to_owned()), origin });
            }
            None => problems.push(SettingProblem::new(origin, Some(key), "the value is no UTF-8")),
        }
    }
    values
}

/// The variable that sets `key`.
fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace(['.', '-'], "_").to_ascii_uppercase())
}

fn stray(name: &str, origin: Origin, known: &Known) -> SettingProblem {
    let near = known.keys().map(|key| (strsim::jaro_winkler(&variable_of(key), name), key));
    let near = near.filter(|(likeness, _)| *likeness > 0.93).max_by(|a, b| a.0.total_cmp(&b.0));
    let suggestion = near.map(|(_, key)| Suggestion::variable(&variable_of(key)));
    let mut problem = SettingProblem::unknown(origin, name, suggestion);
    problem.key = None;
    problem
}
