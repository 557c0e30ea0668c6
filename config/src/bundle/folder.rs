//! A walk through a folder: every file and link once, in a stable order, following no link.

use std::{
    fs::{self, DirEntry},
    io,
    path::{Component, Path, PathBuf},
};

/// Entries of one folder, everything below it included. The largest `node_modules` seen have a tenth of this; beyond
/// it something else than an app was named, and the walk must end.
const ENTRIES_MAX: usize = 1_000_000;

/// What the walk finds: paths are relative to the folder walked.
pub(super) enum Found<'a> {
    /// A regular file and its size in bytes.
    File(&'a Path, u64),
    /// A symbolic link and where it leads.
    Link(&'a Path, Lead),
}

/// Where a symbolic link leads.
pub(super) enum Lead {
    /// To something inside the folder, or to nothing at all.
    Inside,
    /// Out of the folder, to the place as the link spells it.
    Outside(PathBuf),
}

/// Why a folder could not be walked to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum WalkError {
    /// A folder or entry could not be read. The path is for the place of the problem, not for its message.
    #[error("it cannot be read: {source}")]
    Read {
        /// What could not be read.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder is not the folder of an app.
    #[error("there are more than {ENTRIES_MAX} files in it")]
    TooMany,
}

/// Shows everything below `root`, which must be absolute and free of links, to `visit`.
pub(super) fn walk(root: &Path, mut visit: impl FnMut(Found<'_>)) -> Result<(), WalkError> {
    let mut folders = vec![root.to_owned()];
    let mut entries_left = ENTRIES_MAX;
    while let Some(folder) = folders.pop() {
        let failed = |source| WalkError::Read { path: folder.clone(), source };
        let mut entries: Vec<DirEntry> = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            entries_left = entries_left.checked_sub(1).ok_or(WalkError::TooMany)?;
            entries.push(entry.map_err(failed)?);
        }
        entries.sort_unstable_by_key(DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let failed = |source| WalkError::Read { path: path.clone(), source };
            let metadata = entry.metadata().map_err(failed)?;
            let relative = path.strip_prefix(root).unwrap_or(&path);
            if metadata.is_dir() {
                folders.push(path);
            } else if metadata.is_symlink() {
                visit(Found::Link(relative, lead(root, &path).map_err(failed)?));
            } else if metadata.is_file() {
                visit(Found::File(relative, metadata.len()));
            }
        }
    }
    Ok(())
}

/// Where a link leads, its own links resolved. One that leads nowhere today is judged by its spelling: tomorrow, or in
/// a container, there may be something.
fn lead(root: &Path, link: &Path) -> io::Result<Lead> {
    let target = fs::read_link(link)?;
    let end = match fs::canonicalize(link) {
        Ok(end) => end,
        Err(_) => spelled(link.parent().unwrap_or(root), &target),
    };
    Ok(if end.starts_with(root) { Lead::Inside } else { Lead::Outside(target) })
}

/// `target` seen from `folder`, with `..` taken literally.
fn spelled(folder: &Path, target: &Path) -> PathBuf {
    let mut end = PathBuf::new();
    for component in folder.join(target).components() {
        match component {
            Component::ParentDir => {
                end.pop();
            }
            Component::CurDir => {}
            _ => end.push(component),
        }
    }
    end
}
