//! A pack in the making: a file under another name until it is complete. Cold.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::{
    format::{self, Entry, Extent},
    listing::Listing,
    pack::Pack,
};
use crate::coding::ContentCoding;

/// Bytes copied at once. Files of any size are streamed through one buffer of this size.
const BUFFER: usize = 256 * 1024;

/// Why a pack could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file of the bundle could not be read.
    #[error("cannot read the static file `{path}`")]
    Read {
        /// Of the static file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The pack could not be written.
    #[error("cannot write the asset pack `{path}`")]
    Write {
        /// Of the pack under the name it has while it is written.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The work was cancelled before the pack was complete.
    #[error("making the asset pack `{path}` was cancelled")]
    Cancelled {
        /// Of the pack under the name it has while it is written.
        path: PathBuf,
    },
}

/// A pack in the making. Dropped unfinished, it leaves nothing behind.
#[derive(Debug)]
pub(super) struct Draft {
    file: File,
    /// The name while it is written.
    path: PathBuf,
    position: u64,
    pub(super) files: Vec<DraftFile>,
    finished: bool,
}

/// A file of a draft.
#[derive(Debug)]
pub(super) struct DraftFile {
    pub(super) name: Vec<u8>,
    pub(super) modified: u64,
    /// Identity first.
    pub(super) extents: Vec<Extent>,
}

impl Draft {
    /// Starts a pack that will be called `path` and have the permissions `mode`.
    pub(super) fn create(path: &Path, mode: u32) -> Result<Self, BuildError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".tmp");
        let path = PathBuf::from(name);
        let write = |source| BuildError::Write { path: path.clone(), source };
        // An earlier process may have left a draft behind. It is removed and not reused: what it is we do not know.
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(write(source)),
            _ => {}
        }
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(&path).map_err(write)?;
        file.write_all_at(&format::preamble(), 0).map_err(write)?;
        Ok(Self { file, path, position: format::PREAMBLE as u64, files: Vec::new(), finished: false })
    }

    /// Copies the files of a listing, as they are.
    pub(super) fn copy(&mut self, listing: &Listing) -> Result<(), BuildError> {
        for listed in &listing.files {
            let read = |source| BuildError::Read { path: listed.path.clone(), source };
            let mut file = OpenOptions::new()
                .read(true)
                // The file may have become a link or a pipe since it was listed.
                .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
                .open(&listed.path)
                .map_err(read)?;
            let metadata = file.metadata().map_err(read)?;
            if !metadata.is_file() {
                return Err(read(io::Error::other("it is no regular file any more")));
            }
            let extent =
                self.append(&mut file, metadata.len(), ContentCoding::Identity).map_err(|error| match error {
                    CopyError::Read(source) => read(source),
                    CopyError::Write(source) => self.write_error(source),
                })?;
            self.files.push(DraftFile { name: listed.name.clone(), modified: listed.modified, extents: vec![extent] });
        }
        Ok(())
    }

    /// Copies the files of a pack, without their variants.
    pub(super) fn copy_pack(&mut self, pack: &Pack) -> Result<(), BuildError> {
        for (name, file) in pack.files() {
            let extent = self.append_bytes(file.identity.body.bytes(), ContentCoding::Identity)?;
            self.files.push(DraftFile { name: name.to_vec(), modified: file.modified, extents: vec![extent] });
        }
        Ok(())
    }

    /// Adds a content that is in memory, and says where it lies.
    pub(super) fn append_bytes(&mut self, mut bytes: &[u8], coding: ContentCoding) -> Result<Extent, BuildError> {
        let len = bytes.len() as u64;
        self.append(&mut bytes, len, coding)
            .map_err(|(CopyError::Read(source) | CopyError::Write(source))| self.write_error(source))
    }

    /// Streams a content to the end of the draft. `len` only places it; what is read to the end is what counts.
    ///
    /// Blocks of zeros are skipped and become holes, so that a sparse file stays one.
    fn append(&mut self, from: &mut dyn Read, len: u64, coding: ContentCoding) -> Result<Extent, CopyError> {
        let offset = self.position.next_multiple_of(format::alignment(len));
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; BUFFER.min(usize::try_from(len).unwrap_or(BUFFER).max(4096))];
        let mut end = offset;
        loop {
            let count = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(source) if source.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(CopyError::Read(source)),
            };
            let block = &buffer[..count];
            hasher.update(block);
            if block.iter().any(|byte| *byte != 0) {
                self.file.write_all_at(block, end).map_err(CopyError::Write)?;
            }
            end += count as u64;
        }
        self.position = end;
        Ok(Extent { coding, offset, len: end - offset, hash: *hasher.finalize().as_bytes() })
    }

    /// Reads a content that was added before.
    pub(super) fn reader(&self, extent: &Extent) -> impl Read + '_ {
        let window = Window { file: &self.file, position: extent.offset, end: extent.offset + extent.len };
        io::BufReader::with_capacity(64 * 1024, window)
    }

    /// Writes the index, makes everything durable and gives the pack its name.
    pub(super) fn finish(mut self, path: &Path) -> Result<(), BuildError> {
        self.files.sort_by(|a, b| a.name.cmp(&b.name));
        let entries: Vec<Entry<'_>> = self
            .files
            .iter()
            .map(|file| Entry { name: &file.name, modified: file.modified, extents: file.extents.clone() })
            .collect();
        let index = format::encode(&entries, self.position);
        self.file
            .write_all_at(&index, self.position)
            .and_then(|()| self.file.sync_all())
            .and_then(|()| fs::rename(&self.path, path))
            .map_err(|source| self.write_error(source))?;
        self.finished = true;
        // Without this a power cut could lose the name. The pack would only have to be made again.
        if let Some(Ok(folder)) = path.parent().map(File::open) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    /// An error of writing this draft.
    pub(super) fn write_error(&self, source: io::Error) -> BuildError {
        BuildError::Write { path: self.path.clone(), source }
    }

    /// That the work on this draft was cancelled.
    pub(super) fn cancelled(&self) -> BuildError {
        BuildError::Cancelled { path: self.path.clone() }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Which side of a copy failed.
enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

/// A part of a file, to be read without moving the file's own position.
struct Window<'a> {
    file: &'a File,
    position: u64,
    end: u64,
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = self.file.read_at(&mut buffer[..wanted], self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}
