//! The environment Node gets.
//!
//! Three layers, the later ones win: what edgeplane itself was given, without what is edgeplane's own business; what
//! the specification and the frameworks need; what the operator wrote into `--env-file`, as it is.
//!
//! Never passed on from our own environment:
//!
//! * `EDGEPLANE_*`: our settings, also not from the file;
//! * credentials of the machine or task (`AWS_ACCESS_KEY_ID`, ...): they are for fetching bundles, and an app that
//!   needs some gets its own through `--env-file`;
//! * what the service manager says to us (`NOTIFY_SOCKET`, `LISTEN_FDS`, `STATE_DIRECTORY`, ...): an app that answers
//!   it would speak in our name;
//! * `PORT` and `HOST`: on container platforms they are the address edgeplane listens on.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use indexmap::IndexMap;

/// Beginnings of names that stay with us.
const WITHHELD_PREFIXES: [&str; 2] = ["EDGEPLANE_", "AWS_CONTAINER_"];

/// Names that stay with us.
const WITHHELD: [&str; 26] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "STATE_DIRECTORY",
    "CACHE_DIRECTORY",
    "RUNTIME_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "PORT",
    "HOST",
];

/// What the app gets unless the operator says otherwise. The first three: the specification's port, production, and
/// loopback for servers that honour HOST. The rest is read by SvelteKit's Node server: the proxy always sends these
/// fields, and its own limit on bodies applies, where SvelteKit would stop at 512 KiB.
const DEFAULTS: [(&str, &str); 7] = [
    ("NODE_ENV", "production"),
    ("PORT", "3000"),
    ("HOST", "127.0.0.1"),
    ("PROTOCOL_HEADER", "x-forwarded-proto"),
    ("HOST_HEADER", "x-forwarded-host"),
    ("ADDRESS_HEADER", "x-real-ip"),
    ("BODY_SIZE_LIMIT", "Infinity"),
];

/// What a trial start inherits: enough to find programs and to speak the right language, nothing that makes a bundle
/// start here and nowhere else.
const SCRATCH: [&str; 5] = ["PATH", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// A complete environment, by name.
pub type Environment = IndexMap<OsString, OsString>;

/// Bytes of a file of variables: all that Linux hands to a new process is 2 MiB, and a device has no end.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A file of variables could not be used. What stands in the file is never told: it is mostly secrets.
#[derive(Debug, thiserror::Error)]
pub enum EnvFileError {
    /// It could not be read, is no UTF-8 or has no end.
    #[error("could not read the variables in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line is no assignment.
    #[error("line {line} of {} is no `NAME=value`: quote a value that has blanks or quotes in it", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
}

/// Reads a file of `KEY=value` lines.
///
/// # Errors
/// When it cannot be read or a line is no assignment.
pub fn read(path: &Path) -> Result<Vec<(String, String)>, EnvFileError> {
    let text = text(path).map_err(|source| EnvFileError::Read { path: path.to_owned(), source })?;
    // Editors on Windows begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let wrong = |at: usize| EnvFileError::Line { path: path.to_owned(), line: 1 + text[..at].matches('\n').count() };
    // No process can be given one.
    if let Some(at) = text.find('\0') {
        return Err(wrong(at));
    }
    dotenvy::from_read_iter(text.as_bytes()).collect::<Result<_, _>>().map_err(|error| match error {
        dotenvy::Error::LineParse(line, _) => wrong(text.find(&line).unwrap_or(0)),
        dotenvy::Error::Io(source) => EnvFileError::Read { path: path.to_owned(), source },
        other => EnvFileError::Read { path: path.to_owned(), source: io::Error::other(other.to_string()) },
    })
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 1 MiB"));
    }
    Ok(text)
}

/// The environment of an instance, from edgeplane's own and the variables of `--env-file`.
pub fn of_app(
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
    from_file: impl IntoIterator<Item = (String, String)>,
) -> Environment {
    let mut environment: Environment = inherited.into_iter().filter(|(name, _)| !is_withheld(name)).collect();
    for (name, value) in DEFAULTS {
        environment.entry(name.into()).or_insert_with(|| value.into());
    }
    let asked = from_file.into_iter().filter(|(name, _)| !is_ours(name));
    environment.extend(asked.map(|(name, value)| (name.into(), value.into())));
    environment
}

/// The environment of a trial start, which must not depend on the machine it is made on.
pub fn of_trial(
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
    from_file: impl IntoIterator<Item = (String, String)>,
    home: &Path,
) -> Environment {
    let kept = inherited.into_iter().filter(|(name, _)| SCRATCH.iter().any(|kept| name == kept));
    of_app(kept.chain([("HOME".into(), home.into())]), from_file)
}

fn is_ours(name: &str) -> bool {
    name.starts_with(WITHHELD_PREFIXES[0])
}

fn is_withheld(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    WITHHELD.iter().any(|withheld| name == *withheld)
        || WITHHELD_PREFIXES.iter().any(|prefix| bytes.starts_with(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs<S: From<&'static str>>(pairs: &[(&'static str, &'static str)]) -> Vec<(S, S)> {
        pairs.iter().map(|(name, value)| (S::from(name), S::from(value))).collect()
    }

    #[track_caller]
    fn check(
        inherited: &[(&'static str, &'static str)],
        file: &[(&'static str, &'static str)],
        expected: &[(&str, Option<&str>)],
    ) {
        let environment = of_app(pairs(inherited), pairs(file));
        for (name, value) in expected {
            assert_eq!(environment.get(OsStr::new(name)).map(OsString::as_os_str), value.map(OsStr::new), "{name}");
        }
    }

    #[test]
    fn ours_is_passed_on_without_secrets_and_settings() {
        check(
            &[("PATH", "/bin"), ("AWS_REGION", "eu-west-1"), ("HOSTNAME", "pod-7"), ("NODE_OPTIONS", "--x")],
            &[],
            &[
                ("PATH", Some("/bin")),
                ("AWS_REGION", Some("eu-west-1")),
                ("HOSTNAME", Some("pod-7")),
                ("NODE_OPTIONS", Some("--x")),
            ],
        );
        for name in ["EDGEPLANE_LISTEN", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"]
            .iter()
            .chain(&WITHHELD)
        {
            let environment = of_app([(name.into(), "secret".into())], []);
            assert_ne!(environment.get(OsStr::new(name)), Some(&OsString::from("secret")), "{name}");
        }
    }

    #[test]
    fn defaults_give_way_to_what_was_set() {
        check(
            &[],
            &[],
            &[("NODE_ENV", Some("production")), ("PORT", Some("3000")), ("BODY_SIZE_LIMIT", Some("Infinity"))],
        );
        check(
            &[("NODE_ENV", "test"), ("XFF_DEPTH", "2")],
            &[],
            &[("NODE_ENV", Some("test")), ("XFF_DEPTH", Some("2"))],
        );
    }

    #[test]
    fn the_port_of_the_platform_is_not_the_port_of_the_app() {
        check(&[("PORT", "8080"), ("HOST", "0.0.0.0")], &[], &[("PORT", Some("3000")), ("HOST", Some("127.0.0.1"))]);
    }

    #[test]
    fn the_file_wins_and_may_name_secrets_but_not_settings() {
        check(
            &[("A", "1"), ("AWS_ACCESS_KEY_ID", "machine")],
            &[("A", "2"), ("AWS_ACCESS_KEY_ID", "app"), ("PORT", "4000"), ("EDGEPLANE_ADMIN", "off")],
            &[("A", Some("2")), ("AWS_ACCESS_KEY_ID", Some("app")), ("PORT", Some("4000")), ("EDGEPLANE_ADMIN", None)],
        );
    }

    #[test]
    fn a_trial_does_not_depend_on_this_machine() {
        let inherited =
            pairs(&[("PATH", "/bin"), ("NODE_PATH", "/lib/node"), ("NODE_OPTIONS", "-r x"), ("HOME", "/h")]);
        let environment = of_trial(inherited, pairs(&[("KEY", "v")]), Path::new("/scratch"));
        let get = |name: &str| environment.get(OsStr::new(name)).and_then(|value| value.to_str());
        assert_eq!(get("PATH"), Some("/bin"));
        assert_eq!(get("HOME"), Some("/scratch"));
        assert_eq!(get("KEY"), Some("v"));
        assert_eq!((get("NODE_PATH"), get("NODE_OPTIONS")), (None, None));
    }

    #[test]
    fn a_file_is_read_and_a_bad_line_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.env");
        std::fs::write(&path, "# the app's\nA=1\nB=\"two words\"\n").unwrap();
        assert_eq!(read(&path).unwrap(), pairs(&[("A", "1"), ("B", "two words")]));
        std::fs::write(&path, "\u{feff}A=1\r\n").unwrap();
        assert_eq!(read(&path).unwrap(), pairs(&[("A", "1")]));
        assert!(read(&dir.path().join("none")).is_err());
        assert!(read(Path::new("/dev/zero")).is_err());
    }

    #[test]
    fn a_bad_line_is_named_and_its_secret_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.env");
        for text in ["A=1\n\nKEY hunter2\n", "A=1\n\nKEY=hunter2 more\n", "A=1\n\n=hunter2", "A=1\n\nB=hunter2\0"] {
            std::fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err();
            let shown = format!("{error} {:?}", std::error::Error::source(&error));
            assert!(shown.contains("line 3 of") && shown.contains("app.env"), "{shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
