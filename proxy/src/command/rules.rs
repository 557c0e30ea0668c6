//! The custom rules of every source, in their order: the settings file's, those of the file it names, the bundle's.

use edgeplane_config::{Bundle, CustomRule, Problems, Settings, read_custom_rules};

use super::{Failure, output};

/// Every rule, after telling what was remarked upon.
///
/// # Errors
/// What is wrong with any of them, all of it.
pub(crate) fn gather(settings: &Settings, bundle: Option<&Bundle>) -> Result<Vec<CustomRule>, Failure> {
    let problems = problems(settings, bundle);
    if problems.has_errors() {
        return Err(Failure::Bundle(problems));
    }
    problems.iter().for_each(output::problem);
    let mut rules = settings.custom_rules.clone();
    if let Some(Ok((of_file, _))) = settings.rewrite.custom_rules_file.as_deref().map(read_custom_rules) {
        rules.extend(of_file);
    }
    rules.extend(counted(settings, bundle).flat_map(|bundle| bundle.custom_rules.iter().cloned()));
    Ok(rules)
}

/// What there is to say about the named file and about the bundle's rules.
pub(crate) fn problems(settings: &Settings, bundle: Option<&Bundle>) -> Problems {
    let named = settings.rewrite.custom_rules_file.as_deref().map(read_custom_rules);
    let of_file = named.into_iter().flat_map(|read| read.map_or_else(|problems| problems, |(_, remarks)| remarks).0);
    let of_bundle = counted(settings, bundle).flat_map(|bundle| bundle.custom_rule_problems.0.clone());
    Problems(of_file.chain(of_bundle).collect())
}

/// The bundle, where its rules count.
fn counted<'b>(settings: &Settings, bundle: Option<&'b Bundle>) -> impl Iterator<Item = &'b Bundle> {
    bundle.filter(|_| settings.rewrite.bundle_rules).into_iter()
}
