//! Hot: the other forms of a kept page: its content in a coding, made once and shared by all who want it.

use std::{future::Future, sync::Arc, time::Instant};

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::{EdgeCache, Key, Page};
use crate::coding::ContentCoding;

/// The forms of one content. Of a coding that makes it no smaller there is none.
#[derive(Debug, Default)]
pub(super) struct Forms([OnceCell<Option<Bytes>>; 3]);

impl Forms {
    /// Bytes of all that were made.
    pub(super) fn len(&self) -> usize {
        let made = self.0.iter().filter_map(|cell| cell.get()?.as_ref());
        made.map(Bytes::len).sum()
    }

    /// Whether somebody wanted this one before.
    pub(super) fn is_made(&self, coding: ContentCoding) -> bool {
        self.cell(coding).is_some_and(|cell| cell.get().is_some())
    }

    fn cell(&self, coding: ContentCoding) -> Option<&OnceCell<Option<Bytes>>> {
        self.0.get((coding as usize).checked_sub(1)?)
    }
}

impl EdgeCache {
    /// The content of a page in a coding; none where that is no smaller. Of all who want it at once one makes it. What was
    /// made counts among the bytes of the cache.
    ///
    /// # Errors
    /// What `make` says: it cannot be had now.
    pub(crate) async fn form<E, F>(
        &self,
        key: &Key,
        page: &Arc<Page>,
        coding: ContentCoding,
        make: impl FnOnce(Bytes) -> F,
    ) -> Result<Option<Bytes>, E>
    where
        F: Future<Output = Result<Option<Bytes>, E>>,
    {
        let Some(cell) = page.forms.cell(coding) else { return Ok(None) };
        if let Some(made) = cell.get() {
            return Ok(made.clone());
        }
        let made = cell.get_or_try_init(|| make(page.content.clone())).await?.clone();
        let key = if page.selecting.is_empty() { key.digest } else { key.variant(&page.selecting) };
        self.memory.weigh(key, page, page.left(Instant::now(), self.settings.stale_max));
        Ok(made)
    }
}
