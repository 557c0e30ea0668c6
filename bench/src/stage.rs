//! What every scenario is given: how long to measure, the programs, a folder, and the files that are served.

use std::{
    cell::{OnceCell, RefCell},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    failure::Failure,
    outcome::{OURS, PeerNote},
    peer::Peer,
    site::Site,
};

/// The core of the server under test, counted among those that may be used. Everything else, the generator and what
/// answers behind a proxy, has the other.
pub(crate) const SERVER_CORE: usize = 0;
pub(crate) const LOAD_CORE: usize = 1;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// One round of one peer.
    pub(crate) seconds: Duration,
    /// Interleaved rounds of a closed loop; the figures are their medians.
    pub(crate) rounds: usize,
    /// Only whether everything runs and the bytes are right: one short round, small files, no judgement.
    pub(crate) smoke: bool,
}

impl Extent {
    /// Rounds where a target asks for a 95 % interval, which takes at least `least` pairs.
    pub(crate) fn pairs(&self, least: usize) -> usize {
        if self.smoke { 1 } else { self.rounds.max(least) }
    }

    /// `full`, or `small` where it only matters that it runs.
    pub(crate) fn of<T>(&self, full: T, small: T) -> T {
        if self.smoke { small } else { full }
    }
}

/// Where the programs are that are not found in `PATH`.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// The `edgeplane` under test.
    pub(crate) edgeplane: PathBuf,
    /// What `tests/prerequisites.sh bench` has put into the target folder: `bin/static-web-server`, `node_modules`.
    pub(crate) tools: PathBuf,
    /// The bundles that `tests/apps/build.sh` makes.
    pub(crate) bundles: PathBuf,
}

/// The stage that every scenario uses in turn.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) extent: Extent,
    pub(crate) programs: Programs,
    /// The peers that take part beside ours; empty: all.
    pub(crate) against: Vec<String>,
    folder: TempDir,
    site: OnceCell<Site>,
    peers: RefCell<Vec<PeerNote>>,
}

impl Stage {
    /// An empty stage below `parent`, which should lie on a disk and not in memory.
    pub(crate) fn set(extent: Extent, programs: Programs, parent: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(parent).map_err(Failure::file("make", parent))?;
        let folder = tempfile::Builder::new()
            .prefix("stage-")
            .tempdir_in(parent)
            .map_err(Failure::file("make a folder in", parent))?;
        Ok(Self { extent, programs, against: Vec::new(), folder, site: OnceCell::new(), peers: RefCell::default() })
    }

    /// Whether this peer is to take part.
    pub(crate) fn invites(&self, peer: &dyn Peer) -> bool {
        self.against.is_empty() || peer.name() == OURS || self.against.iter().any(|name| name == peer.name())
    }

    /// A new, empty folder that is removed with the stage.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let made = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(self.folder.path());
        made.map(TempDir::keep).map_err(Failure::file("make a folder in", self.folder.path()))
    }

    /// The generated files, made when they are first asked for.
    pub(crate) fn site(&self) -> Result<&Site, Failure> {
        if let Some(site) = self.site.get() {
            return Ok(site);
        }
        let site = Site::make(self)?;
        Ok(self.site.get_or_init(|| site))
    }

    /// Writes down who took part, and with which configuration.
    pub(crate) fn note(&self, peer: &dyn Peer, purpose: &str, config: &str) {
        let mut notes = self.peers.borrow_mut();
        let index = notes.iter().position(|note| note.name == peer.name()).unwrap_or_else(|| {
            let version = peer.version(&self.programs);
            notes.push(PeerNote { name: peer.name().into(), version, configs: Vec::new() });
            notes.len() - 1
        });
        if let Some(note) = notes.get_mut(index)
            && !config.is_empty()
            && !note.configs.iter().any(|(known, _)| known == purpose)
        {
            note.configs.push((purpose.to_owned(), config.to_owned()));
        }
    }

    /// Everybody who took part.
    pub(crate) fn peers(&self) -> Vec<PeerNote> {
        self.peers.borrow().clone()
    }
}
