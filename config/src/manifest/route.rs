//! The manifest's `routes`.

use std::collections::BTreeSet;

use super::{
    node::Node,
    promise::Promises,
    target::{self, Reading},
};
use crate::{PathFault, PathPattern, Route, Rule, Severity, TargetKind, report::Report};

/// Routes a manifest may have.
const ROUTES_MAX: usize = 25;

/// Reads the routes; `None` when there are none or one of them is broken.
pub(super) fn read(node: &Node<'_>, promises: &mut Promises, report: &mut Report) -> Option<Vec<Route>> {
    let elements = node.elements(report)?;
    if elements.is_empty() {
        let help = "add at least the catch-all route, `{\"path\": \"/*\", \"target\": ...}`";
        report.error(Rule::RoutesEmpty, &node.anchor, "there are no routes", help);
        return None;
    }
    if elements.len() > ROUTES_MAX {
        let message = format!("there are {} routes, more than {ROUTES_MAX}", elements.len());
        let help = "merge routes with wildcards, such as `/assets/*` for every file in a folder";
        report.error(Rule::RoutesTooMany, &node.anchor, message, help);
    }
    let mut seen = BTreeSet::new();
    let mut routes = Vec::new();
    for (index, element) in elements.iter().enumerate() {
        let is_last = index + 1 == elements.len();
        routes.extend(route(element, is_last, &mut seen, promises, report));
    }
    (routes.len() == elements.len()).then_some(routes)
}

fn route<'a>(
    node: &Node<'a>,
    is_last: bool,
    seen: &mut BTreeSet<&'a str>,
    promises: &mut Promises,
    report: &mut Report,
) -> Option<Route> {
    let Some(members) = node.members(&["path", "target", "fallback"], Severity::Warning, report) else {
        promises.unclear = true;
        return None;
    };
    let path_node = members.required("path", "\"/*\"", report);
    let path = path_node.as_ref().and_then(|node| path(node, is_last, seen, report));
    let target = members.required("target", "{\"kind\": \"Static\"}", report);
    let Reading { kind, target } = target.map(|node| target::read(&node, promises, report)).unwrap_or_default();
    promises.unclear |= kind.is_none();
    let Some(node) = members.optional("fallback") else {
        if let (Some(node), Some(path), Some(TargetKind::Static)) = (path_node, &path, kind) {
            promises.static_only.push((node.anchor, path.clone()));
        }
        return Some(Route { path: path?, target: target?, fallback: None });
    };
    let fallback = target::read(&node, promises, report);
    if let Some(kind) = kind.filter(|_| kind == fallback.kind) {
        let message = format!("a route cannot fall back from {0} to {0}", kind.as_str());
        report.error(Rule::FallbackSameKind, &node.anchor, message, "name another kind, or remove the fallback");
        return None;
    }
    Some(Route { path: path?, target: target?, fallback: Some(fallback.target?) })
}

fn path<'a>(node: &Node<'a>, is_last: bool, seen: &mut BTreeSet<&'a str>, report: &mut Report) -> Option<PathPattern> {
    let text = node.string(report)?;
    let pattern = PathPattern::parse(text);
    for fault in pattern.as_ref().err().into_iter().flatten() {
        let (rule, help) = match fault {
            PathFault::Start => (Rule::PathStart, format!("write `/{text}`")),
            PathFault::Length(_) => (Rule::PathLength, "shorten it with the wildcard `*`".to_owned()),
            PathFault::Alphabet(_) => {
                (Rule::PathAlphabet, "use A-Z a-z 0-9 _ - . * $ / ~ \" ' @ : + only, or the wildcard `*`".to_owned())
            }
        };
        report.error(rule, &node.anchor, format!("the path `{text}` {fault}"), help);
    }
    if text.contains(' ') {
        let help = "write `*` in its place: other hosts may read the specification's list without the space";
        report.warning(Rule::PathSpace, &node.anchor, format!("the path `{text}` contains a space"), help);
    }
    if is_last && text != "/*" {
        let message = format!("the last route is `{text}`, not the catch-all `/*`");
        report.error(Rule::CatchAllLast, &node.anchor, message, "add a route with the path `/*` at the end");
    } else if let Some(earlier) = ["/*", text].into_iter().find(|path| seen.contains(path)) {
        let message = format!("the route `{text}` is never reached: `{earlier}` before it takes its paths");
        report.warning(Rule::RouteUnreachable, &node.anchor, message, "move it up, or remove it");
    }
    seen.insert(text);
    pattern.ok()
}
