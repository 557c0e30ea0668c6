//! Hot: the deployments of a site, and which of them a request is answered by.

use std::sync::Arc;

use super::{
    Deployment,
    skew::{self, Wish},
};
use crate::answer::Head;

/// The deployments that answer: the current one, and those before it that requests may ask for.
#[derive(Debug)]
pub struct Line {
    current: Arc<Deployment>,
    /// The youngest first.
    previous: Vec<Arc<Deployment>>,
}

impl Line {
    /// A current deployment and those before it, the youngest first.
    pub fn new(current: Arc<Deployment>, previous: Vec<Arc<Deployment>>) -> Self {
        Self { current, previous }
    }

    /// The deployment of requests that ask for none.
    pub fn current(&self) -> &Arc<Deployment> {
        &self.current
    }

    /// Those before it, the youngest first.
    pub fn previous(&self) -> &[Arc<Deployment>] {
        &self.previous
    }

    /// All of them, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// The deployment that answers a request: the one it asks for where that is here, else the current one.
    ///
    /// Nothing is looked for in a request where there is nothing to choose from.
    pub fn choose(&self, head: &Head<'_>) -> &Arc<Deployment> {
        if self.previous.is_empty() { &self.current } else { self.asked(head) }
    }

    #[inline(never)]
    fn asked(&self, head: &Head<'_>) -> &Arc<Deployment> {
        // Where pages pin what they load, a page that is opened anew is the current one's again.
        let wish = Wish::of(head).filter(|wish| !(self.current.cookie.is_some() && wish.is_renewed(head)));
        wish.and_then(|wish| self.find(wish.id)).unwrap_or(&self.current)
    }

    /// The deployment of that name.
    pub fn find(&self, id: &str) -> Option<&Arc<Deployment>> {
        if !skew::is_id(id) {
            return None;
        }
        self.all().find(|deployment| deployment.id == id)
    }
}
