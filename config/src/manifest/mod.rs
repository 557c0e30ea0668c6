//! The deployment manifest, `deploy-manifest.json`.

use crate::{ComputeResource, ImageSettings, Route};

/// A manifest that obeys the specification.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// 1 to 25 routes in traversal order; the last is the catch-all.
    pub routes: Vec<Route>,
    /// The compute resource, where the bundle has one.
    pub compute: Option<ComputeResource>,
    /// The image settings; always present when a route or fallback targets image optimization.
    pub images: Option<ImageSettings>,
    /// Which framework made the bundle.
    pub framework: Framework,
}

/// The manifest's `framework`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framework {
    /// Its name.
    pub name: String,
    /// Its version, as written.
    pub version: String,
}

impl Manifest {
    /// The manifest of sidecar mode without a bundle: everything goes to Compute.
    pub fn compute_only() -> Self {
        todo!()
    }
}
