//! The steward of all deployments, from the first to the last: compresses their files, lets Node rest where nobody asks for
//! it, and ends what has no more use. Cold.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use edgeplane_config::Settings;
use tokio::task::JoinSet;

use super::{Berth, Stage};
use crate::{
    assets,
    site::{Deployment, Sites},
};

/// How often it is looked whether Node of a previous deployment is still wanted, in the time it may be idle.
const LOOKS: u32 = 4;
/// More often than this is of no use to anybody.
const LOOK_MAX: Duration = Duration::from_secs(60);

/// All sites of a server, and what it takes to change them.
#[derive(Debug)]
pub(crate) struct Steward {
    pub(super) stage: Stage,
    pub(super) berths: Vec<Berth>,
    /// The end has begun: nothing is compressed any more.
    ended: Arc<AtomicBool>,
}

impl Steward {
    /// Of sites that are started. The first one is the one that commands mean which name none.
    pub(crate) fn new(stage: Stage, berths: Vec<Berth>) -> Self {
        Self { stage, berths, ended: Arc::default() }
    }

    /// Begins to look after them. Must run in the runtime that their fleets live in.
    pub(crate) fn begin(self: &Arc<Self>) {
        let lines = self.berths.iter().map(|berth| berth.site().line());
        let all: Vec<_> = lines.flat_map(|line| line.all().map(Arc::downgrade).collect::<Vec<_>>()).collect();
        self.improve(all);
        let idle = self.settings().skew.idle;
        if self.settings().skew.enabled {
            let steward = Arc::clone(self);
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep((idle / LOOKS).min(LOOK_MAX)).await;
                    steward.let_rest(idle);
                }
            });
        }
    }

    pub(super) fn settings(&self) -> &Arc<Settings> {
        &self.stage.settings
    }

    fn let_rest(&self, idle: Duration) {
        for berth in &self.berths {
            for deployment in berth.site().line().previous() {
                if let Some(fleet) = &deployment.compute {
                    fleet.rest_if_unused(idle);
                }
            }
        }
    }

    /// Makes the better compressed packs of these behind the scenes, one after the other, and swaps them in.
    pub(super) fn improve(&self, deployments: Vec<Weak<Deployment>>) {
        let (settings, ended) = (Arc::clone(self.settings()), Arc::clone(&self.ended));
        let spawned = thread::Builder::new().name("improve-pack".to_owned()).spawn(move || {
            for deployment in deployments {
                improve(&deployment, &settings, &ended);
            }
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "failed to start the compression of static files");
        }
    }

    /// Requests are over: ends what runs.
    pub(crate) async fn end(&self, sites: &Sites) {
        self.ended.store(true, Ordering::Release);
        let mut stopping = JoinSet::new();
        for fleet in sites.fleets() {
            stopping.spawn(async move { fleet.stop().await });
        }
        while stopping.join_next().await.is_some() {}
    }
}

/// Nobody holds the deployment for it: one that is replaced meanwhile goes.
fn improve(deployment: &Weak<Deployment>, settings: &Settings, ended: &AtomicBool) {
    let Some(pack) = deployment.upgrade().map(|deployment| deployment.pack.load_full()) else { return };
    match assets::improve(&pack, &settings.assets, ended) {
        Ok(Some(better)) => {
            let (files, bytes) = (better.len(), better.bytes());
            tracing::info!(files, bytes, "static files are compressed at their best now");
            if let Some(deployment) = deployment.upgrade() {
                deployment.pack.store(Arc::new(better));
            }
        }
        Ok(None) => {}
        Err(error) if ended.load(Ordering::Acquire) => tracing::debug!(%error, "compression cancelled"),
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "static files stay as they are"),
    }
}
