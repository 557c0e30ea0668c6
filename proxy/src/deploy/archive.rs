//! A bundle as an archive: packed by whoever deploys it, and unpacked within bounds by the server. Cold.
//!
//! An archive says where its files go, so nothing of it is believed: a path has plain names only, every folder on it was
//! made here, and a link leads to something inside. What else an archive can hold has no place in a bundle.

use std::{
    collections::HashSet,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink},
    path::{Component, Path, PathBuf},
};

use edgeplane_config::{DeploySettings, custom_headers_file};
use tar::{Archive, Builder, Entry, EntryType};

/// Why an archive is no bundle.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    #[error("the archive cannot be read")]
    Read(#[source] io::Error),
    #[error("`{0}` in the archive is no path inside of a bundle")]
    Path(String),
    #[error("the link `{0}` in the archive leads out of the bundle")]
    Link(String),
    #[error("`{0}` in the archive is neither a file nor a folder nor a link")]
    Kind(String),
    #[error("the archive has more than {0} bytes (`deploy.bytes-max`)")]
    Bytes(u64),
    #[error("the archive has more than {0} files (`deploy.files-max`)")]
    Files(usize),
    #[error("cannot write `{0}`")]
    Write(String, #[source] io::Error),
}

/// Unpacks an archive to the folder `to`, which it makes.
///
/// # Errors
/// At the first thing that is wrong. What was unpacked so far is there.
pub(crate) fn unpack(archive: impl Read, to: &Path, bounds: &DeploySettings) -> Result<(), ArchiveError> {
    let mut room = Room { to, folders: HashSet::new(), files: 0, bytes: 0, bounds };
    room.folder(Path::new(""))?;
    let mut archive = Archive::new(archive);
    for entry in archive.entries().map_err(ArchiveError::Read)? {
        room.take(entry.map_err(ArchiveError::Read)?)?;
    }
    Ok(())
}

struct Room<'b> {
    to: &'b Path,
    folders: HashSet<PathBuf>,
    files: usize,
    bytes: u64,
    bounds: &'b DeploySettings,
}

impl Room<'_> {
    fn take(&mut self, mut entry: Entry<'_, impl Read>) -> Result<(), ArchiveError> {
        self.files += 1;
        if self.files > self.bounds.files_max {
            return Err(ArchiveError::Files(self.bounds.files_max));
        }
        let told = entry.path().map_err(ArchiveError::Read)?.into_owned();
        let shown = told.display().to_string();
        let path = plain(&told).ok_or_else(|| ArchiveError::Path(shown.clone()))?;
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        match entry.header().entry_type() {
            EntryType::Directory => self.folder(&path),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => self.file(&mut entry, &path, &shown),
            EntryType::Symlink => {
                let target = entry.link_name().map_err(ArchiveError::Read)?.unwrap_or_default().into_owned();
                if !stays(&path, &target) {
                    return Err(ArchiveError::Link(shown));
                }
                symlink(&target, self.to.join(&path)).map_err(|error| ArchiveError::Write(shown, error))
            }
            _ => Err(ArchiveError::Kind(shown)),
        }
    }

    /// Makes a folder and those above it. One that is there already, or is something else, was not made here.
    fn folder(&mut self, path: &Path) -> Result<(), ArchiveError> {
        if self.folders.contains(path) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        let made = DirBuilder::new().mode(0o700).create(self.to.join(path));
        made.map_err(|error| ArchiveError::Write(path.display().to_string(), error))?;
        self.folders.insert(path.to_owned());
        Ok(())
    }

    fn file(&mut self, entry: &mut Entry<'_, impl Read>, path: &Path, shown: &str) -> Result<(), ArchiveError> {
        let is_program = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
        let mode = if is_program { 0o700 } else { 0o600 };
        let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(self.to.join(path));
        let mut file = opened.map_err(|error| ArchiveError::Write(shown.to_owned(), error))?;
        let left = self.bounds.bytes_max - self.bytes;
        let mut limited = entry.take(left + 1);
        let mut piece = vec![0; 64 * 1024];
        let mut written = 0_u64;
        loop {
            let n = limited.read(&mut piece).map_err(ArchiveError::Read)?;
            if n == 0 {
                break;
            }
            written += n as u64;
            if written > left {
                return Err(ArchiveError::Bytes(self.bounds.bytes_max));
            }
            file.write_all(&piece[..n]).map_err(|error| ArchiveError::Write(shown.to_owned(), error))?;
        }
        self.bytes += written;
        Ok(())
    }
}

/// A path of plain names; none where it is none, or says nothing.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(plain)
}

/// Whether a link at `path` leads to something inside, whatever other links do: it may go up first, and not again once it
/// went down, where a link could have led it elsewhere.
fn stays(path: &Path, target: &Path) -> bool {
    let mut above = path.components().count().saturating_sub(1);
    let mut down = false;
    for component in target.components() {
        match component {
            Component::Normal(_) => down = true,
            Component::CurDir => {}
            Component::ParentDir if !down && above > 0 => above -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    !target.as_os_str().is_empty()
}

/// What is sent of a bundle: paths inside it, and the files there, folders before what is in them.
pub(crate) fn listing(root: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let mut listed = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let name = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(name.clone());
            }
            listed.push((name, entry.path()));
        }
    }
    listed.sort_unstable();
    if let Some(file) = custom_headers_file(root).filter(|file| file.parent() != Some(root)) {
        listed.extend(file.file_name().map(|name| (PathBuf::from(name), file.clone())));
    }
    Ok(listed)
}

/// Packs what was listed. `progress` is told of every entry.
pub(crate) fn pack(listed: &[(PathBuf, PathBuf)], out: impl Write, progress: impl Fn()) -> io::Result<()> {
    let mut archive = Builder::new(out);
    archive.follow_symlinks(false);
    for (name, path) in listed {
        archive.append_path_with_name(path, name)?;
        progress();
    }
    archive.into_inner()?.flush()
}

#[cfg(test)]
mod tests {
    use edgeplane_config::Settings;
    use tar::Header;

    use super::*;

    fn bounds() -> DeploySettings {
        Settings::default().deploy
    }

    /// An archive of entries as they are told, whatever the library would let pass.
    fn archive(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        for (kind, name, content) in entries {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(0o755);
            let body = if *kind == EntryType::Regular { content.as_bytes() } else { &[] };
            header.as_old_mut().linkname[..content.len().min(100)]
                .copy_from_slice(&content.as_bytes()[..content.len().min(100)]);
            header.set_size(body.len() as u64);
            header.set_cksum();
            archive.append(&header, body).unwrap();
        }
        archive.into_inner().unwrap()
    }

    fn unpacked(
        entries: &[(EntryType, &str, &str)],
        bounds: &DeploySettings,
    ) -> Result<tempfile::TempDir, ArchiveError> {
        let folder = tempfile::tempdir().unwrap();
        unpack(&*archive(entries), &folder.path().join("bundle"), bounds).map(|()| folder)
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("from");
        let deep = root.join("compute/default").join("long".repeat(30)).join("longer".repeat(20));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), "words").unwrap();
        fs::create_dir(root.join("empty")).unwrap();
        symlink("../compute/default", root.join("empty/link")).unwrap();
        let mut bytes = Vec::new();
        pack(&listing(&root).unwrap(), &mut bytes, || {}).unwrap();
        unpack(&*bytes, &folder.path().join("to"), &bounds()).unwrap();
        let content = |name: &str| super::super::content::survey(&folder.path().join(name), &bounds()).unwrap();
        assert_eq!(content("from"), content("to"));
    }

    #[test]
    fn nothing_is_written_outside() {
        use EntryType::{Block, Fifo, Link, Regular, Symlink};
        for entries in [
            &[(Regular, "../a", "x")][..],
            &[(Regular, "/a", "x")],
            &[(Regular, "a/../../b", "x")],
            &[(Symlink, "a", "/etc")],
            &[(Symlink, "a", "../etc")],
            &[(Symlink, "a/b", "../../etc")],
            &[(Symlink, "a/b", "../c/../../etc")],
            &[(Symlink, "a", "")],
            &[(Symlink, "a", "b"), (Regular, "a/c", "x")],
            &[(Symlink, "a", "b"), (Regular, "a", "x")],
            &[(Regular, "a", "x"), (Regular, "a", "y")],
            &[(Regular, "a", "x"), (Regular, "a/b", "y")],
            &[(Regular, "", "x")],
            &[(Link, "a", "b")],
            &[(Fifo, "a", "")],
            &[(Block, "a", "")],
        ] {
            assert!(unpacked(entries, &bounds()).is_err(), "{entries:?}");
        }
        let fine =
            unpacked(&[(Regular, "./a/b", "x"), (Symlink, "a/c", "../a/b"), (Regular, "d", "y")], &bounds()).unwrap();
        assert_eq!(fs::read_to_string(fine.path().join("bundle/a/c")).unwrap(), "x");
    }

    #[test]
    fn sizes_and_counts_are_bounded_by_what_is_there_and_not_by_what_is_told() {
        use EntryType::{Directory, Regular};
        let few = DeploySettings { files_max: 2, ..bounds() };
        assert!(matches!(
            unpacked(&[(Directory, "a", ""), (Directory, "b", ""), (Directory, "c", "")], &few),
            Err(ArchiveError::Files(2))
        ));
        let small = DeploySettings { bytes_max: 3, ..bounds() };
        assert!(unpacked(&[(Regular, "a", "xy"), (Regular, "b", "z")], &small).is_ok());
        assert!(matches!(unpacked(&[(Regular, "a", "xy"), (Regular, "b", "zz")], &small), Err(ArchiveError::Bytes(3))));
        let mut cut = archive(&[(Regular, "a", "some words")]);
        cut.truncate(515);
        let folder = tempfile::tempdir().unwrap();
        assert!(unpack(&*cut, &folder.path().join("bundle"), &bounds()).is_err());
    }
}
