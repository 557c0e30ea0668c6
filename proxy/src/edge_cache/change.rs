//! Hot: what an unsafe request makes invalid (RFC 9111 4.4). That happens before its client hears of the answer, so that
//! what the client asks for next is not what was there before.

use std::sync::Arc;

use http::StatusCode;
use url::Url;

use super::{Asked, EdgeCache, epoch::Place, is_safe};

/// An unsafe request under way.
#[derive(Debug)]
pub struct Change {
    cache: Arc<EdgeCache>,
    site: Box<str>,
    host: Box<str>,
    place: Place,
    /// Its URI, which those that the answer names may be relative to; none where it is no valid one.
    base: Option<Url>,
}

impl EdgeCache {
    /// What the answer to a request may make invalid; none for one that changes nothing.
    pub fn change(self: &Arc<Self>, asked: &Asked<'_>) -> Option<Arc<Change>> {
        let head = asked.head;
        (!is_safe(head.method)).then(|| {
            Arc::new(Change {
                cache: Arc::clone(self),
                site: asked.site.into(),
                host: head.host.into(),
                place: Place::of(asked.site, head.host, head.path, head.query),
                base: Url::parse(&format!("{}://{}{}", asked.scheme, head.host, head.path)).ok(),
            })
        })
    }
}

impl Change {
    /// Hears of the answer, and of what it names in `Location` and `Content-Location`: of these what is on its own host
    /// counts, because nobody may speak for others.
    pub fn hear<'n>(&self, status: StatusCode, named: impl Iterator<Item = &'n str>) {
        if !status.is_success() && !status.is_redirection() {
            return;
        }
        self.invalidate(self.place);
        let Some(base) = &self.base else { return };
        for url in named.filter_map(|reference| base.join(reference).ok()) {
            if url.origin() == base.origin() {
                self.invalidate(Place::of(&self.site, &self.host, url.path(), url.query()));
            }
        }
    }

    fn invalidate(&self, place: Place) {
        self.cache.epochs.advance(place);
        self.cache.events.invalidated();
    }
}
