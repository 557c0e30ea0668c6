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

    fn cell(&self, coding: ContentCoding) -> Option<&OnceCell<Option<Bytes>>> {
        self.0.get((coding as usize).checked_sub(1)?)
    }
}

impl EdgeCache {
    /// The content of a page in a coding; none where that is no smaller, or where `make` says that it cannot be had now.
    /// Of all who want it at once one makes it. What was made counts among the bytes of the cache.
    pub(crate) async fn form<E, F>(
        &self,
        key: &Key,
        page: &Arc<Page>,
        coding: ContentCoding,
        make: impl FnOnce(Bytes) -> F,
    ) -> Option<Bytes>
    where
        F: Future<Output = Result<Option<Bytes>, E>>,
    {
        let cell = page.forms.cell(coding)?;
        if let Some(made) = cell.get() {
            return made.clone();
        }
        let made = cell.get_or_try_init(|| make(page.content.clone())).await.ok()?.clone();
        let key = if page.selecting.is_empty() { key.digest } else { key.variant(&page.selecting) };
        self.memory.weigh(key, page, page.left(Instant::now(), self.settings.stale_max));
        made
    }
}
