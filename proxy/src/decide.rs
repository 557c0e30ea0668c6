//! Hot: which rule and which route take a request. The one list of steps that serving and `explain` share.

use std::net::SocketAddr;

use edgeplane_config::{Prerendered, Route, Settings, StaticSettings, Target};
use http::HeaderValue;

use crate::{
    answer::Head,
    assets::{self, Lookup, Pack, Policy},
    compute::forwarded::is_trusted,
    redirect::Redirects,
    rewrite::{Asked, List, Taken},
    route::{self, Routes},
    site::Deployment,
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

/// What custom rules say to a request.
#[derive(Clone, Debug, Default)]
pub struct Ruled {
    /// The one that takes it.
    pub taken: Option<Taken>,
    /// Regular expressions that were given up.
    pub given_up: u32,
}

impl Ruled {
    /// Whether there is nothing to do and nothing to tell.
    pub fn is_nothing(&self) -> bool {
        self.taken.is_none() && self.given_up == 0
    }
}

/// The custom rule of that list which takes a request. `path` is the decoded path.
///
/// Nobody may be sent elsewhere by a page for what is not found but who reads: a form that is sent is not repeated.
pub fn rule(deployment: &Deployment, list: List, head: &Head<'_>, path: &[u8], country: Option<&str>) -> Ruled {
    let Some(rules) = &deployment.custom_rules else { return Ruled::default() };
    // `OPTIONS *` is about the server, not about an address.
    if !path.starts_with(b"/") || (list == List::Last && !head.is_read()) {
        return Ruled::default();
    }
    let asked = Asked::of(head, path, country);
    let taken = rules.find(list, &asked, &|| is_image(deployment, path));
    Ruled { taken, given_up: asked.given_up.get() }
}

/// Where a request that came over `scheme` is sent before anything else is asked.
pub fn redirect(redirects: Option<&Redirects>, head: &Head<'_>, scheme: &str) -> Option<HeaderValue> {
    redirects?.find(head, scheme)
}

/// Whether an image route takes the path.
pub fn is_image(deployment: &Deployment, path: &[u8]) -> bool {
    let decision = decide(&deployment.automaton, &deployment.routes, path);
    decision.is_some_and(|decision| matches!(decision.route.target, Target::Image { .. }))
}

/// The client's country, where a rule asks for it and the peer is trusted to name it.
pub fn country<'h>(deployment: &Deployment, settings: &Settings, peer: SocketAddr, head: &Head<'h>) -> Option<&'h str> {
    let asks = deployment.custom_rules.as_ref().is_some_and(|rules| rules.reads_country());
    let name = settings.rewrite.country_header.as_deref().filter(|_| asks)?;
    is_trusted(peer.ip(), &settings.trusted_proxies).then(|| head.field(name)).flatten()
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
