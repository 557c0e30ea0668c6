//! The custom rules of every source, for a command: what was remarked upon is printed.

use edgeplane_config::{Bundle, CustomRule, Problems, Settings};

use super::{Failure, output};
use crate::deploy;

/// Every rule, after telling what was remarked upon.
///
/// # Errors
/// What is wrong with any of them, all of it.
pub(crate) fn gather(settings: &Settings, bundle: Option<&Bundle>) -> Result<Vec<CustomRule>, Failure> {
    let (rules, remarks) = deploy::custom_rules(settings, bundle).map_err(Failure::Bundle)?;
    remarks.iter().for_each(output::problem);
    Ok(rules)
}

/// What there is to say about the named file and about the bundle's rules.
pub(crate) fn problems(settings: &Settings, bundle: Option<&Bundle>) -> Problems {
    deploy::rule_problems(settings, bundle)
}
