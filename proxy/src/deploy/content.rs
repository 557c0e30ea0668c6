//! What is in a bundle, as one number: the same files make the same deployment, wherever they lie. Cold.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink},
    },
    path::{Path, PathBuf},
};

use edgeplane_config::{DeploySettings, custom_headers_file};

/// Read at once.
const PIECE: usize = 128 * 1024;

/// A bundle could not be read or copied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    #[error("could not copy `{}`", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the bundle has more than {0} bytes (`deploy.bytes-max`)")]
    Bytes(u64),
    #[error("the bundle has more than {0} files (`deploy.files-max`)")]
    Files(usize),
}

/// What a bundle was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// Of every name, mode and byte.
    pub(crate) hash: String,
    pub(crate) files: usize,
    pub(crate) bytes: u64,
}

/// Reads a bundle.
///
/// # Errors
/// What cannot be read, or is more than the settings let a bundle have.
pub(crate) fn survey(root: &Path, bounds: &DeploySettings) -> Result<Content, CopyError> {
    Walk::new(bounds).run(root, None)
}

/// Copies a bundle to a folder that does not exist yet, and says what was copied. Never by a link: frameworks write to
/// files of their bundle in place.
///
/// The custom headers that lie beside it, in its project, come along: they belong to this deployment.
///
/// # Errors
/// As [`survey`], and what cannot be written.
pub(crate) fn copy(root: &Path, to: &Path, bounds: &DeploySettings) -> Result<Content, CopyError> {
    Walk::new(bounds).run(root, Some(to))
}

struct Walk<'b> {
    bounds: &'b DeploySettings,
    hasher: blake3::Hasher,
    files: usize,
    bytes: u64,
    piece: Vec<u8>,
}

impl<'b> Walk<'b> {
    fn new(bounds: &'b DeploySettings) -> Self {
        Self { bounds, hasher: blake3::Hasher::new(), files: 0, bytes: 0, piece: vec![0; PIECE] }
    }

    fn run(mut self, root: &Path, to: Option<&Path>) -> Result<Content, CopyError> {
        self.folder(root, to, Path::new(""))?;
        if let Some(file) = custom_headers_file(root).filter(|file| file.parent() != Some(root))
            && let Some(name) = file.file_name()
        {
            self.entry(&file, to.map(|to| to.join(name)).as_deref(), Path::new(name))?;
        }
        let hash = self.hasher.finalize().to_hex()[..32].to_owned();
        Ok(Content { hash, files: self.files, bytes: self.bytes })
    }

    /// A folder and everything in it, in an order that does not depend on the disk.
    fn folder(&mut self, from: &Path, to: Option<&Path>, name: &Path) -> Result<(), CopyError> {
        let failed = |source| CopyError::File { path: from.to_owned(), source };
        if let Some(to) = to {
            fs::DirBuilder::new().mode(0o700).create(to).map_err(failed)?;
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(from).map_err(failed)? {
            entries.push(entry.map_err(failed)?.file_name());
            if self.files + entries.len() > self.bounds.files_max {
                return Err(CopyError::Files(self.bounds.files_max));
            }
        }
        entries.sort_unstable();
        for entry in entries {
            self.entry(&from.join(&entry), to.map(|to| to.join(&entry)).as_deref(), &name.join(&entry))?;
        }
        Ok(())
    }

    fn entry(&mut self, from: &Path, to: Option<&Path>, name: &Path) -> Result<(), CopyError> {
        self.files += 1;
        if self.files > self.bounds.files_max {
            return Err(CopyError::Files(self.bounds.files_max));
        }
        let failed = |source| CopyError::File { path: from.to_owned(), source };
        let metadata = fs::symlink_metadata(from).map_err(failed)?;
        let kind = metadata.file_type();
        let tag: &[u8] = match (kind.is_dir(), kind.is_symlink(), metadata.permissions().mode() & 0o100) {
            (true, ..) => b"folder",
            (_, true, _) => b"link",
            (.., 0) => b"file",
            _ => b"program",
        };
        self.tell(name.as_os_str().as_bytes());
        self.tell(tag);
        if kind.is_dir() {
            return self.folder(from, to, name);
        }
        if kind.is_symlink() {
            let target = fs::read_link(from).map_err(failed)?;
            self.tell(target.as_os_str().as_bytes());
            return to.map_or(Ok(()), |to| symlink(&target, to)).map_err(failed);
        }
        if !kind.is_file() {
            // Opening a named pipe would wait for ever.
            return Err(failed(io::Error::other("it is neither a file nor a folder nor a link")));
        }
        let mode = if tag == b"program" { 0o700 } else { 0o600 };
        self.file(from, to, mode)
    }

    fn file(&mut self, from: &Path, to: Option<&Path>, mode: u32) -> Result<(), CopyError> {
        let failed = |source| CopyError::File { path: from.to_owned(), source };
        let mut source = File::open(from).map_err(failed)?;
        let copy = to.map(|to| fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(to));
        let mut copy = copy.transpose().map_err(failed)?;
        let mut length = 0_u64;
        let mut content = blake3::Hasher::new();
        loop {
            let n = match source.read(&mut self.piece) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            length += n as u64;
            if self.bytes + length > self.bounds.bytes_max {
                return Err(CopyError::Bytes(self.bounds.bytes_max));
            }
            content.update(&self.piece[..n]);
            if let Some(copy) = &mut copy {
                copy.write_all(&self.piece[..n]).map_err(failed)?;
            }
        }
        self.bytes += length;
        self.tell(content.finalize().as_bytes());
        Ok(())
    }

    /// With its length before it, so that no two lists sound alike.
    fn tell(&mut self, part: &[u8]) {
        self.hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
}

#[cfg(test)]
mod tests {
    use edgeplane_config::Settings;

    use super::*;

    fn bundle() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join(".amplify-hosting");
        fs::create_dir_all(root.join("static/a")).unwrap();
        fs::create_dir_all(root.join("compute/default/node_modules/.bin")).unwrap();
        fs::write(root.join("static/a/b.txt"), "words").unwrap();
        fs::write(root.join("deploy-manifest.json"), "{}").unwrap();
        fs::write(root.join("compute/default/run.sh"), "#!").unwrap();
        fs::set_permissions(root.join("compute/default/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("../../run.sh", root.join("compute/default/node_modules/.bin/run")).unwrap();
        (folder, root)
    }

    fn bounds() -> DeploySettings {
        Settings::default().deploy
    }

    #[test]
    fn a_copy_has_the_content_of_its_source_wherever_it_lies() {
        let (folder, root) = bundle();
        let copied = copy(&root, &folder.path().join("copy"), &bounds()).unwrap();
        assert_eq!(copied, survey(&root, &bounds()).unwrap());
        assert_eq!(copied, survey(&folder.path().join("copy"), &bounds()).unwrap());
        assert_eq!((copied.files, copied.bytes), (10, 9));
        let copy = folder.path().join("copy/compute/default");
        assert_eq!(fs::metadata(copy.join("run.sh")).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_link(copy.join("node_modules/.bin/run")).unwrap(), Path::new("../../run.sh"));
    }

    #[test]
    fn every_change_is_another_content() {
        let (_folder, root) = bundle();
        let mut seen = vec![survey(&root, &bounds()).unwrap().hash];
        let changes: [&dyn Fn(); 5] = [
            &|| fs::write(root.join("static/a/b.txt"), "other").unwrap(),
            &|| fs::rename(root.join("static/a"), root.join("static/c")).unwrap(),
            &|| fs::create_dir(root.join("static/empty")).unwrap(),
            &|| {
                let program = root.join("compute/default/run.sh");
                fs::set_permissions(program, fs::Permissions::from_mode(0o644)).unwrap();
            },
            &|| {
                fs::remove_file(root.join("compute/default/node_modules/.bin/run")).unwrap();
                symlink("../../other.sh", root.join("compute/default/node_modules/.bin/run")).unwrap();
            },
        ];
        for change in changes {
            change();
            let hash = survey(&root, &bounds()).unwrap().hash;
            assert!(!seen.contains(&hash), "{seen:?}");
            seen.push(hash);
        }
    }

    #[test]
    fn the_custom_headers_of_the_project_come_along() {
        let (folder, root) = bundle();
        fs::write(folder.path().join("customHttp.yml"), "customHeaders: []").unwrap();
        let copied = copy(&root, &folder.path().join("copy"), &bounds()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("copy/customHttp.yml")).unwrap(), "customHeaders: []");
        assert_eq!(copied, survey(&root, &bounds()).unwrap());
    }

    #[test]
    fn more_than_the_settings_allow_is_refused() {
        let (folder, root) = bundle();
        let few = DeploySettings { files_max: 3, ..bounds() };
        assert!(matches!(survey(&root, &few), Err(CopyError::Files(3))));
        let small = DeploySettings { bytes_max: 8, ..bounds() };
        assert!(matches!(copy(&root, &folder.path().join("copy"), &small), Err(CopyError::Bytes(8))));
        let _socket = std::os::unix::net::UnixListener::bind(root.join("a.sock")).unwrap();
        assert!(survey(&root, &bounds()).unwrap_err().to_string().ends_with("a.sock`"));
    }
}
