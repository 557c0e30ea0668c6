//! What lives how long: a deployment never changes, a site outlives its deployments, the app holds the sites.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use arc_swap::{ArcSwap, Guard};
use edgeplane_config::Route;

use crate::{
    assets::Pack,
    compute::Fleet,
    headers::{Headers, Overlay},
    image::Rules,
    rewrite::CustomRules,
    route::Routes,
};

/// One bundle, activated. Immutable but for its pack, which a better compressed one may replace.
#[derive(Debug)]
pub struct Deployment {
    /// Names the bundle's content; part of cache keys.
    pub id: String,
    /// Rewrites and redirects, where there are any; they come before the routes.
    pub custom_rules: Option<CustomRules>,
    /// The manifest's routes, in order.
    pub routes: Vec<Route>,
    /// Their patterns as one automaton; finds an index into `routes`.
    pub automaton: Routes,
    /// The static assets.
    pub pack: ArcSwap<Pack>,
    /// The Node processes or upstreams; none in an all-Static bundle.
    pub compute: Option<Arc<Fleet>>,
    /// What image routes may do, where there is one.
    pub image_rules: Option<Arc<Rules>>,
    /// The custom headers, where there are any.
    pub headers: Option<Headers>,
    /// Whether every target is Static: what is missing is answered by a page of the bundle then.
    pub is_static: bool,
}

impl Deployment {
    /// The custom headers for a decoded path.
    pub fn overlay(&self, path: &[u8]) -> Option<Cow<'_, Overlay>> {
        self.headers.as_ref()?.find(path)
    }
}

/// One application: what outlives a deployment.
#[derive(Debug)]
pub struct Site {
    /// For logs, metrics and cache keys.
    pub name: String,
    current: ArcSwap<Deployment>,
}

impl Site {
    /// A site that starts with `deployment`.
    pub fn new(name: &str, deployment: Arc<Deployment>) -> Self {
        Self { name: name.to_owned(), current: ArcSwap::new(deployment) }
    }

    /// The deployment that answers now. A request keeps the one it began with.
    ///
    /// This touches no counter that other threads touch; whoever keeps the deployment for longer clones the `Arc`.
    pub fn current(&self) -> Guard<Arc<Deployment>> {
        self.current.load()
    }
}

/// Which host names belong to which site.
#[derive(Debug)]
pub struct Sites {
    hosts: BTreeMap<String, Arc<Site>>,
    any: Arc<Site>,
}

impl Sites {
    /// One site for every host.
    pub fn only(site: Arc<Site>) -> Self {
        Self { hosts: BTreeMap::new(), any: site }
    }

    /// The site of a `Host` field.
    pub fn find(&self, host: &str) -> &Arc<Site> {
        self.hosts.get(host).unwrap_or(&self.any)
    }
}
