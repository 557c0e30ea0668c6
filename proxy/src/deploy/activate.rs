//! From a bundle to a deployment that can answer: packed, compiled, and Node ready. Cold.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    sync::Arc,
};

use edgeplane_config::{Problems, Settings, SiteSettings};
use tokio::task::spawn_blocking;

use super::{Served, content::CopyError, store::StoreError};
use crate::{
    app::{self, BuildError, DEFAULT_SITE, Parts},
    assets::{self, Pack, PrepareError},
    compute::{
        Fleet, Plan, StartError,
        environment::{self, EnvFileError, Environment},
    },
    site::{Deployment, is_id},
};

/// The variable that tells Node the name of its deployment.
pub(crate) const ID_VARIABLE: &str = "AWS_AMPLIFY_DEPLOYMENT_ID";

/// Why a bundle does not become a deployment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActivateError {
    #[error(transparent)]
    Bundle(#[from] Problems),
    #[error("cannot copy the bundle")]
    Copy(#[from] CopyError),
    #[error("cannot keep the bundle")]
    Store(#[from] StoreError),
    #[error("cannot pack the static files")]
    Pack(#[from] PrepareError),
    #[error("cannot start Node")]
    Environment(#[from] EnvFileError),
    #[error("cannot start Node")]
    Node(#[from] StartError),
    #[error("cannot put the deployment together")]
    Build(#[from] BuildError),
    #[error("a thread broke down")]
    Thread(#[from] tokio::task::JoinError),
}

/// When Node is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At once: the deployment is there when it answers.
    Now,
    /// By the first request.
    Asked,
}

/// Where the pack of the static files comes from.
#[derive(Clone, Debug)]
pub(crate) enum Packs {
    /// This file, made ahead of time.
    Ready(PathBuf),
    /// This folder, where it is made unless it is there.
    Folder(PathBuf),
}

/// What one deployment is to be.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Its name; none: one that no other has, and that Node is not told.
    pub(crate) id: Option<String>,
    pub(crate) packs: Packs,
    pub(crate) start: Start,
    /// What its instances are called.
    pub(crate) fleet: String,
}

/// What all activations share.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) settings: Arc<Settings>,
    /// What we were started with.
    environment: Vec<(OsString, OsString)>,
    run_dir: PathBuf,
}

impl Stage {
    pub(crate) fn new(settings: Arc<Settings>, environment: Vec<(OsString, OsString)>, state_dir: &Path) -> Self {
        Self { settings, environment, run_dir: state_dir.join("run") }
    }

    /// The name that the environment gives the deployment of a site.
    ///
    /// # Errors
    /// When the site's variables cannot be read.
    pub(crate) fn named(&self, site: &SiteSettings) -> Result<Option<String>, EnvFileError> {
        let environment = self.environment(site)?;
        let named = environment.get(OsStr::new(ID_VARIABLE)).and_then(|id| id.to_str()).map(str::trim);
        let Some(id) = named.filter(|id| !id.is_empty()) else { return Ok(None) };
        if !is_id(id) {
            tracing::warn!(id, "{ID_VARIABLE} is no name for a deployment: its content names it");
            return Ok(None);
        }
        Ok(Some(id.to_owned()))
    }

    /// Makes a deployment of what is served.
    ///
    /// # Errors
    /// When a part of it cannot be made. Nothing is left of the others.
    pub(crate) async fn activate(
        &self,
        site: &SiteSettings,
        served: Served,
        wanted: Wanted,
    ) -> Result<Deployment, ActivateError> {
        let (id, packs) = (wanted.id.clone(), wanted.packs.clone());
        let static_dir = served.bundle.as_ref().and_then(|bundle| bundle.static_dir.clone());
        let settings = Arc::clone(&self.settings);
        let packed = spawn_blocking(move || match packs {
            Packs::Ready(path) => Pack::open(&path).map_err(PrepareError::from),
            Packs::Folder(folder) => assets::prepare(static_dir.as_deref(), &folder, &settings.assets),
        });
        let pack = packed.await??;
        let compute = self.compute(site, &served, wanted).await?;
        let Served { manifest, custom_headers, custom_rules, .. } = served;
        let public_host = site.public_host.clone();
        let parts = Parts { id, manifest, custom_rules, pack, compute: compute.clone(), custom_headers, public_host };
        match app::activate(&self.settings, parts) {
            Ok(deployment) => Ok(deployment),
            Err(error) => {
                if let Some(fleet) = compute {
                    fleet.stop().await;
                }
                Err(error.into())
            }
        }
    }

    async fn compute(
        &self,
        site: &SiteSettings,
        served: &Served,
        wanted: Wanted,
    ) -> Result<Option<Arc<Fleet>>, ActivateError> {
        if !site.upstream.is_empty() {
            let name = match site.name.as_str() {
                DEFAULT_SITE => "upstream".to_owned(),
                name => format!("{name}-upstream"),
            };
            return Ok(Some(Arc::new(Fleet::upstreams_named(&name, site.upstream.iter().cloned()))));
        }
        let Some(folder) = served.bundle.as_ref().and_then(|bundle| bundle.compute.clone()) else { return Ok(None) };
        let mut environment = self.environment(site)?;
        if let Some(id) = wanted.id {
            environment.insert(ID_VARIABLE.into(), id.into());
        }
        let settings = &self.settings;
        let mut plan =
            Plan::new(folder, settings.compute.clone(), settings.instances, environment, self.run_dir.clone());
        plan.name = wanted.fleet;
        let fleet = match wanted.start {
            Start::Now => Fleet::start(plan).await?,
            Start::Asked => Fleet::asleep(plan).await?,
        };
        Ok(Some(Arc::new(fleet)))
    }

    fn environment(&self, site: &SiteSettings) -> Result<Environment, EnvFileError> {
        let variables = site.env_file.as_deref().map(environment::read).transpose()?.unwrap_or_default();
        Ok(environment::of_app(self.environment.clone(), variables))
    }
}
