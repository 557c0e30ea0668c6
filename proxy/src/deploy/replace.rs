//! One deployment takes the place of another: all of it, or nothing. Cold.
//!
//! Whatever fails before the swap leaves the running deployment as it was, and nothing of the new one. Whoever was answered
//! by the old one before the swap is answered by it to the end.

use std::{path::Path, sync::Arc};

use edgeplane_config::DeploySettings;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    sync::MutexGuard,
    task::spawn_blocking,
    time::{Duration, timeout},
};

use super::{
    Berth, Served, Steward,
    activate::{ActivateError, Start},
    archive::ArchiveError,
    berth, content,
    store::{Entry, Journal, StoreError},
};
use crate::site::{Deployment, Line, is_id};

/// Why the running deployment stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplaceError {
    #[error("there is no site `{0}`")]
    NoSite(String),
    #[error("another deploy of the site `{0}` is under way")]
    Busy(String),
    #[error("`{0}` is no name for a deployment: write at most 128 letters, digits, `-`, `_` and `.`")]
    Name(String),
    #[error("another bundle is deployed as `{0}` already")]
    Taken(String),
    #[error("no deployment `{0}` is kept")]
    NotKept(String),
    #[error("no previous deployment is kept")]
    NoneKept,
    #[error("Node of the deployment `{0}` does not answer")]
    Silent(String),
    #[error("the bundle did not arrive")]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Activate(#[from] ActivateError),
}

impl From<StoreError> for ReplaceError {
    fn from(error: StoreError) -> Self {
        Self::Activate(error.into())
    }
}

/// Leave to change the deployments of a site, for one at a time.
#[derive(Debug)]
pub(crate) struct Change<'b> {
    pub(super) berth: &'b Berth,
    _alone: MutexGuard<'b, ()>,
}

/// What answers now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replaced {
    pub(crate) id: String,
    /// It did before.
    pub(crate) unchanged: bool,
}

impl Steward {
    /// Leave to change a site; none named: the one of the command line.
    ///
    /// # Errors
    /// When there is no such site, or somebody else changes it now.
    pub(crate) fn change(&self, site: Option<&str>) -> Result<Change<'_>, ReplaceError> {
        let berth = match site {
            None => self.berths.first(),
            Some(name) => self.berths.iter().find(|berth| berth.terms.name == name),
        };
        let berth = berth.ok_or_else(|| ReplaceError::NoSite(site.unwrap_or_default().to_owned()))?;
        let alone = berth.changing.try_lock().map_err(|_| ReplaceError::Busy(berth.terms.name.clone()))?;
        Ok(Change { berth, _alone: alone })
    }

    /// A place for a bundle that is to be deployed.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn draft(&self, change: &Change<'_>) -> Result<TempDir, ReplaceError> {
        Ok(change.berth.store.draft()?)
    }

    /// What a bundle may be.
    pub(crate) fn bounds(&self) -> DeploySettings {
        self.settings().deploy.clone()
    }

    /// Makes the bundle in `root`, a folder of the store, the current deployment.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub(crate) async fn deploy(
        &self,
        change: &Change<'_>,
        root: &Path,
        id: Option<String>,
    ) -> Result<Replaced, ReplaceError> {
        let berth = change.berth;
        // What cannot be served is not even kept.
        let sidecar = !berth.terms.upstream.is_empty();
        let bundle = Served::open(root, self.settings(), sidecar).map_err(ActivateError::from)?.bundle;
        let root = bundle.map_or_else(|| root.to_owned(), |bundle| bundle.root);
        let content = berth::survey(&self.stage, &root).await?;
        let id = id.unwrap_or_else(|| content.hash.clone());
        if !is_id(&id) {
            return Err(ReplaceError::Name(id));
        }
        let journal = berth.store.journal();
        if let Some(known) = journal.find(&id) {
            // The same once more: what is there answers.
            return match known.content == content.hash {
                true => self.turn_to(berth, journal.clone(), known.clone()).await,
                false => Err(ReplaceError::Taken(id)),
            };
        }
        if berth.site.line().find(&id).is_some() {
            return Err(ReplaceError::Taken(id));
        }
        berth.store.settle(&root, &id)?;
        let entry = Entry::new(&id, &content.hash);
        let done = self.activate_and_swap(berth, journal, entry).await;
        if done.is_err() {
            berth.store.forget(&id);
        }
        done
    }

    /// Deploys what lies in the folders now that serving was started with. What cannot be is told of, and nothing changes.
    pub(crate) async fn reload(&self) {
        for berth in &self.berths {
            let (Some(folder), site) = (&berth.folder, berth.terms.name.as_str()) else { continue };
            match self.reload_one(berth, folder).await {
                Ok(Replaced { id, unchanged: true }) => tracing::info!(site, id, "the bundle is the one that answers"),
                // What answers now is told by the swap.
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(site, error = &error as &dyn std::error::Error, "the running deployment stays");
                }
            }
        }
    }

    async fn reload_one(&self, berth: &Berth, folder: &Path) -> Result<Replaced, ReplaceError> {
        let change = self.change(Some(&berth.terms.name))?;
        // What was deployed, or gone back to, since the folder last changed is newer than the folder, as after a restart.
        let known = berth.store.journal().folder;
        if known.is_some() && known == berth.mark_of(&self.stage, folder).await {
            return Ok(Replaced { id: berth.site.current().id.clone(), unchanged: true });
        }
        let draft = self.draft(&change)?;
        let (from, to, bounds) = (folder.to_owned(), draft.path().join("bundle"), self.bounds());
        let root = to.clone();
        let copied = spawn_blocking(move || content::copy(&from, &to, &bounds)).await.map_err(ActivateError::from)?;
        copied.map_err(ActivateError::from)?;
        self.deploy(&change, &root, None).await
    }

    /// Makes a deployment that is kept the current one: the one before, where none is named.
    ///
    /// # Errors
    /// When there is none, or it cannot answer any more.
    pub(crate) async fn roll_back(&self, change: &Change<'_>, to: Option<&str>) -> Result<Replaced, ReplaceError> {
        let berth = change.berth;
        let (journal, current) = (berth.store.journal(), berth.site.current());
        let entry = match to {
            Some(id) => journal.find(id).ok_or_else(|| ReplaceError::NotKept(id.to_owned()))?,
            None => journal.entries.iter().find(|entry| entry.id != current.id).ok_or(ReplaceError::NoneKept)?,
        };
        self.turn_to(berth, journal.clone(), entry.clone()).await
    }

    /// Makes a deployment that is kept the current one.
    async fn turn_to(&self, berth: &Berth, journal: Journal, entry: Entry) -> Result<Replaced, ReplaceError> {
        if berth.site.current().id == entry.id {
            return Ok(Replaced { id: entry.id, unchanged: true });
        }
        let running = berth.site.line().find(&entry.id).cloned();
        let Some(deployment) = running else { return self.activate_and_swap(berth, journal, entry).await };
        if let Some(fleet) = &deployment.compute {
            let patience: Duration = self.settings().compute.start_timeout;
            let _use = fleet.enter();
            fleet.next(&[], patience).await.ok_or_else(|| ReplaceError::Silent(entry.id.clone()))?;
        }
        self.swap(berth, journal, entry, deployment).await
    }

    async fn activate_and_swap(&self, berth: &Berth, journal: Journal, entry: Entry) -> Result<Replaced, ReplaceError> {
        let deployment = Arc::new(berth.activate(&self.stage, &entry.id, Start::Now).await?);
        self.improve(vec![Arc::downgrade(&deployment)]);
        let fleet = deployment.compute.clone();
        let swapped = self.swap(berth, journal, entry, deployment).await;
        if let (Err(_), Some(fleet)) = (&swapped, fleet) {
            fleet.stop().await;
        }
        swapped
    }

    /// From now on `deployment` answers, and a restart finds it so.
    async fn swap(
        &self,
        berth: &Berth,
        before: Journal,
        entry: Entry,
        deployment: Arc<Deployment>,
    ) -> Result<Replaced, ReplaceError> {
        let (id, skew) = (entry.id.clone(), &self.settings().skew);
        let mark = match &berth.folder {
            // What is deployed is newer than what lies there now.
            Some(folder) => berth.mark_of(&self.stage, folder).await,
            None => None,
        };
        let gone = before.clone();
        let folder = mark.or_else(|| gone.folder.clone());
        let journal = Journal { folder, ..before.with(entry, skew.previous) };
        berth.store.write(&journal)?;
        let old = berth.site.line();
        let kept = |one: &&Arc<Deployment>| skew.enabled && one.id != id && journal.find(&one.id).is_some();
        let previous: Vec<_> = old.all().filter(kept).cloned().collect();
        let leaving: Vec<_> = old.all().filter(|one| one.id != id && !kept(one)).cloned().collect();
        drop(old);
        berth.site.replace(Line::new(deployment, previous));
        tracing::info!(site = berth.terms.name, id, "this deployment answers now");
        let in_use = |id: &str| leaving.iter().any(|one| one.id == id);
        for entry in gone.entries.iter().filter(|entry| journal.find(&entry.id).is_none() && !in_use(&entry.id)) {
            berth.store.forget(&entry.id);
        }
        for deployment in leaving {
            self.retire(berth, deployment);
        }
        Ok(Replaced { id, unchanged: false })
    }

    /// Lets a deployment end its requests, and ends it.
    fn retire(&self, berth: &Berth, deployment: Arc<Deployment>) {
        let (store, drain) = (berth.store.clone(), self.settings().deploy.drain);
        let (id, fleet, mut held) = (deployment.id.clone(), deployment.compute.clone(), deployment.held.subscribe());
        drop(deployment);
        tokio::spawn(async move {
            // Nothing is ever sent: it closes with the last that holds the deployment.
            if timeout(drain, held.changed()).await.is_err() {
                tracing::warn!(id, "deploy.drain is over; requests still under way with this deployment are cut off");
            }
            if let Some(fleet) = fleet {
                fleet.stop().await;
            }
            let forgotten = spawn_blocking(move || {
                if store.journal().find(&id).is_none() {
                    store.forget(&id);
                }
            });
            // It tells by itself what it could not do.
            let _ = forgotten.await;
        });
    }

    /// The sites with their deployments, for a person or a program.
    pub(crate) fn status(&self) -> Value {
        let sites: Vec<_> = self.berths.iter().map(status).collect();
        json!({ "sites": sites })
    }
}

fn status(berth: &Berth) -> Value {
    let (line, journal) = (berth.site.line(), berth.store.journal());
    let live = line.all().enumerate().map(|(place, deployment)| {
        let states = deployment.compute.iter().flat_map(|fleet| fleet.states());
        let instances: Vec<_> =
            states.map(|state| json!({ "name": state.name, "phase": state.phase.as_str() })).collect();
        json!({
            "id": deployment.id,
            "state": if place == 0 { "current" } else { "previous" },
            "since": journal.find(&deployment.id).map(|entry| entry.since),
            "files": deployment.pack.load().len(),
            "instances": instances,
        })
    });
    let stored = journal.entries.iter().filter(|entry| line.all().all(|one| one.id != entry.id));
    let stored = stored.map(|entry| json!({ "id": entry.id, "state": "stored", "since": entry.since }));
    let deployments: Vec<_> = live.chain(stored).collect();
    json!({ "name": berth.terms.name, "deployments": deployments })
}
