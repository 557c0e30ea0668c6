//! Which images are to be forgotten, and those that were told to be while they were still being made.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::Name;

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
}

/// Purges that work under way may not know of yet.
#[derive(Debug)]
pub(super) struct Recent {
    purges: Mutex<VecDeque<(Instant, Purge)>>,
    /// For how long work may be under way.
    memory: Duration,
}

/// Purges remembered one by one; beyond them the oldest are taken together as one of everything.
const RECENT_MAX: usize = 256;

impl Recent {
    pub(super) fn new(memory: Duration) -> Self {
        Self { purges: Mutex::default(), memory }
    }

    pub(super) fn note(&self, purge: &Purge) {
        let now = Instant::now();
        let mut purges = self.purges.lock();
        while purges.front().is_some_and(|(when, _)| now.duration_since(*when) > self.memory) {
            purges.pop_front();
        }
        purges.push_back((now, purge.clone()));
        if purges.len() > RECENT_MAX {
            purges.pop_front();
            if let Some((_, oldest)) = purges.front_mut() {
                *oldest = Purge { prefix: String::new(), site: None };
            }
        }
    }

    /// Whether what was begun then must not be kept.
    pub(super) fn forbid(&self, name: &Name, begun: Instant) -> bool {
        self.purges.lock().iter().any(|(when, purge)| *when >= begun && purge.names(name))
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
        recent.note(&purge("/a", None));
        let after = Instant::now() + Duration::from_millis(1);
        assert!(recent.forbid(&name("/a.png"), before));
        assert!(!recent.forbid(&name("/b.png"), before) && !recent.forbid(&name("/a.png"), after));
        for number in 0..=RECENT_MAX {
            recent.note(&purge(&format!("/{number}"), None));
        }
        assert!(recent.purges.lock().len() <= RECENT_MAX);
        assert!(recent.forbid(&name("/z.png"), before), "the oldest are taken together");
    }
}
