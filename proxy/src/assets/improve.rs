//! The pack that takes minutes: made in the background from the one that is served. Cold.

use std::sync::atomic::AtomicBool;

use edgeplane_config::StaticSettings;

use super::{
    draft::{BuildError, Draft},
    pack::{OpenError, Pack},
    prepare, shelf,
    variant::{self, Compression, Effort, Watch},
};

/// The weakest claim to the processor a thread can make.
const NICE: i32 = 19;

/// Why no better pack came of it. What is served is not affected.
#[derive(Debug, thiserror::Error)]
pub enum ImproveError {
    /// It could not be made, or was cancelled.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// It was made and could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Makes the pack with the smallest variants from one that [`prepare`](super::prepare) gave, to be swapped in for it.
///
/// Blocks for seconds to minutes, and lowers the calling thread's priority for good: call it on a thread of its own.
/// It stops between two files when `cancel` becomes true. There is none to make (`None`) for a pack that is already
/// the better one, that was opened by its own name, or that has no files, and where compression is switched off.
///
/// # Errors
/// A pack that could not be written, and [`BuildError::Cancelled`].
pub fn improve(pack: &Pack, settings: &StaticSettings, cancel: &AtomicBool) -> Result<Option<Pack>, ImproveError> {
    let Some(served) = pack.path() else { return Ok(None) };
    let Some(path) = shelf::better(served).filter(|_| settings.compress) else { return Ok(None) };
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "cannot lower the priority of compression");
    }
    let mut draft = Draft::create(&path, prepare::SHELF_MODE)?;
    draft.copy_pack(pack)?;
    let compression =
        Compression { effort: Effort::Best, bytes_max: prepare::compress_bytes_max(settings), threads: 1 };
    variant::add(&mut draft, compression, Watch { cancel, progress: &|_, _| {} })?;
    draft.finish(&path)?;
    let better = Pack::open(&path)?;
    shelf::remove(served);
    Ok(Some(better))
}
