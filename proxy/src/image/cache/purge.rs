//! Which images are to be forgotten, what became of that, and those that were told to be while they were still being
//! made.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{Level, Name, shared::AskError};

/// Images to be forgotten, by where their sources were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// How the path with its query, or the URL, begins. Empty: all.
    pub prefix: String,
    /// Only this site's; none: every site's.
    pub site: Option<String>,
}

impl Purge {
    /// Whether it names these.
    pub(super) fn names(&self, name: &Name) -> bool {
        name.url.starts_with(&self.prefix) && self.site.as_ref().is_none_or(|site| *site == name.site)
    }

    fn everything() -> Self {
        Self { prefix: String::new(), site: None }
    }
}

/// What a purge came to.
#[derive(Debug, Default)]
pub struct Purged {
    /// Images that are gone. Most are in several levels, and count once.
    pub images: u64,
    /// Why images may be left; empty where all are gone that it named.
    pub failures: Vec<PurgeError>,
}

impl Purged {
    /// Adds what became of one level.
    pub(super) fn add(&mut self, (images, result): (usize, Result<(), PurgeError>)) {
        self.images = self.images.max(images as u64);
        self.failures.extend(result.err());
    }
}

/// A level of the cache may still hold images that were to be forgotten.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The files could not all be looked at or removed.
    #[error("the images on disk could not all be looked at and removed")]
    Disk(#[source] io::Error),
    /// The folder could not be used when the server started, and may hold images of an earlier run.
    #[error("the folder of images could not be used when the server started")]
    NoDisk,
    /// The shared server did not do as it was told.
    #[error("the shared cache could not be searched to its end")]
    Shared(#[source] AskError),
}

impl PurgeError {
    /// The level, as metrics name it.
    pub fn level(&self) -> &'static str {
        match self {
            Self::Disk(_) | Self::NoDisk => Level::Disk.as_str(),
            Self::Shared(_) => Level::Shared.as_str(),
        }
    }
}

/// Purges that work under way may not know of.
#[derive(Debug)]
pub(super) struct Recent {
    purges: Mutex<Vec<Noted>>,
    /// For how long work may be under way.
    memory: Duration,
}

#[derive(Debug)]
struct Noted {
    purge: Arc<Purge>,
    began: Instant,
    /// None while the levels are still being searched.
    ended: Option<Instant>,
}

/// A purge under way, as long as it lives.
#[derive(Debug)]
pub(super) struct UnderWay<'a> {
    recent: &'a Recent,
    purge: Arc<Purge>,
}

/// Purges remembered one by one; beyond them those that are over are taken together as one of everything.
const RECENT_MAX: usize = 256;

impl Recent {
    pub(super) fn new(memory: Duration) -> Self {
        Self { purges: Mutex::default(), memory }
    }

    /// Notes a purge, which ends when what is returned is dropped.
    pub(super) fn begin(&self, purge: Purge) -> UnderWay<'_> {
        let purge = Arc::new(purge);
        let now = Instant::now();
        let mut purges = self.purges.lock();
        purges.retain(|noted| noted.ended.is_none_or(|ended| now.duration_since(ended) <= self.memory));
        if purges.len() >= RECENT_MAX {
            let began = purges.iter().filter(|noted| noted.ended.is_some()).map(|noted| noted.began).max();
            purges.retain(|noted| noted.ended.is_none());
            purges.extend(began.map(|began| Noted { purge: Arc::new(Purge::everything()), began, ended: Some(now) }));
        }
        purges.push(Noted { purge: Arc::clone(&purge), began: now, ended: None });
        UnderWay { recent: self, purge }
    }

    /// Whether what is made of a source that was read then must not be kept: somebody has told since to forget it.
    pub(super) fn forbid_made(&self, name: &Name, begun: Instant) -> bool {
        self.purges.lock().iter().any(|noted| noted.began >= begun && noted.purge.names(name))
    }

    /// Whether what was found in a level of the cache from then on must not be kept: a purge that had begun may not have
    /// come to that level yet.
    pub(super) fn forbid_found(&self, name: &Name, looked: Instant) -> bool {
        let over = |noted: &Noted| noted.ended.is_some_and(|ended| ended < looked);
        self.purges.lock().iter().any(|noted| !over(noted) && noted.purge.names(name))
    }
}

impl UnderWay<'_> {
    pub(super) fn purge(&self) -> &Arc<Purge> {
        &self.purge
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut purges = self.recent.purges.lock();
        let mine = purges.iter_mut().find(|noted| Arc::ptr_eq(&noted.purge, &self.purge));
        if let Some(noted) = mine {
            noted.ended = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(url: &str) -> Name {
        Name { site: "a".into(), url: url.into() }
    }

    fn purge(prefix: &str, site: Option<&str>) -> Purge {
        Purge { prefix: prefix.into(), site: site.map(Into::into) }
    }

    /// A moment that is certainly after those before.
    fn later() -> Instant {
        let now = Instant::now();
        while Instant::now() == now {}
        Instant::now()
    }

    #[test]
    fn a_purge_names_a_beginning_of_a_site_or_of_all() {
        for (prefix, site, url, named) in [
            ("", None, "/a.png", true),
            ("/a", None, "/a.png", true),
            ("/a.png", Some("a"), "/a.png", true),
            ("/a", Some("b"), "/a.png", false),
            ("/b", None, "/a.png", false),
            ("https://h/", None, "https://h/x", true),
            ("https://h/", None, "/https://h/", false),
        ] {
            assert_eq!(purge(prefix, site).names(&name(url)), named, "{prefix} {site:?} {url}");
        }
    }

    #[test]
    fn what_began_before_a_purge_is_not_kept() {
        let recent = Recent::new(Duration::from_secs(60));
        let before = Instant::now();
        let under_way = recent.begin(purge("/a", None));
        let during = later();
        // What is found may be what the purge has not come to yet; what is read anew is not.
        assert!(recent.forbid_made(&name("/a.png"), before) && recent.forbid_found(&name("/a.png"), before));
        assert!(!recent.forbid_made(&name("/a.png"), during) && recent.forbid_found(&name("/a.png"), during));
        assert!(!recent.forbid_made(&name("/b.png"), before) && !recent.forbid_found(&name("/b.png"), before));
        drop(under_way);
        let after = later();
        assert!(recent.forbid_found(&name("/a.png"), during), "looked for while it was under way");
        assert!(!recent.forbid_made(&name("/a.png"), after) && !recent.forbid_found(&name("/a.png"), after));
        assert!(recent.forbid_made(&name("/a.png"), before), "it is remembered");
    }

    #[test]
    fn many_purges_are_remembered_as_one_of_everything() {
        let recent = Recent::new(Duration::from_secs(60));
        let before = Instant::now();
        let under_way = recent.begin(purge("/long", None));
        for number in 0..=RECENT_MAX {
            drop(recent.begin(purge(&format!("/{number}"), None)));
        }
        assert!(recent.purges.lock().len() <= RECENT_MAX);
        assert!(recent.forbid_made(&name("/z.png"), before), "those that are over are taken together");
        let after = later();
        assert!(recent.forbid_found(&name("/long.png"), after), "one that is not over is still under way");
        drop(under_way);
        assert!(!recent.forbid_found(&name("/long.png"), later()));
    }

    #[test]
    fn a_purge_is_forgotten_when_nothing_can_be_under_way_from_before() {
        let recent = Recent::new(Duration::ZERO);
        let before = Instant::now();
        drop(recent.begin(purge("/a", None)));
        later();
        drop(recent.begin(purge("/b", None)));
        assert!(!recent.forbid_made(&name("/a.png"), before) && recent.forbid_made(&name("/b.png"), before));
    }
}
