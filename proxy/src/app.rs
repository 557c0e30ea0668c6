//! The composition root: settings and a bundle become an immutable [`App`]. The only module that knows all others.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::SystemTime,
};

use arc_swap::ArcSwap;
use edgeplane_config::{CustomRule, HeaderRule, Manifest, Settings, Target, TargetKind};
use http::HeaderValue;
use tokio::sync::watch;

use crate::{
    access::{Access, DrawKey},
    assets::Pack,
    coding::Compression,
    compute::Fleet,
    edge_cache::EdgeCache,
    headers::{CompileError as HeaderError, Headers},
    image::{Images, Origin, Rules, StartImages},
    origin::LocalOrigin,
    redirect::Redirects,
    rewrite::{CompileRules, CustomRules},
    route::{CompileError, Routes},
    service::peer::Bounds,
    site::{Deployment, Line, Site, Sites, is_id},
    telemetry::Telemetry,
};

/// What the site of the command line is called.
pub(crate) const DEFAULT_SITE: &str = "default";

/// A page belongs to its deployment for as long as somebody reads it, and no longer than a day; sites that link here open
/// the deployment that is current.
const COOKIE_TERMS: &str = "Path=/; SameSite=Lax; Max-Age=86400";

/// Everything a request may need. Shared, and never changed.
pub struct App {
    pub(crate) settings: Arc<Settings>,
    pub(crate) sites: Sites,
    pub(crate) telemetry: Telemetry,
    pub(crate) images: Images,
    /// Answers of Compute that are kept, where the settings want that.
    pub(crate) edge_cache: Option<Arc<EdgeCache>>,
    /// Who may ask, where not everybody may.
    pub(crate) access: Option<Access>,
    /// Compresses answers of Compute.
    pub(crate) compression: Arc<Compression>,
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
    /// Passwords cannot be asked for.
    #[error("failed to set up access")]
    Access(#[from] DrawKey),
}

/// The parts of a deployment, each started already.
#[derive(Debug)]
pub struct Parts {
    /// Its name; none: one that no other has.
    pub id: Option<String>,
    /// What the framework asked for.
    pub manifest: Manifest,
    /// Rewrites and redirects, in their order.
    pub custom_rules: Vec<CustomRule>,
    /// The static assets.
    pub pack: Pack,
    /// Node or the upstreams.
    pub compute: Option<Arc<Fleet>>,
    /// The custom headers, in their order.
    pub custom_headers: Vec<HeaderRule>,
    /// Host names that are this deployment, in lower case.
    pub public_host: Vec<String>,
}

impl App {
    /// An app of one deployment, which keeps nothing on disk.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(settings: Arc<Settings>, parts: Parts, telemetry: Telemetry) -> Result<Self, BuildError> {
        let deployment = activate(&settings, parts)?;
        let site = Site::new(DEFAULT_SITE, Line::new(Arc::new(deployment), Vec::new()));
        Self::of_sites(settings, Sites::only(Arc::new(site)), telemetry, None)
    }

    /// An app of all its sites. Pictures and pages are kept below `state_dir`; none: in memory only.
    pub(crate) fn of_sites(
        settings: Arc<Settings>,
        sites: Sites,
        telemetry: Telemetry,
        state_dir: Option<&Path>,
    ) -> Result<Self, BuildError> {
        let folder = |name: &str| state_dir.map(|dir| dir.join(name));
        let images = Images::start(&settings.image, folder("images").as_deref())?;
        let edge_cache = EdgeCache::start(&settings.edge_cache, folder("pages").as_deref());
        let access = Access::of(&settings.access)?;
        Ok(Self {
            bounds: Arc::new(Bounds::new(&settings)),
            sites,
            telemetry,
            images,
            edge_cache,
            access,
            compression: Arc::new(Compression::new(&settings.compression)),
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
    let Parts { id, manifest, custom_rules, pack, compute, custom_headers, public_host } = parts;
    let targets = || manifest.routes.iter().flat_map(|route| [Some(&route.target), route.fallback.as_ref()]).flatten();
    let wants_images = targets().any(|target| matches!(target, Target::Image { .. }));
    let is_static = targets().all(|target| target.kind() == TargetKind::Static);
    let image_rules = manifest
        .images
        .filter(|_| wants_images)
        .map(|images| Arc::new(Rules::new(&images, &settings.image, &public_host)));
    let activation = activation();
    let id = id.unwrap_or_else(|| activation.clone());
    let cookie = Some(&id).filter(|id| settings.skew.enabled && settings.skew.cookie && is_id(id));
    let cookie = cookie.and_then(|id| format!("__dpl={id}; {COOKIE_TERMS}").parse().ok());
    Ok(Deployment {
        id,
        activation,
        cookie,
        custom_rules: CustomRules::compile(&custom_rules, &settings.rewrite)?,
        automaton: Routes::compile(manifest.routes.iter().map(|route| route.path.as_str()))?,
        routes: manifest.routes,
        pack: ArcSwap::from_pointee(pack),
        compute,
        image_rules,
        headers: Headers::compile(custom_headers)?,
        is_static,
        held: watch::Sender::new(()),
    })
}

/// Names this activation: what Compute answered before it may differ from what it answers after it, even where the
/// bundle is the same.
fn activation() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}-{:x}", now.as_nanos(), std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
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
