//! Records as files: each under its digest in one of 256 folders, made under another name and renamed when complete.
//!
//! Nothing is synced: a record that a crash left half-written does not match its checksum, and what is in it can be made
//! again.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, DirEntry, File, OpenOptions},
    io::{self, IoSlice, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::SystemTime,
};

use super::Digest;

/// Where records that are not complete yet lie.
const UNFINISHED: &str = "unfinished";

#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    number: AtomicU64,
}

/// A file that is there.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) digest: Digest,
    /// In seconds since 1970.
    pub(crate) written: u64,
}

impl Folder {
    /// Uses `path`, where nobody else may read or write, and throws away what was not finished.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let unfinished = path.join(UNFINISHED);
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&unfinished)?;
        Ok(Self { path: path.to_owned(), number: AtomicU64::new(0) })
    }

    /// Reads a record of at most `most` bytes; none where there is no file.
    pub(crate) fn read(&self, digest: &Digest, most: u64) -> io::Result<Option<Vec<u8>>> {
        let mut file = match OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(self.place(digest)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let len = file.metadata()?.len();
        if len > most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut record = Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1);
        (&mut file).take(most).read_to_end(&mut record)?;
        Ok(Some(record))
    }

    /// The first bytes of a record.
    pub(crate) fn beginning(&self, digest: &Digest, most: usize) -> io::Result<Vec<u8>> {
        let mut beginning = Vec::new();
        File::open(self.place(digest))?.take(most as u64).read_to_end(&mut beginning)?;
        Ok(beginning)
    }

    /// Bytes of a record; none where there is no file.
    pub(crate) fn len(&self, digest: &Digest) -> io::Result<Option<u64>> {
        match fs::symlink_metadata(self.place(digest)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a record of two parts. What is there under that name is replaced as a whole.
    pub(crate) fn write(&self, digest: &Digest, front: &[u8], content: &[u8]) -> io::Result<()> {
        let unfinished = self.path.join(UNFINISHED).join(self.number.fetch_add(1, Relaxed).to_string());
        let written =
            self.write_unfinished(&unfinished, front, content).and_then(|()| self.finish(&unfinished, digest));
        if written.is_err() {
            // Nothing more can be done for it; the next start throws it away.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    fn write_unfinished(&self, path: &Path, front: &[u8], content: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = match options.open(path) {
            // Somebody tidied up the state directory while we run.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(self.path.join(UNFINISHED))?;
                options.open(path)?
            }
            opened => opened?,
        };
        let written = file.write_vectored(&[IoSlice::new(front), IoSlice::new(content)])?;
        match written.checked_sub(front.len()) {
            Some(of_content) => file.write_all(&content[of_content..]),
            None => file.write_all(&front[written..]).and_then(|()| file.write_all(content)),
        }
    }

    fn finish(&self, unfinished: &Path, digest: &Digest) -> io::Result<()> {
        let place = self.place(digest);
        match fs::rename(unfinished, &place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = place.parent().unwrap_or(&self.path);
                DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
                fs::rename(unfinished, &place)
            }
            renamed => renamed,
        }
    }

    /// Removes a record; one that is not there is no error.
    pub(crate) fn remove(&self, digest: &Digest) -> io::Result<()> {
        match fs::remove_file(self.place(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Looks at every file and removes those that are not ours. What disappears meanwhile is no failure, and one folder
    /// or file that fails does not hide the others: the first failure is given at the end.
    pub(crate) fn walk(&self, mut found: impl FnMut(Found)) -> io::Result<()> {
        each(&self.path, |folder| {
            let prefix = folder.file_name();
            if prefix == UNFINISHED || !folder.file_type()?.is_dir() {
                return Ok(());
            }
            each(&folder.path(), |file| meet(&prefix, file, &mut found))
        })
    }

    fn place(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        let (prefix, rest) = name.split_at(2);
        self.path.join(prefix).join(rest)
    }
}

/// Does something with each entry of a folder, whatever becomes of the others, and gives the first failure. What is not
/// there any more is none.
fn each(path: &Path, mut act: impl FnMut(&DirEntry) -> io::Result<()>) -> io::Result<()> {
    let present = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return present(Err(error)),
    };
    let mut done = Ok(());
    for entry in entries {
        let result = present(entry.and_then(|entry| act(&entry)));
        done = done.and(result);
    }
    done
}

/// Tells of a record, and removes what is none.
fn meet(prefix: &OsStr, file: &DirEntry, found: &mut impl FnMut(Found)) -> io::Result<()> {
    let name = file.file_name();
    let digest = prefix.to_str().zip(name.to_str()).and_then(|(a, b)| Digest::parse(&format!("{a}{b}")));
    let metadata = file.metadata()?;
    match digest {
        Some(digest) if metadata.is_file() => {
            let written = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            found(Found { digest, written: seconds(written) });
            Ok(())
        }
        // A folder of somebody else's is left alone; it is not read either.
        _ if metadata.is_dir() => Ok(()),
        _ => fs::remove_file(file.path()),
    }
}

/// Seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
