//! The deployment manifest, `deploy-manifest.json`: what the framework promises, from text to meaning.
//!
//! `syntax` turns text into values, `node` gives values their place and checks their types, and one file per chapter
//! of the specification (`route`, `target`, `compute`, `image`, `framework`) checks its rules. `document` puts the
//! chapters together and checks what holds between them. Every rule is checked even where others are broken.

mod compute;
mod document;
mod framework;
mod host;
mod image;
pub(crate) mod node;
mod promise;
mod remote;
mod route;
pub(crate) mod syntax;
mod target;

pub(crate) use document::read;
pub(crate) use promise::Promises;

use crate::{ComputeResource, ImageSettings, PathPattern, Problems, Route, Target, report::Report};

/// The name of the manifest in a bundle.
pub const MANIFEST_FILE: &str = "deploy-manifest.json";

/// Bytes of a manifest. 25 routes with the longest paths need 20 kB; a mebibyte leaves room for long lists of hosts.
pub const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;

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
    /// Reads a manifest without looking at the folders it promises; [`crate::Bundle::open`] looks at those, too.
    ///
    /// Returns the manifest with what was remarked upon, which holds no errors.
    ///
    /// # Errors
    /// Every problem at once, warnings included, when at least one is an error.
    pub fn parse(text: &str) -> Result<(Self, Problems), Problems> {
        let mut report = Report::new(MANIFEST_FILE);
        let draft = read(text, &mut report);
        let problems = report.finish(text);
        match draft.manifest {
            Some(manifest) if !problems.has_errors() => Ok((manifest, problems)),
            _ => Err(problems),
        }
    }

    /// The manifest of sidecar mode without a bundle: everything goes to Compute.
    pub fn compute_only() -> Self {
        let everything = Route { path: PathPattern("/*".to_owned()), target: Target::Compute, fallback: None };
        let framework = Framework { name: "none".to_owned(), version: "0.0.0".to_owned() };
        Self { routes: vec![everything], compute: None, images: None, framework }
    }
}
