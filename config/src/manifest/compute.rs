//! The manifest's `computeResources`.

use super::{node::Node, promise::Promises};
use crate::{
    ComputeResource, Rule, Runtime, Severity,
    compute::COMPUTE_NAME,
    report::{Anchor, Report},
};

/// The list as far as it could be read.
#[derive(Default)]
pub(super) struct Resources {
    /// Where the first entry stands.
    pub(super) first: Option<Anchor>,
    /// The first entry; absent when it is broken.
    pub(super) resource: Option<ComputeResource>,
}

/// Reads the compute resources, of which version 1 of the specification has at most one; `None` when it is no list.
pub(super) fn read(node: &Node<'_>, promises: &mut Promises, report: &mut Report) -> Option<Resources> {
    let elements = node.elements(report)?;
    let mut resources: Vec<Option<ComputeResource>> =
        elements.iter().map(|element| resource(element, promises, report)).collect();
    if let Some(second) = elements.get(1) {
        let message = format!("there are {} compute resources", elements.len());
        let help = format!("keep one, called `{COMPUTE_NAME}`: version 1 of the specification has no second name");
        report.error(Rule::ComputeResourceRepeated, &second.anchor, message, help);
    }
    let first = elements.into_iter().next().map(|element| element.anchor);
    Some(Resources { first, resource: if resources.is_empty() { None } else { resources.swap_remove(0) } })
}

fn resource(node: &Node<'_>, promises: &mut Promises, report: &mut Report) -> Option<ComputeResource> {
    let members = node.members(&["name", "runtime", "entrypoint"], Severity::Warning, report)?;
    let name = members.required("name", "\"default\"", report).and_then(|node| name(&node, report));
    let runtime = members.required("runtime", "\"nodejs20.x\"", report).and_then(|node| runtime(&node, report));
    let entrypoint = members.required("entrypoint", "\"server.js\"", report).and_then(|node| {
        let entrypoint = entrypoint(&node, report)?;
        promises.entrypoint.get_or_insert_with(|| (node.anchor, entrypoint.clone()));
        Some(entrypoint)
    });
    name?;
    Some(ComputeResource { entrypoint: entrypoint?, runtime: runtime? })
}

fn name(node: &Node<'_>, report: &mut Report) -> Option<()> {
    let name = node.string(report)?;
    if name == COMPUTE_NAME {
        return Some(());
    }
    let message = format!("a compute resource cannot be called `{name}`");
    let help = format!("call it `{COMPUTE_NAME}` and its folder `compute/{COMPUTE_NAME}`");
    report.error(Rule::ComputeName, &node.anchor, message, help);
    None
}

fn runtime(node: &Node<'_>, report: &mut Report) -> Option<Runtime> {
    let text = node.string(report)?;
    let runtime = Runtime::parse(text);
    match runtime {
        None => {
            let message = format!("there is no runtime `{text}`");
            report.error(Rule::RuntimeUnknown, &node.anchor, message, "name a Node.js version, such as `nodejs20.x`");
        }
        Some(Runtime { major }) if !Runtime::LISTED.contains(&major) => {
            let message = format!("the specification does not list the runtime `{text}`");
            let help =
                format!("nothing to mend where Node.js {major} is installed; listed are nodejs16.x, 18.x and 20.x");
            report.warning(Rule::RuntimeUnlisted, &node.anchor, message, help);
        }
        Some(_) => {}
    }
    runtime
}

/// A bare file name: the specification wants the entry point in the root of its folder.
fn entrypoint(node: &Node<'_>, report: &mut Report) -> Option<String> {
    let text = node.string(report)?;
    let bare = !matches!(text, "" | "." | "..") && !text.contains(['/', '\\', '\0']);
    if !bare {
        let message = format!("the entry point {text:?} is not the name of a file");
        let help =
            format!("name a file in the root of `compute/{COMPUTE_NAME}`, such as `server.js`, without any folder");
        report.error(Rule::EntrypointBare, &node.anchor, message, help);
    }
    bare.then(|| text.to_owned())
}
