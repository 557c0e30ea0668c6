//! A bundle on disk: the manifest and the folders it promises.

use std::path::{Path, PathBuf};

use crate::{Manifest, Problems};

/// A deployment bundle whose manifest and folders agree.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The folder that holds `deploy-manifest.json`, absolute.
    pub root: PathBuf,
    /// What it asks for.
    pub manifest: Manifest,
    /// The Node.js server, where the manifest names one and the folder is there.
    pub compute: Option<ComputeFolder>,
    /// `static/`, where it exists.
    pub static_dir: Option<PathBuf>,
    /// What was remarked upon while opening; never errors.
    pub warnings: Problems,
}

/// The folder of the compute resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputeFolder {
    /// `compute/default`, absolute.
    pub dir: PathBuf,
    /// The file name to start, bare.
    pub entrypoint: String,
    /// The Node.js major version the manifest asks for.
    pub node_major: u32,
}

impl Bundle {
    /// Opens the bundle at `path`: a folder with `deploy-manifest.json`, or one that holds `.amplify-hosting`.
    ///
    /// With `sidecar`, the Node servers are somebody else's: a missing `compute/` is a warning.
    ///
    /// # Errors
    /// Every problem at once, warnings included, when at least one is an error.
    pub fn open(path: &Path, sidecar: bool) -> Result<Self, Problems> {
        let _ = (path, sidecar);
        todo!()
    }
}
