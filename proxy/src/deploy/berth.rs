//! A berth: a site, and where its deployments come from: the folder that serving was started with, or what is kept of it
//! and of those before. Cold.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use edgeplane_config::SiteSettings;
use tokio::{sync::Mutex, task::spawn_blocking};

use super::{
    Served,
    activate::{ActivateError, Packs, Stage, Start, Wanted},
    content::{self, Content},
    store::{Entry, Journal, Store},
};
use crate::{
    app::{self, DEFAULT_SITE},
    site::{Deployment, Line, Site},
};

/// A site with what its deployments are made of.
#[derive(Debug)]
pub(crate) struct Berth {
    pub(super) terms: SiteSettings,
    pub(super) site: Arc<Site>,
    pub(super) store: Store,
    /// The folder that serving was started with.
    pub(super) folder: Option<PathBuf>,
    fleets: AtomicUsize,
    /// Held by whoever changes the deployments.
    pub(super) changing: Mutex<()>,
}

/// A bundle that is kept, and what is kept with it.
struct Kept {
    /// The current one.
    id: String,
    journal: Journal,
    /// The current one was copied just now.
    is_new: bool,
}

impl Berth {
    /// Starts a site: its current deployment at once, and those before it for whoever asks. `pack` is of what is `served`.
    ///
    /// # Errors
    /// When the current deployment cannot be started. One before it that cannot be is told of, and let go.
    pub(crate) async fn open(
        stage: &Stage,
        terms: SiteSettings,
        state_dir: &Path,
        served: Served,
        pack: Option<PathBuf>,
    ) -> Result<Self, ActivateError> {
        let store = Store::new(state_dir, &terms.name);
        let folder = served.bundle.as_ref().map(|bundle| bundle.root.clone());
        let fleets = AtomicUsize::new(0);
        let line = match keep(stage, &terms, &store, folder.as_deref()).await? {
            Some(kept) => of_kept(stage, &terms, &store, kept, &fleets, pack).await?,
            None => {
                // Of a first deploy that was broken off.
                store.sweep(&store.journal());
                let packs = match pack {
                    Some(pack) => Packs::Ready(pack),
                    None if terms.name == DEFAULT_SITE => Packs::Folder(app::packs_dir(state_dir)),
                    None => Packs::Folder(store.own_packs()),
                };
                let wanted =
                    Wanted { id: stage.named(&terms)?, packs, start: Start::Now, fleet: fleet(&terms.name, &fleets) };
                Line::new(Arc::new(stage.activate(&terms, served, wanted).await?), Vec::new())
            }
        };
        let site = Arc::new(Site::new(&terms.name, line));
        Ok(Self { terms, site, store, folder, fleets, changing: Mutex::new(()) })
    }

    /// The hosts that are its own.
    pub(crate) fn hosts(&self) -> &[String] {
        &self.terms.hosts
    }

    /// The site.
    pub(crate) fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// What the journal calls a folder as it is now; none where it cannot be read any more.
    pub(super) async fn mark_of(&self, stage: &Stage, folder: &Path) -> Option<String> {
        let named = stage.named(&self.terms).ok()?;
        Some(mark(named.as_deref(), &survey(stage, folder).await.ok()?))
    }

    /// Activates a deployment that is kept.
    ///
    /// # Errors
    /// When a part of it cannot be made.
    pub(super) async fn activate(&self, stage: &Stage, id: &str, start: Start) -> Result<Deployment, ActivateError> {
        let served = reopen(stage, &self.terms, &self.store, id)?;
        activate(stage, &self.terms, &self.store, &self.fleets, served, id, start).await
    }
}

/// What the journal calls a folder: the name that the environment gives it, and what is in it.
fn mark(named: Option<&str>, content: &Content) -> String {
    format!("{} {}", named.unwrap_or_default(), content.hash)
}

/// Reads a bundle on a thread that may block.
pub(super) async fn survey(stage: &Stage, root: &Path) -> Result<Content, ActivateError> {
    let (root, settings) = (root.to_owned(), Arc::clone(&stage.settings));
    Ok(spawn_blocking(move || content::survey(&root, &settings.deploy)).await??)
}

/// What is kept of a folder that is to be served, and of those before it; none where it is served from where it lies.
async fn keep(
    stage: &Stage,
    terms: &SiteSettings,
    store: &Store,
    folder: Option<&Path>,
) -> Result<Option<Kept>, ActivateError> {
    let (journal, skew) = (store.journal(), &stage.settings.skew);
    let Some(root) = folder.filter(|_| skew.enabled || !journal.entries.is_empty()) else { return Ok(None) };
    let named = stage.named(terms)?;
    let found = survey(stage, root).await?;
    let mark = mark(named.as_deref(), &found);
    // What was deployed since that folder was first served is newer than it.
    let newest = journal.entries.first().filter(|entry| store.bundle(&entry.id).exists());
    if let Some(newest) = newest.filter(|_| journal.folder.as_ref() == Some(&mark)) {
        return Ok(Some(Kept { id: newest.id.clone(), journal, is_new: false }));
    }
    if !skew.enabled {
        return Ok(None);
    }
    let id = named.unwrap_or_else(|| found.hash.clone());
    let known = journal.find(&id).filter(|entry| entry.content == found.hash && store.bundle(&id).exists()).cloned();
    let (entry, is_new) = match known {
        Some(entry) => (entry, false),
        None => {
            let (from, draft, settings) = (root.to_owned(), store.draft()?, Arc::clone(&stage.settings));
            let to = draft.path().join("bundle");
            let copied = spawn_blocking(move || content::copy(&from, &to, &settings.deploy)).await??;
            store.settle(&draft.path().join("bundle"), &id)?;
            tracing::info!(
                id,
                files = copied.files,
                bytes = copied.bytes,
                "the bundle is copied, and served from there"
            );
            (Entry::new(&id, &copied.hash), true)
        }
    };
    let journal = Journal { folder: Some(mark), ..journal.with(entry, skew.previous) };
    Ok(Some(Kept { id, journal, is_new }))
}

/// The deployments that are kept.
async fn of_kept(
    stage: &Stage,
    terms: &SiteSettings,
    store: &Store,
    kept: Kept,
    fleets: &AtomicUsize,
    pack: Option<PathBuf>,
) -> Result<Line, ActivateError> {
    let Kept { id, mut journal, is_new } = kept;
    let served = reopen(stage, terms, store, &id)?;
    let packs = match pack.filter(|_| is_new) {
        Some(pack) => Packs::Ready(pack),
        None => Packs::Folder(store.packs(&id)),
    };
    let wanted = Wanted { id: Some(id.clone()), packs, start: Start::Now, fleet: fleet(&terms.name, fleets) };
    let current = Arc::new(stage.activate(terms, served, wanted).await?);
    let mut previous = Vec::new();
    let others: Vec<String> =
        journal.entries.iter().map(|entry| entry.id.clone()).filter(|other| *other != id).collect();
    for id in others.iter().filter(|_| stage.settings.skew.enabled) {
        let opened = match reopen(stage, terms, store, id) {
            Ok(served) => activate(stage, terms, store, fleets, served, id, Start::Asked).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(deployment) => previous.push(Arc::new(deployment)),
            Err(error) => {
                tracing::warn!(id, error = &error as &dyn std::error::Error, "a previous deployment is let go");
                journal.entries.retain(|entry| entry.id != *id);
            }
        }
    }
    store.write(&journal)?;
    store.sweep(&journal);
    Ok(Line::new(current, previous))
}

async fn activate(
    stage: &Stage,
    terms: &SiteSettings,
    store: &Store,
    fleets: &AtomicUsize,
    served: Served,
    id: &str,
    start: Start,
) -> Result<Deployment, ActivateError> {
    let packs = Packs::Folder(store.packs(id));
    let wanted = Wanted { id: Some(id.to_owned()), packs, start, fleet: fleet(&terms.name, fleets) };
    stage.activate(terms, served, wanted).await
}

fn reopen(stage: &Stage, terms: &SiteSettings, store: &Store, id: &str) -> Result<Served, ActivateError> {
    Ok(Served::open(&store.bundle(id), &stage.settings, !terms.upstream.is_empty())?)
}

/// Two fleets may live side by side, and what one says must not be taken for the other's: `default`, then `default.2`.
fn fleet(site: &str, fleets: &AtomicUsize) -> String {
    match fleets.fetch_add(1, Ordering::Relaxed) {
        0 => site.to_owned(),
        before => format!("{site}.{}", before + 1),
    }
}
