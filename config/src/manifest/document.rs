//! The whole manifest: its chapters, and what must hold between them.

use super::{
    Manifest,
    compute::{self, Resources},
    framework, image,
    node::{Members, Node},
    promise::Promises,
    route, syntax,
};
use crate::{ImageSettings, Rule, Severity, TargetKind, compute::COMPUTE_NAME, report::Report};

/// What could be read of a manifest.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// The manifest; absent only when the report holds an error.
    pub(crate) manifest: Option<Manifest>,
    /// What it promises of the disk, as far as it could be read.
    pub(crate) promises: Promises,
}

/// Reads a manifest, reporting every rule that is broken.
pub(crate) fn read(text: &str, report: &mut Report) -> Draft {
    let Some(value) = syntax::parse(text, report) else { return Draft::default() };
    let known = ["version", "routes", "computeResources", "imageSettings", "framework"];
    let Some(members) = Node::root(&value).members(&known, Severity::Warning, report) else { return Draft::default() };
    let mut promises = Promises::default();
    version(&members, report);
    let routes = match members.required("routes", "[...]", report) {
        Some(node) => route::read(&node, &mut promises, report),
        None => None,
    };
    promises.unclear |= promises.is_empty();
    let resources = match members.optional("computeResources") {
        Some(node) => compute::read(&node, &mut promises, report),
        None => Some(Resources::default()),
    };
    let settings = members.optional("imageSettings").map(|node| image::read(&node, report));
    let framework = members
        .required("framework", "{\"name\": ..., \"version\": ...}", report)
        .and_then(|n| framework::read(&n, report));

    routes_together(&members, &promises, report);
    if let Some(resources) = &resources {
        compute_has_its_route(resources, &promises, report);
    }
    images_have_their_settings(&members, &promises, report);

    let compute = resources.and_then(|resources| resources.resource);
    let images = match settings {
        Some(settings) => settings,
        None => promises.first(TargetKind::Image).map(|_| ImageSettings::default()),
    };
    let manifest = match (routes, framework) {
        (Some(routes), Some(framework)) => Some(Manifest { routes, compute, images, framework }),
        _ => None,
    };
    Draft { manifest, promises }
}

fn version(members: &Members<'_>, report: &mut Report) {
    let Some(node) = members.required("version", "1", report) else { return };
    let Some(version) = node.whole(report) else { return };
    if version != Ok(1) {
        let version = version.map_or_else(str::to_owned, |number| number.to_string());
        let message = format!("there is no version {version} of the deployment specification");
        report.error(Rule::VersionUnsupported, &node.anchor, message, "write 1, the only version there is");
    }
}

/// "You must specify either a Static route or a Compute route", and image optimization only beside Compute.
fn routes_together(members: &Members<'_>, promises: &Promises, report: &mut Report) {
    let (statics, compute) = (promises.first(TargetKind::Static), promises.first(TargetKind::Compute));
    let Some(image) = promises.first(TargetKind::Image) else { return };
    if promises.unclear || compute.is_some() {
        return;
    }
    if statics.is_some() {
        let help = "add a Compute route and its server: image optimization needs one";
        report.error(Rule::ImageNeedsCompute, image, "there is an ImageOptimization route but no Compute route", help);
    } else if let Some(routes) = members.optional("routes") {
        let message = "there is neither a Static nor a Compute route";
        report.error(
            Rule::StaticOrComputeRoute,
            &routes.anchor,
            message,
            "target one of them, at least in the catch-all",
        );
    }
}

fn compute_has_its_route(resources: &Resources, promises: &Promises, report: &mut Report) {
    match (promises.first(TargetKind::Compute), &resources.first) {
        (Some(target), None) => {
            let message = "a route targets Compute but there is no compute resource";
            let help = format!(
                "add `\"computeResources\": [{{\"name\": \"{COMPUTE_NAME}\", \"runtime\": \"nodejs20.x\", \"entrypoint\": \"server.js\"}}]`"
            );
            report.error(Rule::ComputeResourceMissing, target, message, help);
        }
        (None, Some(resource)) if !promises.unclear => {
            let help =
                "add a route with the target `{\"kind\": \"Compute\", \"src\": \"default\"}`, or remove the resource";
            report.error(Rule::ComputeResourceUnused, resource, "no route targets this compute resource", help);
        }
        _ => {}
    }
}

fn images_have_their_settings(members: &Members<'_>, promises: &Promises, report: &mut Report) {
    match (promises.first(TargetKind::Image), members.optional("imageSettings")) {
        (Some(target), None) => {
            let message = "a route targets ImageOptimization but there are no `imageSettings`";
            let help = "add them; until then the default sizes and formats hold, and no remote images";
            report.warning(Rule::ImageSettingsMissing, target, message, help);
        }
        (None, Some(settings)) if !promises.unclear => {
            let message = "there are `imageSettings` but no route targets ImageOptimization";
            let help = "add such a route, or remove the settings: they have no effect";
            report.warning(Rule::ImageSettingsUnused, &settings.anchor, message, help);
        }
        _ => {}
    }
}
