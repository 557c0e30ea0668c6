//! Copying a folder of a bundle as it is.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// A file or folder could not be copied.
#[derive(Debug, thiserror::Error)]
#[error("could not copy {}", path.display())]
pub struct CopyError {
    /// What was being copied.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// Copies a folder and everything below it to a place that does not exist yet.
///
/// Links stay links, with the text they have: package managers link `node_modules/.bin` and each other, and a link that
/// leads out of the bundle must lead nowhere in the copy, because that is what it does on another machine.
pub(super) fn folder(from: &Path, to: &Path) -> Result<(), CopyError> {
    let mut pending = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = pending.pop() {
        let failed = |source| CopyError { path: from.clone(), source };
        fs::create_dir(&to).map_err(failed)?;
        for entry in fs::read_dir(&from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (path, copy) = (entry.path(), to.join(entry.file_name()));
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                pending.push((path, copy));
            } else {
                file(kind, &path, &copy).map_err(|source| CopyError { path, source })?;
            }
        }
    }
    Ok(())
}

fn file(kind: fs::FileType, path: &Path, copy: &Path) -> io::Result<()> {
    if kind.is_symlink() {
        symlink(fs::read_link(path)?, copy)
    } else if kind.is_file() {
        fs::copy(path, copy).map(drop)
    } else {
        // Opening a named pipe would wait for ever.
        Err(io::Error::other("it is neither a file nor a folder nor a link"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_links_and_modes_stay() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/b/run.sh"), "#!").unwrap();
        fs::set_permissions(from.join("a/b/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("a/b", from.join("inside")).unwrap();
        symlink("../../../etc", from.join("outside")).unwrap();
        folder(&from, &to).unwrap();
        assert_eq!(fs::metadata(to.join("a/b/run.sh")).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_link(to.join("inside")).unwrap(), Path::new("a/b"));
        assert_eq!(fs::read_link(to.join("outside")).unwrap(), Path::new("../../../etc"));
    }

    #[test]
    fn what_cannot_be_copied_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        fs::create_dir(&from).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(from.join("a.sock")).unwrap();
        let error = folder(&from, &dir.path().join("to")).unwrap_err();
        assert_eq!(error.path, from.join("a.sock"));
    }
}
