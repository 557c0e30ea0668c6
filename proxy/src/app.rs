//! The composition root: settings and a bundle become an immutable [`App`]. The only module that knows all others.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use arc_swap::ArcSwap;
use edgeplane_config::{CustomRule, HeaderRule, Manifest, Settings, Target, TargetKind};
use http::HeaderValue;
use tokio::sync::watch;

use crate::{
    assets::Pack,
    compute::Fleet,
    edge_cache::EdgeCache,
    headers::{CompileError as HeaderError, Headers},
    image::{Images, Origin, Rules, StartImages},
    origin::LocalOrigin,
    redirect::Redirects,
    rewrite::{CompileRules, CustomRules},
    route::{CompileError, Routes},
    service::peer::Bounds,
    site::{Deployment, Site, Sites},
    telemetry::Telemetry,
};

/// Everything a request may need. Shared, and never changed.
pub struct App {
    pub(crate) settings: Arc<Settings>,
    pub(crate) sites: Sites,
    pub(crate) telemetry: Telemetry,
    pub(crate) images: Images,
    /// Answers of Compute that are kept, where the settings want that.
    pub(crate) edge_cache: Option<Arc<EdgeCache>>,
    pub(crate) bounds: Arc<Bounds>,
    /// Requests that are sent to another scheme or host, where the settings want that.
    pub(crate) redirects: Option<Redirects>,
    /// `Cache-Control` of static answers whose route gives none.
    pub(crate) default_cache_control: HeaderValue,
    /// Tells the engine that a connection may be kept...
    pub(crate) keeping: watch::Receiver<bool>,
    /// ...or that it may not.
    pub(crate) closing: watch::Receiver<bool>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("sites", &self.sites).finish_non_exhaustive()
    }
}

/// Why an app could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The routes do not compile.
    #[error("failed to compile the routes")]
    Routes(#[from] CompileError),
    /// The custom headers do not compile.
    #[error("failed to compile the custom headers")]
    Headers(#[from] HeaderError),
    /// The custom rules do not compile.
    #[error("failed to compile the custom rules")]
    Rules(#[from] CompileRules),
    /// The image optimizer cannot start.
    #[error("failed to start the image optimizer")]
    Images(#[from] StartImages),
}

/// The parts of a deployment, each started already.
#[derive(Debug)]
pub struct Parts {
    /// What the framework asked for.
    pub manifest: Manifest,
    /// Rewrites and redirects, in their order.
    pub custom_rules: Vec<CustomRule>,
    /// The static assets.
    pub pack: Pack,
    /// Node or the upstreams.
    pub compute: Option<Arc<Fleet>>,
    /// The folder for optimized images; none: they are kept in memory only.
    pub images: Option<PathBuf>,
    /// The custom headers, in their order.
    pub custom_headers: Vec<HeaderRule>,
    /// The folder for pages that are kept; none: they are kept in memory only.
    pub pages: Option<PathBuf>,
}

impl App {
    /// Puts the app together.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(settings: Arc<Settings>, parts: Parts, telemetry: Telemetry) -> Result<Self, BuildError> {
        let images = Images::start(&settings.image, parts.images.as_deref())?;
        let edge_cache = EdgeCache::start(&settings.edge_cache, parts.pages.as_deref());
        let deployment = activate(&settings, parts)?;
        let site = Arc::new(Site::new("default", Arc::new(deployment)));
        Ok(Self {
            bounds: Arc::new(Bounds::new(&settings)),
            sites: Sites::only(site),
            telemetry,
            images,
            edge_cache,
            redirects: Redirects::new(&settings.redirect),
            default_cache_control: default_cache_control(&settings),
            keeping: watch::channel(false).1,
            closing: watch::channel(true).1,
            settings,
        })
    }

    /// The value of `Strict-Transport-Security` for answers over this scheme.
    pub(crate) fn hsts(&self, scheme: &str) -> Option<&str> {
        // Over http anybody could have written it (RFC 6797 7.2).
        self.settings.tls.hsts.as_deref().filter(|_| scheme == "https")
    }

    /// What the image primitive may ask of the deployment.
    pub(crate) fn origin(&self, site: &Site, deployment: &Arc<Deployment>) -> Arc<dyn Origin> {
        Arc::new(LocalOrigin::new(&site.name, Arc::clone(deployment), Arc::clone(&self.settings)))
    }
}

/// Makes a deployment of its parts.
pub(crate) fn activate(settings: &Settings, parts: Parts) -> Result<Deployment, BuildError> {
    let Parts { manifest, custom_rules, pack, compute, images: _, pages: _, custom_headers } = parts;
    let targets = || manifest.routes.iter().flat_map(|route| [Some(&route.target), route.fallback.as_ref()]).flatten();
    let wants_images = targets().any(|target| matches!(target, Target::Image { .. }));
    let is_static = targets().all(|target| target.kind() == TargetKind::Static);
    let image_rules = manifest
        .images
        .filter(|_| wants_images)
        .map(|images| Arc::new(Rules::new(&images, &settings.image, &settings.public_host)));
    Ok(Deployment {
        id: deployment_id(),
        custom_rules: CustomRules::compile(&custom_rules, &settings.rewrite)?,
        automaton: Routes::compile(manifest.routes.iter().map(|route| route.path.as_str()))?,
        routes: manifest.routes,
        pack: ArcSwap::from_pointee(pack),
        compute,
        image_rules,
        headers: Headers::compile(custom_headers)?,
        is_static,
    })
}

/// Names this activation: what Compute answered before it may differ from what it answers after it.
fn deployment_id() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", now.as_nanos(), std::process::id())
}

/// `Cache-Control` of static answers whose route gives none.
pub(crate) fn default_cache_control(settings: &Settings) -> HeaderValue {
    // The settings let only header values pass; should one not be, revalidating always is never wrong.
    HeaderValue::from_str(&settings.assets.cache_control).unwrap_or(HeaderValue::from_static("no-cache"))
}

/// Where packs lie in the state directory.
pub(crate) fn packs_dir(state_dir: &Path) -> PathBuf {
    state_dir.join("packs")
}
