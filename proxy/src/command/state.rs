//! The state directory: ours alone while we run.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// A state directory in use. Dropping it frees it.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    /// The lock lives as long as the open file, so a killed process leaves none behind.
    _lock: File,
}

/// Why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("cannot create or open `{path}`; name another one with --state-dir")]
    Open { path: PathBuf, source: io::Error },
    #[error("`{0}` is in use by another edgeplane; give this one its own with --state-dir")]
    Locked(PathBuf),
}

impl StateDir {
    /// Creates it where it is missing, with mode 0700, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |source| StateError::Open { path: path.to_owned(), source };
        let lock = create(path).map_err(failed)?;
        match lock.try_lock() {
            // Absolute, because Node is told of files in it and has another working folder than we do.
            Ok(()) => Ok(Self { path: fs::canonicalize(path).map_err(failed)?, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateError::Locked(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Where it is, as an absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn create(path: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        close(path, mode)?;
    }
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path.join("lock"))
}

/// Takes a folder that was there before from others, where it is surely meant for us: empty, as systemd and volumes
/// make it. One with files in it may be anybody's (`/tmp`, a home), and one of another owner (a volume in Kubernetes)
/// cannot be closed; both are used as they are, because every folder we make inside is closed itself.
fn close(path: &Path, mode: u32) -> io::Result<()> {
    let closed =
        fs::read_dir(path)?.next().is_none() && fs::set_permissions(path, fs::Permissions::from_mode(0o700)).is_ok();
    if !closed && mode & 0o002 != 0 {
        let path = path.display();
        tracing::warn!(%path, "everybody may write into the state directory: give edgeplane one of its own");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_one_is_named_by_its_absolute_path() {
        let parent = tempfile::tempdir_in(".").unwrap();
        let relative = Path::new(parent.path().file_name().unwrap()).join("state");
        let state = StateDir::open(&relative).unwrap();
        assert_eq!(state.path(), std::env::current_dir().unwrap().canonicalize().unwrap().join(&relative));
    }

    #[test]
    fn a_folder_in_use_keeps_its_mode_and_an_empty_one_is_closed() {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        let (empty, used) = (folder.path().join("empty"), folder.path().join("used"));
        for path in [&empty, &used] {
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(used.join("somebody's"), "").unwrap();
        StateDir::open(&empty).unwrap();
        // Twice, because the first time leaves files of ours.
        StateDir::open(&used).unwrap();
        StateDir::open(&used).unwrap();
        assert_eq!((mode(&empty), mode(&used)), (0o700, 0o755));
    }

    #[test]
    fn it_belongs_to_one_at_a_time_and_to_nobody_else() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let state = StateDir::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(StateDir::open(&path), Err(StateError::Locked(_))));
        drop(state);
        StateDir::open(&path).unwrap();
    }
}
