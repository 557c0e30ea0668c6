//! What lives how long: a deployment never changes, a site outlives its deployments, the app holds the sites.

mod hosts;
mod line;
mod skew;

use std::{borrow::Cow, sync::Arc};

use arc_swap::{ArcSwap, Guard};
use edgeplane_config::Route;
use http::HeaderValue;
use tokio::sync::watch;

use hosts::Hosts;
pub use line::Line;
pub use skew::{ID_BYTES_MAX, Source, Wish, is_id, is_page};

use crate::{
    answer::Head,
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
    /// Names it to clients and operators.
    pub id: String,
    /// Names this activation of it; part of cache keys.
    pub activation: String,
    /// The cookie that names it, where pages are to set one.
    pub cookie: Option<HeaderValue>,
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
    /// Closed when the last request is over that holds the deployment.
    pub(crate) held: watch::Sender<()>,
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
    line: ArcSwap<Line>,
}

impl Site {
    /// A site with its deployments.
    pub fn new(name: &str, line: Line) -> Self {
        Self { name: name.to_owned(), line: ArcSwap::from_pointee(line) }
    }

    /// The deployments that answer now. A request keeps those it began with.
    ///
    /// This touches no counter that other threads touch; whoever keeps a deployment for longer clones its `Arc`.
    pub fn line(&self) -> Guard<Arc<Line>> {
        self.line.load()
    }

    /// The deployment of a request, which may hold it for as long as it takes: it holds no others with it, as the line does.
    pub(crate) fn choose(&self, head: &Head<'_>) -> Arc<Deployment> {
        Arc::clone(self.line.load().choose(head))
    }

    /// The deployment of requests that ask for none.
    pub(crate) fn current(&self) -> Arc<Deployment> {
        Arc::clone(self.line.load().current())
    }

    /// From now on these deployments answer.
    pub(crate) fn replace(&self, line: Line) {
        self.line.store(Arc::new(line));
    }
}

/// The sites of a node.
#[derive(Debug)]
pub struct Sites {
    all: Vec<Arc<Site>>,
    /// The site of every host that belongs to no other; none: such a request is misdirected.
    any: Option<Arc<Site>>,
    hosts: Hosts<Arc<Site>>,
}

impl Sites {
    /// One site for every host.
    pub fn only(site: Arc<Site>) -> Self {
        Self::new(Some(site), [])
    }

    /// A site for every host, perhaps, and others with the hosts that are theirs.
    pub fn new<'h>(any: Option<Arc<Site>>, named: impl IntoIterator<Item = (Arc<Site>, &'h [String])>) -> Self {
        let (mut all, mut hosts) = (Vec::from_iter(any.clone()), Hosts::default());
        for (site, names) in named {
            for name in names {
                hosts.add(name, Arc::clone(&site));
            }
            all.push(site);
        }
        Self { all, any, hosts }
    }

    /// The site of a `Host` field. Nothing is looked for where there is nothing to choose from.
    pub fn find(&self, host: &str) -> Option<&Arc<Site>> {
        if self.hosts.is_empty() {
            return self.any.as_ref();
        }
        self.hosts.find(host).or(self.any.as_ref())
    }

    /// Every site once, that for all hosts first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.all.iter()
    }

    /// All fleets that there are now, of current and previous deployments.
    pub(crate) fn fleets(&self) -> Vec<Arc<Fleet>> {
        let lines = self.all().map(|site| site.line());
        lines.flat_map(|line| line.all().filter_map(|one| one.compute.clone()).collect::<Vec<_>>()).collect()
    }

    /// Instances that the current deployments have together.
    pub(crate) fn instances(&self) -> usize {
        self.all().filter_map(|site| site.current().compute.as_ref().map(|fleet| fleet.states().len())).sum()
    }
}
