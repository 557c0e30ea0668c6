//! From a folder to a pack that is open: the one that is there already, or a new one. Cold.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    thread,
};

use edgeplane_config::StaticSettings;

use super::{
    draft::{BuildError, Draft},
    listing::{Listing, WalkError},
    pack::{OpenError, Pack},
    shelf::{self, Fingerprint},
    variant::{self, Compression, Effort, Watch},
};

/// Packs on the shelf are for the process that made them and its successors only.
pub(super) const SHELF_MODE: u32 = 0o600;

/// A pack made ahead of time travels in an image and is read there by whatever user serves it.
const SHIPPED_MODE: u32 = 0o644;

/// Why a deployment's files cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The folder could not be walked.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// The folder for packs could not be made.
    #[error("cannot create the folder for asset packs `{path}`")]
    Shelf {
        /// Of the folder.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The pack could not be made.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The pack was made and could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Opens the pack of `static_dir` under `packs_dir`, or makes it; the empty one where there is no such folder.
///
/// Opening reads no file of the bundle. A pack that is damaged or of another version is made again, never trusted.
///
/// # Errors
/// A folder or file that cannot be read, too many files, or a pack that cannot be written.
pub fn prepare(static_dir: Option<&Path>, packs_dir: &Path, settings: &StaticSettings) -> Result<Pack, PrepareError> {
    let Some(static_dir) = static_dir else { return Ok(Pack::empty()) };
    let listing = Listing::walk(static_dir, settings.files_max)?;
    let fingerprint = Fingerprint::new(&listing, compress_bytes_max(settings));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(packs_dir)
        .map_err(|source| PrepareError::Shelf { path: packs_dir.to_owned(), source })?;
    let ready =
        [Effort::Best, Effort::Quick].into_iter().find_map(|effort| reopen(&fingerprint.path(packs_dir, effort)));
    let pack = match ready {
        Some(pack) => pack,
        None => {
            let path = fingerprint.path(packs_dir, Effort::Quick);
            make(&listing, &path, SHELF_MODE, compression(settings, Effort::Quick), &|_, _| {})?;
            Pack::open(&path)?
        }
    };
    shelf::prune(packs_dir, &fingerprint);
    Ok(pack)
}

/// Makes the pack of `static_dir` as `out`, ahead of time and as small as it gets, and opens it. `progress` is told how
/// many files of how many are compressed.
///
/// # Errors
/// As [`prepare`].
pub fn pack_to(
    static_dir: &Path,
    out: &Path,
    settings: &StaticSettings,
    progress: &dyn Fn(usize, usize),
) -> Result<Pack, PrepareError> {
    let listing = Listing::walk(static_dir, settings.files_max)?;
    make(&listing, out, SHIPPED_MODE, compression(settings, Effort::Best), progress)?;
    Ok(Pack::open(out)?)
}

/// The settings' limit for compression; 0 where it is switched off.
pub(super) fn compress_bytes_max(settings: &StaticSettings) -> u64 {
    if settings.compress { settings.compress_bytes_max } else { 0 }
}

/// A pack that an earlier run made.
fn reopen(path: &Path) -> Option<Pack> {
    match Pack::open(path) {
        Ok(pack) => {
            if let Err(error) = shelf::touch(path) {
                tracing::debug!(path = %path.display(), %error, "cannot mark an asset pack as used");
            }
            Some(pack)
        }
        Err(error) => {
            if !error.is_missing() {
                tracing::warn!(%error, "making the asset pack again");
            }
            None
        }
    }
}

fn compression(settings: &StaticSettings, effort: Effort) -> Compression {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    Compression { effort, bytes_max: compress_bytes_max(settings), threads }
}

fn make(
    listing: &Listing,
    path: &Path,
    mode: u32,
    compression: Compression,
    progress: &dyn Fn(usize, usize),
) -> Result<(), BuildError> {
    let mut draft = Draft::create(path, mode)?;
    draft.copy(listing)?;
    variant::add(&mut draft, compression, Watch { cancel: &AtomicBool::new(false), progress })?;
    draft.finish(path)
}
