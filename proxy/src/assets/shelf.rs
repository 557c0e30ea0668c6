//! The folder where packs are kept: their names, and which of them may go. Cold.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{format, listing::Listing, variant::Effort};

/// Deployments whose packs are kept: the current one, and the one before for a rollback without delay.
const DEPLOYMENTS_KEPT: usize = 2;

/// A draft that was not written to for so long was left behind by a process that is gone.
const DRAFT_AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// The name of everything made from one state of one folder under one set of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(String);

impl Fingerprint {
    /// Of a listing. The limit for compression is the only setting that decides what is in a pack.
    pub(super) fn new(listing: &Listing, compress_bytes_max: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&format::VERSION.to_le_bytes()).update(&compress_bytes_max.to_le_bytes());
        listing.fingerprint(&mut hasher);
        Self(hasher.finalize().to_hex()[..32].to_owned())
    }

    /// Where the pack of an effort lies: `<fingerprint>-quick.pack` or `<fingerprint>-best.pack`.
    pub(super) fn path(&self, folder: &Path, effort: Effort) -> PathBuf {
        let effort = match effort {
            Effort::Quick => "quick",
            Effort::Best => "best",
        };
        folder.join(format!("{}-{effort}.pack", self.0))
    }
}

/// Where the better pack of the one at `path` belongs; none where `path` is not the quick pack of a shelf.
pub(super) fn better(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?.strip_suffix("-quick.pack")?;
    Some(path.with_file_name(format!("{name}-best.pack")))
}

/// Removes what no deployment needs any more. Packs that are mapped somewhere live on until they are not.
///
/// A pack that cannot be removed costs space and nothing else, so that is only logged.
pub(super) fn prune(folder: &Path, current: &Fingerprint) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut kept: Vec<(SystemTime, String, PathBuf)> = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Ok(modified) = fs::symlink_metadata(&path).and_then(|metadata| metadata.modified()) else { continue };
        let age = SystemTime::now().duration_since(modified).unwrap_or_default();
        let is_left_behind = name.ends_with(".pack.tmp") && age > DRAFT_AGE_MAX;
        let is_superseded = path == current.path(folder, Effort::Quick) && current.path(folder, Effort::Best).exists();
        if is_left_behind || is_superseded {
            remove(&path);
        } else if let Some((deployment, _)) = name.strip_suffix(".pack").and_then(|stem| stem.rsplit_once('-'))
            && deployment != current.0
        {
            kept.push((modified, deployment.to_owned(), path.clone()));
        }
    }
    kept.sort_by(|a, b| b.cmp(a));
    let mut deployments = vec![current.0.clone()];
    for (_, deployment, path) in kept {
        if deployments.contains(&deployment) {
            continue;
        }
        if deployments.len() < DEPLOYMENTS_KEPT {
            deployments.push(deployment);
        } else {
            remove(&path);
        }
    }
}

/// Says that a pack was used just now, so that [`prune`] keeps it longest.
pub(super) fn touch(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.set_modified(SystemTime::now())
}

/// Removes a pack that is of no use.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "cannot remove an old asset pack");
    }
}
