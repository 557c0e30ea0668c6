//! Hot: which route takes a request. The one list of steps that serving and `explain` share.

use edgeplane_config::{Prerendered, Route, StaticSettings, Target};
use http::HeaderValue;

use crate::{
    answer::Head,
    assets::{self, Lookup, Pack, Policy},
    route::{self, Routes},
};

/// What was decided about a request.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'d> {
    /// The route's place in the manifest, from 0.
    pub index: usize,
    /// The route.
    pub route: &'d Route,
}

impl<'d> Decision<'d> {
    /// Whom to ask when the target says 404. The specification gives fallbacks to GET requests only; a HEAD must
    /// answer as its GET would (RFC 9110 9.3.2), so it has them too.
    pub fn fallback_for(&self, head: &Head<'_>) -> Option<&'d Target> {
        self.route.fallback.as_ref().filter(|_| head.is_read())
    }
}

/// Finds the route, where `automaton` was compiled from `routes`. `path` is the decoded path, as [`route::decode`] gives it.
///
/// None only where the manifest's last route is no catch-all, which a checked manifest cannot have.
pub fn decide<'d>(automaton: &Routes, routes: &'d [Route], path: &[u8]) -> Option<Decision<'d>> {
    let index = automaton.find(path)?;
    routes.get(index).map(|route| Decision { index, route })
}

/// How files answer a target: those of a Static one, and where the settings say that prerendered pages go first, the
/// pages of Compute. `default` is the `Cache-Control` where the route gives none.
pub fn files<'a>(
    target: &'a Target,
    head: &Head<'_>,
    settings: &StaticSettings,
    default: &'a HeaderValue,
) -> Option<Policy<'a>> {
    match target {
        Target::Static { cache_control } => Some(Policy::new(settings, cache_control.as_ref().unwrap_or(default))),
        Target::Compute if settings.prerendered == Prerendered::First && head.is_read() => {
            Some(Policy::new(settings, default).by(Lookup::PAGES))
        }
        Target::Compute | Target::Image { .. } => None,
    }
}

/// Whether a prerendered page answers where Compute says 404.
pub fn has_page(target: &Target, pack: &Pack, path: &[u8], head: &Head<'_>, settings: &StaticSettings) -> bool {
    *target == Target::Compute && settings.prerendered == Prerendered::Fallback && assets::has_page(pack, path, head)
}

/// The path patterns are matched against: percent-decoded once, into `scratch` where that is needed.
pub fn matched_path<'a>(head: &'a Head<'_>, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    route::decode(head.path, scratch)
}
