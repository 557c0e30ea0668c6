//! What of `static/` is served. Cold.
//!
//! * Every regular file, dotfiles included: the specification serves all files in `static/`, and `.well-known/` is one.
//! * A symbolic link to a regular file inside `static/`, as a copy under the link's name. A link that leads out of
//!   `static/`, to a folder, or nowhere is left out.
//! * Nothing else: no devices, sockets and pipes, and no name with a backslash, which some clients turn into a slash.
//!
//! What is left out is logged, one line each.

use std::{
    ffi::OsString,
    fmt, fs, io,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

use super::format;

/// The files of a folder in the order of their names, as they were when it was walked.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) files: Vec<Listed>,
}

/// One file that is served.
#[derive(Debug)]
pub(super) struct Listed {
    /// Below the folder: segments joined with `/`.
    pub(super) name: Vec<u8>,
    /// Where its bytes are; for a link, what it leads to.
    pub(super) path: PathBuf,
    /// Seconds since 1970; 0 for anything earlier.
    pub(super) modified: u64,
    /// What of the file changes when its content does.
    stamp: [i64; 6],
}

/// Why a folder could not be walked.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// A folder or file could not be examined.
    #[error("cannot read `{path}`")]
    Io {
        /// Of what could not be read.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// There are more files or folders than a pack may hold.
    #[error("`{dir}` holds more than {max} files or folders\nhelp: raise `files-max` in the settings' `[static]`")]
    TooManyFiles {
        /// The folder.
        dir: PathBuf,
        /// The limit.
        max: usize,
    },
}

/// Why a directory entry is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Omission {
    LeadsOut,
    LeadsToFolder,
    LeadsNowhere,
    Special,
    Name,
}

impl fmt::Display for Omission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LeadsOut => "the link leads out of the folder",
            Self::LeadsToFolder => "the link leads to a folder",
            Self::LeadsNowhere => "the link leads nowhere",
            Self::Special => "it is neither a file nor a folder",
            Self::Name => "its name has a backslash or is too long",
        })
    }
}

impl Listing {
    /// Walks a folder. Its own path may be a link; what is in it is judged by where that leads.
    pub(super) fn walk(dir: &Path, files_max: usize) -> Result<Self, WalkError> {
        let root = dir.canonicalize().map_err(|source| WalkError::Io { path: dir.to_owned(), source })?;
        let mut files = Vec::new();
        let mut folders = vec![root.clone()];
        let mut n_folders = 0;
        while let Some(folder) = folders.pop() {
            let io = |source| WalkError::Io { path: folder.clone(), source };
            for entry in fs::read_dir(&folder).map_err(io)? {
                let entry = entry.map_err(io)?;
                let path = entry.path();
                let kind = entry.file_type().map_err(|source| WalkError::Io { path: path.clone(), source })?;
                if kind.is_dir() {
                    // Folders are counted like files, so that a tree of nothing else ends as well.
                    n_folders += 1;
                    if n_folders > files_max {
                        return Err(WalkError::TooManyFiles { dir: dir.to_owned(), max: files_max });
                    }
                    folders.push(path);
                    continue;
                }
                match examine(&root, path.clone(), kind)? {
                    Ok(file) if files.len() < files_max => files.push(file),
                    Ok(_) => return Err(WalkError::TooManyFiles { dir: dir.to_owned(), max: files_max }),
                    Err(why) => tracing::warn!(path = %path.display(), %why, "static file is not served"),
                }
            }
        }
        files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { files })
    }

    /// A hash over everything that changes when a file's name or content does, without reading the files.
    ///
    /// Size and modification time alone are not enough: reproducible builds give every file the same time, and two
    /// builds differ in files of the same size. The inode and its change time cannot be set by a program. The device
    /// is left out: a container's file system has another number after every start.
    pub(super) fn fingerprint(&self, hasher: &mut blake3::Hasher) {
        for file in &self.files {
            hasher.update(&file.name.len().to_le_bytes()).update(&file.name);
            for number in file.stamp {
                hasher.update(&number.to_le_bytes());
            }
        }
    }
}

/// What one directory entry that is no folder is served as.
fn examine(root: &Path, path: PathBuf, kind: fs::FileType) -> Result<Result<Listed, Omission>, WalkError> {
    let name = path.strip_prefix(root).map(|name| name.as_os_str().as_bytes().to_vec()).unwrap_or_default();
    if !format::is_name(&name) {
        return Ok(Err(Omission::Name));
    }
    let path = if kind.is_symlink() {
        match path.canonicalize() {
            Ok(target) if !target.starts_with(root) => return Ok(Err(Omission::LeadsOut)),
            Ok(target) => target,
            Err(_) => return Ok(Err(Omission::LeadsNowhere)),
        }
    } else {
        path
    };
    let metadata = fs::symlink_metadata(&path).map_err(|source| WalkError::Io { path: path.clone(), source })?;
    if metadata.is_dir() {
        return Ok(Err(Omission::LeadsToFolder));
    }
    if !metadata.is_file() {
        return Ok(Err(Omission::Special));
    }
    Ok(Ok(Listed { name, path, modified: u64::try_from(metadata.mtime()).unwrap_or(0), stamp: stamp(&metadata) }))
}

fn stamp(metadata: &fs::Metadata) -> [i64; 6] {
    [
        metadata.size().cast_signed(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
        metadata.ino().cast_signed(),
    ]
}

/// A name as a path, for messages.
pub(super) fn display(name: &[u8]) -> String {
    PathBuf::from(OsString::from_vec(name.to_vec())).display().to_string()
}
