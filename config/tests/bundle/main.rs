//! The manifest, its rules and the bundle on disk, from the outside: what users of the crate are promised.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is a test that fails")]

mod arbitrary;
mod broken_bundle;
mod broken_manifest;
mod custom_rules;
mod display;
mod fixture;
mod framework;
mod headers;
mod meaning;
mod remark;
mod specification;

use edgeplane_config::Rule;

/// A rule that nothing breaks in the tables is a rule nobody has seen at work.
#[test]
fn every_rule_is_broken_by_a_case() {
    // Three have tests of their own: they are not about one place in one bundle.
    let mut broken = vec![Rule::BundleMissing, Rule::TooManyProblems, Rule::CustomRulesUnreadable];
    broken.extend(broken_manifest::cases().into_iter().map(|case| case.rule));
    broken.extend(remark::cases().into_iter().map(|case| case.rule));
    broken.extend(custom_rules::cases().into_iter().map(|case| case.rule));
    broken.extend(broken_bundle::cases().into_iter().map(|case| case.rule));
    broken.extend(headers::cases().into_iter().map(|(_, case)| case.rule));
    let silent: Vec<&Rule> = Rule::ALL.iter().filter(|rule| !broken.contains(rule)).collect();
    assert!(silent.is_empty(), "no case breaks {silent:?}");
}

#[test]
fn rules_have_distinct_kebab_case_names() {
    let mut names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert!(names.iter().all(|name| name.chars().all(|char| char.is_ascii_lowercase() || char == '-')), "{names:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Rule::ALL.len());
}
