//! Which Node runs: where it is and which version it has.

use std::{
    env,
    ffi::OsStr,
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time};

/// How long `node --version` may take. It needs some 10 ms; a wrapper that starts a container needs more.
const VERSION_PATIENCE: Duration = Duration::from_secs(10);

/// Node cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// No executable of that name.
    #[error("no executable {} {place}: install Node.js or name it in the settings ([compute] node)", name.display())]
    Missing {
        /// The name or path asked for.
        name: PathBuf,
        /// Where it was looked for.
        place: &'static str,
    },
    /// It could not be asked for its version.
    #[error("could not run {} --version", path.display())]
    Version {
        /// The executable.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The absolute path of an executable: a bare name is looked for along `PATH`, as a shell does.
pub(super) fn locate(name: &Path) -> Result<PathBuf, ProgramError> {
    locate_along(name, env::var_os("PATH").as_deref())
}

fn locate_along(name: &Path, path: Option<&OsStr>) -> Result<PathBuf, ProgramError> {
    let missing = |place| ProgramError::Missing { name: name.to_owned(), place };
    if name.components().count() > 1 {
        let found = std::path::absolute(name).ok().filter(|path| is_executable(path));
        return found.ok_or_else(|| missing("there"));
    }
    path.into_iter()
        .flat_map(env::split_paths)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_absolute() && is_executable(candidate))
        .ok_or_else(|| missing("on PATH"))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// What `node --version` prints: `v20.20.2`.
pub(super) async fn version(path: &Path) -> Result<String, ProgramError> {
    let failed = |source| ProgramError::Version { path: path.to_owned(), source };
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = time::timeout(VERSION_PATIENCE, command.output())
        .await
        .map_err(|_| failed(io::ErrorKind::TimedOut.into()))?
        .map_err(failed)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().chars().take(40).collect())
}

/// The major of a version: 20 for `v20.20.2`.
pub(super) fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_is_read_from_the_version() {
        for (version, expected) in [("v20.20.2", Some(20)), ("22.0.0-rc.1", Some(22)), ("", None), ("bun", None)] {
            assert_eq!(major(version), expected, "{version:?}");
        }
    }

    #[test]
    fn a_name_is_found_along_path_and_a_path_is_taken_as_it_is() {
        let path = OsStr::new("/nowhere:/bin");
        assert_eq!(locate_along(Path::new("sh"), Some(path)).unwrap(), Path::new("/bin/sh"));
        assert_eq!(locate_along(Path::new("/bin/sh"), None).unwrap(), Path::new("/bin/sh"));
        let error = locate_along(Path::new("no-such-node"), Some(path)).unwrap_err().to_string();
        assert!(error.contains("no-such-node on PATH") && error.contains("[compute] node"), "{error}");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(locate_along(&source, None).is_err(), "a file without the x bit is no program");
    }
}
