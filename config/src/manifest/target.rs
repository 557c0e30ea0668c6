//! A route's target or fallback.

use http::HeaderValue;

use super::{
    node::{Members, Node},
    promise::Promises,
};
use crate::{Rule, Severity, Target, TargetKind, compute::COMPUTE_NAME, report::Report};

/// A target as far as it could be read: rules between routes need the kind even where the rest is broken.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) kind: Option<TargetKind>,
    pub(super) target: Option<Target>,
}

/// Reads a target.
pub(super) fn read(node: &Node<'_>, promises: &mut Promises, report: &mut Report) -> Reading {
    let members = node.members(&["kind", "src", "cacheControl"], Severity::Warning, report);
    let kind_node = members.as_ref().and_then(|members| members.required("kind", "\"Static\"", report));
    let kind = kind_node.as_ref().and_then(|node| kind(node, report));
    let (Some(members), Some(kind_node), Some(kind)) = (members, kind_node, kind) else {
        promises.unclear = true;
        return Reading::default();
    };
    promises.target(kind, &kind_node.anchor);
    let src_fits = src(kind, &members, report);
    let target = cache_control(kind, &members, report).filter(|_| src_fits).map(|cache_control| match kind {
        TargetKind::Static => Target::Static { cache_control },
        TargetKind::Compute => Target::Compute,
        TargetKind::Image => Target::Image { cache_control },
    });
    Reading { kind: Some(kind), target }
}

fn kind(node: &Node<'_>, report: &mut Report) -> Option<TargetKind> {
    let text = node.string(report)?;
    let kinds = [TargetKind::Static, TargetKind::Compute, TargetKind::Image];
    let kind = kinds.into_iter().find(|kind| kind.as_str() == text);
    if kind.is_none() {
        let help = match kinds.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text)) {
            Some(near) => format!("write `{}`: case matters", near.as_str()),
            None => "use `Static`, `Compute` or `ImageOptimization`".to_owned(),
        };
        report.error(Rule::TargetKind, &node.anchor, format!("there is no target kind `{text}`"), help);
    }
    kind
}

/// Whether `src` is what this kind of target needs: `default` for Compute, nothing for the others.
fn src(kind: TargetKind, members: &Members<'_>, report: &mut Report) -> bool {
    match (kind, members.optional("src")) {
        (TargetKind::Compute, None) => {
            let help = format!("add `\"src\": \"{COMPUTE_NAME}\"`");
            report.error(Rule::SrcRequired, members.anchor(), "a Compute target needs a `src`", help);
            false
        }
        (TargetKind::Compute, Some(node)) => {
            let Some(name) = node.string(report) else { return false };
            if name != COMPUTE_NAME {
                let message = format!("there is no compute resource `{name}` to point to");
                let help = format!("write `{COMPUTE_NAME}`, the only name in version 1 of the specification");
                report.error(Rule::SrcUnknown, &node.anchor, message, help);
            }
            name == COMPUTE_NAME
        }
        (TargetKind::Static | TargetKind::Image, Some(node)) => {
            let message = format!("{} targets have no `src`", kind.as_str());
            report.error(Rule::SrcOnlyCompute, &node.anchor, message, "remove it: only Compute targets name one");
            false
        }
        (TargetKind::Static | TargetKind::Image, None) => true,
    }
}

/// The `cacheControl`, where there is one; `None` when it is wrong.
fn cache_control(kind: TargetKind, members: &Members<'_>, report: &mut Report) -> Option<Option<HeaderValue>> {
    let Some(node) = members.optional("cacheControl") else { return Some(None) };
    if kind == TargetKind::Compute {
        let help = "remove it and let the server send its own Cache-Control";
        report.error(Rule::CacheControlOnCompute, &node.anchor, "Compute targets have no `cacheControl`", help);
        return None;
    }
    let text = node.string(report)?.trim();
    match HeaderValue::from_str(text) {
        Ok(value) if !text.is_empty() => Some(Some(value)),
        _ => {
            let message = format!("`cacheControl` {text:?} cannot be sent as a header field");
            let help = "write directives in printable ASCII, such as `public, max-age=3600`, or leave the key out";
            report.error(Rule::CacheControlValue, &node.anchor, message, help);
            None
        }
    }
}
