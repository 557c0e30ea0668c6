//! What is to be served: a bundle that was opened, with the rules of every source.

use std::path::Path;

use edgeplane_config::{
    Bundle, CustomRule, HeaderRule, Manifest, Problems, Settings, custom_headers, read_custom_rules,
};

/// A bundle, or the upstreams without one.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) manifest: Manifest,
    pub(crate) bundle: Option<Bundle>,
    pub(crate) custom_headers: Vec<HeaderRule>,
    pub(crate) custom_rules: Vec<CustomRule>,
    /// What was remarked upon.
    pub(crate) remarks: Problems,
}

impl Served {
    /// Opens a bundle. With `sidecar`, its servers are somebody else's.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn open(path: &Path, settings: &Settings, sidecar: bool) -> Result<Self, Problems> {
        let bundle = Bundle::open_with(path, sidecar, &settings.headers)?;
        let (custom_rules, of_rules) = custom_rules(settings, Some(&bundle))?;
        let mut remarks = bundle.warnings.clone();
        remarks.0.extend(of_rules.0);
        let (manifest, custom_headers) = (bundle.manifest.clone(), bundle.custom_headers.clone());
        Ok(Self { manifest, bundle: Some(bundle), custom_headers, custom_rules, remarks })
    }

    /// Upstreams alone, for every path.
    ///
    /// # Errors
    /// What is wrong with the custom headers or rules that the settings name.
    pub(crate) fn upstreams(settings: &Settings) -> Result<Self, Problems> {
        let (custom_headers, mut remarks) = custom_headers(&settings.headers, None);
        if remarks.has_errors() {
            return Err(remarks);
        }
        let (custom_rules, of_rules) = custom_rules(settings, None)?;
        remarks.0.extend(of_rules.0);
        Ok(Self { manifest: Manifest::compute_only(), bundle: None, custom_headers, custom_rules, remarks })
    }
}

/// Every custom rule in its order, and what is remarked upon: the settings file's, those of the file it names, the
/// bundle's.
///
/// # Errors
/// What is wrong with any of them, all of it.
pub(crate) fn custom_rules(
    settings: &Settings,
    bundle: Option<&Bundle>,
) -> Result<(Vec<CustomRule>, Problems), Problems> {
    let problems = rule_problems(settings, bundle);
    if problems.has_errors() {
        return Err(problems);
    }
    let mut rules = settings.custom_rules.clone();
    if let Some(Ok((of_file, _))) = settings.rewrite.custom_rules_file.as_deref().map(read_custom_rules) {
        rules.extend(of_file);
    }
    rules.extend(counted(settings, bundle).flat_map(|bundle| bundle.custom_rules.iter().cloned()));
    Ok((rules, problems))
}

/// What there is to say about the named file and about the bundle's rules.
pub(crate) fn rule_problems(settings: &Settings, bundle: Option<&Bundle>) -> Problems {
    let named = settings.rewrite.custom_rules_file.as_deref().map(read_custom_rules);
    let of_file = named.into_iter().flat_map(|read| read.map_or_else(|problems| problems, |(_, remarks)| remarks).0);
    let of_bundle = counted(settings, bundle).flat_map(|bundle| bundle.custom_rule_problems.0.clone());
    Problems(of_file.chain(of_bundle).collect())
}

/// The bundle, where its rules count.
fn counted<'b>(settings: &Settings, bundle: Option<&'b Bundle>) -> impl Iterator<Item = &'b Bundle> {
    bundle.filter(|_| settings.rewrite.bundle_rules).into_iter()
}
