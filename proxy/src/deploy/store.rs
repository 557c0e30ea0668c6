//! The deployments of a site on disk: `STATE/sites/SITE/deployments/ID/` is a bundle, `packs/ID/` its pack, and
//! `line.json` says which of them count. What that does not name is nothing: a copy that was broken off, or one that was
//! given up. Cold.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The names of copies that are being made begin so; no deployment is called so.
const DRAFT: &str = ".new";

/// What could not be done with the deployments on disk.
#[derive(Debug, thiserror::Error)]
#[error("cannot {act} `{}`", path.display())]
pub(crate) struct StoreError {
    act: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// One deployment that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    /// The hash of its bundle.
    pub(crate) content: String,
    /// When it was first activated, in seconds since 1970.
    pub(crate) since: u64,
}

impl Entry {
    /// One that is activated now.
    pub(crate) fn new(id: &str, content: &str) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { id: id.to_owned(), content: content.to_owned(), since: now.as_secs() }
    }
}

/// Which deployments count: the current one, and those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Journal {
    /// The current one first.
    pub(crate) entries: Vec<Entry>,
    /// What the folder held that the server was last started with: as long as it holds that, what was deployed since
    /// stays.
    pub(crate) folder: Option<String>,
}

impl Journal {
    /// The journal with a deployment made current, and no more than `previous` others.
    pub(crate) fn with(mut self, entry: Entry, previous: usize) -> Self {
        self.entries.retain(|known| known.id != entry.id);
        self.entries.insert(0, entry);
        self.entries.truncate(previous + 1);
        self
    }

    /// The deployment of that name.
    pub(crate) fn find(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }
}

/// The folder of a site.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    dir: PathBuf,
}

impl Store {
    /// That of a site below the state directory, which is locked. Nothing is made before it is needed.
    pub(crate) fn new(state_dir: &Path, site: &str) -> Self {
        Self { dir: state_dir.join("sites").join(site) }
    }

    /// Where the bundle of a deployment lies.
    pub(crate) fn bundle(&self, id: &str) -> PathBuf {
        self.dir.join("deployments").join(id)
    }

    /// Where its packs lie.
    pub(crate) fn packs(&self, id: &str) -> PathBuf {
        self.dir.join("packs").join(id)
    }

    /// Where the packs lie of a bundle that is served from where it is.
    pub(crate) fn own_packs(&self) -> PathBuf {
        self.dir.join("folder")
    }

    /// Which deployments count. One that cannot be read counts for none.
    pub(crate) fn journal(&self) -> Journal {
        let path = self.dir.join("line.json");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Journal::default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "previous deployments are not known");
                return Journal::default();
            }
        };
        Journal::parse(&text).unwrap_or_else(|| {
            tracing::warn!(path = %path.display(), "this is no list of deployments: previous ones are not known");
            Journal::default()
        })
    }

    /// A place for a new bundle, below which nothing is yet.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn draft(&self) -> Result<tempfile::TempDir, StoreError> {
        let folder = self.dir.join("deployments");
        let failed = |source| StoreError { act: "make", path: folder.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        tempfile::Builder::new().prefix(DRAFT).tempdir_in(&folder).map_err(failed)
    }

    /// Gives a new bundle its place. One of the same name that does not count is removed.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub(crate) fn settle(&self, bundle: &Path, id: &str) -> Result<PathBuf, StoreError> {
        let place = self.bundle(id);
        let failed = |source| StoreError { act: "move the bundle to", path: place.clone(), source };
        remove(&place);
        fs::rename(bundle, &place).map_err(failed)?;
        // What a journal names is there after a power cut, too.
        let folder = File::open(self.dir.join("deployments")).map_err(failed)?;
        rustix::fs::syncfs(&folder).map_err(|error| failed(error.into()))?;
        Ok(place)
    }

    /// Says which deployments count from now on: all of it, or nothing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, journal: &Journal) -> Result<(), StoreError> {
        let path = self.dir.join("line.json");
        let write = || {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
            file.write_all(journal.text().as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(|source| StoreError { act: "write", path: path.clone(), source })
    }

    /// Removes a deployment that does not count.
    pub(crate) fn forget(&self, id: &str) {
        remove(&self.bundle(id));
        remove(&self.packs(id));
    }

    /// Removes what does not count.
    pub(crate) fn sweep(&self, journal: &Journal) {
        for folder in ["deployments", "packs"] {
            let entries = fs::read_dir(self.dir.join(folder)).into_iter().flatten().flatten();
            for entry in entries {
                if entry.file_name().to_str().and_then(|name| journal.find(name)).is_none() {
                    remove(&entry.path());
                }
            }
        }
    }
}

/// What cannot be removed costs space and nothing else.
fn remove(path: &Path) {
    if let Err(error) = fs::remove_dir_all(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "cannot remove a deployment that is of no use");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(ids: &[&str]) -> Journal {
        Journal { entries: ids.iter().map(|id| Entry::new(id, "hash")).collect(), folder: Some("f".to_owned()) }
    }

    fn ids(journal: &Journal) -> Vec<&str> {
        journal.entries.iter().map(|entry| entry.id.as_str()).collect()
    }

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is_believed() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::new(state.path(), "default");
        assert_eq!(store.journal(), Journal::default());
        store.write(&journal(&["b", "a"])).unwrap();
        assert_eq!(store.journal(), journal(&["b", "a"]));
        let path = state.path().join("sites/default/line.json");
        for text in
            ["", "[]", "{\"deployments\":[{\"id\":\"../x\",\"content\":\"c\",\"since\":1}]}", "{\"deployments\":3}"]
        {
            fs::write(&path, text).unwrap();
            assert_eq!(store.journal(), Journal::default(), "{text}");
        }
    }

    #[test]
    fn the_newest_is_first_and_the_oldest_goes() {
        let line = journal(&["b", "a"]).with(Entry::new("c", "hash"), 2);
        assert_eq!(ids(&line), ["c", "b", "a"]);
        let line = line.with(Entry::new("d", "hash"), 2);
        assert_eq!(ids(&line), ["d", "c", "b"]);
        assert_eq!(ids(&line.with(Entry::new("c", "hash"), 2)), ["c", "d", "b"]);
    }

    #[test]
    fn what_does_not_count_is_swept_away() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::new(state.path(), "default");
        let broken_off = store.draft().unwrap().keep();
        for id in ["a", "b"] {
            let draft = store.draft().unwrap();
            fs::create_dir(draft.path().join("bundle")).unwrap();
            fs::write(draft.path().join("bundle/file"), id).unwrap();
            store.settle(&draft.path().join("bundle"), id).unwrap();
            fs::create_dir_all(store.packs(id)).unwrap();
        }
        store.sweep(&journal(&["b"]));
        let there = |id: &str| (store.bundle(id).exists(), store.packs(id).exists());
        assert_eq!((there("a"), there("b"), broken_off.exists()), ((false, false), (true, true), false));
        assert_eq!(fs::read_to_string(store.bundle("b").join("file")).unwrap(), "b");
    }
}
