//! The manifest's `framework`.

use semver::Version;

use super::{Framework, node::Node};
use crate::{Rule, Severity, report::Report};

/// Reads the framework's name and version. Only the form of the version is checked: adapters write their own, a fixed
/// or an old one as they please.
pub(super) fn read(node: &Node<'_>, report: &mut Report) -> Option<Framework> {
    let members = node.members(&["name", "version"], Severity::Warning, report)?;
    let name = members.required("name", "\"nuxt\"", report).and_then(|node| name(&node, report));
    let version = members.required("version", "\"1.0.0\"", report).and_then(|node| version(&node, report));
    Some(Framework { name: name?, version: version? })
}

fn name(node: &Node<'_>, report: &mut Report) -> Option<String> {
    let name = node.string(report)?;
    if name.trim().is_empty() {
        report.error(Rule::FrameworkName, &node.anchor, "the framework has an empty name", "name it, such as `nuxt`");
        return None;
    }
    Some(name.to_owned())
}

fn version(node: &Node<'_>, report: &mut Report) -> Option<String> {
    let text = node.string(report)?;
    match Version::parse(text) {
        Err(error) => {
            let message = format!("the framework's version {text:?} is not a semantic version: {error}");
            let help = "write three numbers, such as `3.8.1`, as semver.org describes";
            report.error(Rule::FrameworkVersion, &node.anchor, message, help);
            None
        }
        Ok(version) => {
            if version == Version::new(0, 0, 0) {
                let message = "the framework's version is the placeholder 0.0.0";
                let help = "nothing to mend in the app; the framework's adapter did not fill it in";
                report.warning(Rule::FrameworkVersionZero, &node.anchor, message, help);
            }
            Some(text.to_owned())
        }
    }
}
