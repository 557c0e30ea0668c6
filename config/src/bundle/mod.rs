//! A bundle on disk: the manifest and the folders it promises.

mod folder;
mod inspect;
mod locate;

use std::path::{Path, PathBuf};

pub(crate) use locate::{BUNDLE_FOLDER, TextFault, text_of};

use crate::{
    CustomRule, HeaderRule, HeaderSettings, Manifest, Problems, Severity,
    compute::COMPUTE_NAME,
    custom_headers::custom_headers,
    custom_rules,
    manifest::{self, MANIFEST_FILE},
    report::Report,
};

/// A deployment bundle whose manifest and folders agree.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The folder that holds `deploy-manifest.json`, absolute, symbolic links resolved.
    pub root: PathBuf,
    /// What it asks for.
    pub manifest: Manifest,
    /// The Node.js server, where the manifest names one and the folder is there.
    pub compute: Option<ComputeFolder>,
    /// `static/`, where it exists.
    pub static_dir: Option<PathBuf>,
    /// The custom headers, in their order.
    pub custom_headers: Vec<HeaderRule>,
    /// The rewrites and redirects of its `customRules.json`, where it has one. They are no part of the specification:
    /// what is wrong with them stands in `custom_rule_problems`, and whoever uses them looks there.
    pub custom_rules: Vec<CustomRule>,
    /// What was found wrong or remarkable with them.
    pub custom_rule_problems: Problems,
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
    /// With `sidecar`, the Node servers are somebody else's: what is wrong with `compute/` is then a warning.
    ///
    /// # Errors
    /// Every problem at once, warnings included, when at least one is an error.
    pub fn open(path: &Path, sidecar: bool) -> Result<Self, Problems> {
        Self::open_with(path, sidecar, &HeaderSettings::default())
    }

    /// [`open`](Self::open), with custom headers from where the settings say.
    ///
    /// # Errors
    /// Likewise.
    pub fn open_with(path: &Path, sidecar: bool, headers: &HeaderSettings) -> Result<Self, Problems> {
        let mut report = Report::new(MANIFEST_FILE);
        let Some(root) = locate::root(path, &mut report) else { return Err(report.finish("")) };
        let text = match locate::text(&root.join(MANIFEST_FILE), &mut report) {
            Ok(text) => text,
            Err(readable) => return Err(report.finish(&readable)),
        };
        let draft = manifest::read(&text, &mut report);
        let static_dir = inspect::static_folder(&root, &draft.promises, &mut report);
        let severity = if sidecar { Severity::Warning } else { Severity::Error };
        let compute_dir = inspect::compute_folder(&root, &draft.promises, severity, &mut report);
        let mut problems = report.finish(&text);
        let (custom_headers, found) = custom_headers(headers, Some(&root));
        problems.0.extend(found.0);
        let Some(manifest) = draft.manifest.filter(|_| !problems.has_errors()) else { return Err(problems) };
        let compute = compute_dir.zip(manifest.compute.as_ref()).map(|(dir, resource)| ComputeFolder {
            dir,
            entrypoint: resource.entrypoint.clone(),
            node_major: resource.runtime.major,
        });
        let (custom_rules, custom_rule_problems) = rules(&root);
        Ok(Self {
            root,
            manifest,
            compute,
            static_dir,
            custom_headers,
            custom_rules,
            custom_rule_problems,
            warnings: problems,
        })
    }
}

/// The bundle's own rules. They belong to the app like its routes do, and adapters write them; Amplify itself reads none.
fn rules(root: &Path) -> (Vec<CustomRule>, Problems) {
    let file = root.join(custom_rules::FILE);
    if file.symlink_metadata().is_err() {
        return (Vec::new(), Problems::default());
    }
    custom_rules::read(&file, Path::new(custom_rules::FILE))
}

/// `compute/default`, relative to the bundle.
fn compute_path() -> PathBuf {
    Path::new("compute").join(COMPUTE_NAME)
}
