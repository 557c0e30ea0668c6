//! Finished images: in memory, on disk, and on a server that several of us share, each bounded.
//!
//! `levels` asks one after the other; `record` is what an image looks like outside of this process, and `digest` what
//! it is called there. Nothing that is read back is believed: it is checked, and else it is missing.

mod digest;
mod disk;
mod levels;
mod memory;
mod purge;
mod record;
mod shared;

use std::sync::Arc;

use edgeplane_optimizer::{Edits, Fit, ImageFormat, Order, Position};

pub(super) use crate::shelf::Digest;
pub(super) use disk::Disk;
pub use disk::DiskUse;
pub(super) use levels::{Cache, Level};
pub(super) use memory::Memory;
pub use purge::{Purge, PurgeError, Purged};
pub use shared::{AskError, ShareError};

use super::{locator::LocalPath, negotiate::Choice, picture::Picture, query::Query, refusal::Refusal};

/// What work on one key comes to.
pub(super) type Outcome = Result<Arc<Picture>, Refusal>;

/// Everything that decides the bytes of an answer, and nothing else: no header, no spelling, no host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The optimizer's version: other code may make other bytes.
    pub(super) version: u32,
    /// Which source.
    pub(super) identity: Identity,
    /// What is done to it.
    pub(super) recipe: Recipe,
}

/// Which source, as precisely as it can be known without fetching it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Identity {
    /// A file, by its content: it outlives deployments, and two sites may share it.
    Content([u8; 32]),
    /// What a deployment's Compute answers at these places.
    Compute {
        /// The site.
        site: String,
        /// The deployment.
        deployment: String,
        /// The places, in their order.
        places: Vec<LocalPath>,
    },
    /// A URL as the standard writes it.
    Remote {
        /// The site: what one app fetched is no answer for another.
        site: String,
        /// The URL, without fragment.
        url: String,
    },
}

/// What is asked for, normalised. The format is settled once the source is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Recipe {
    pub(super) width: u32,
    pub(super) height: Option<u32>,
    pub(super) fit: Fit,
    pub(super) position: Position,
    pub(super) quality: u8,
    pub(super) keep_p3: bool,
    pub(super) edits: Edits,
    pub(super) choice: Choice,
}

impl Recipe {
    pub(super) fn of(query: &Query, choice: Choice) -> Self {
        let Query { width, height, quality, fit, position, keep_p3, edits, .. } = *query;
        Self { width, height, fit, position, quality, keep_p3, edits, choice }
    }

    /// What the optimizer is asked for, once the format is settled.
    pub(super) fn order(&self, format: ImageFormat) -> Order {
        let Self { width, height, fit, position, quality, keep_p3, edits, .. } = *self;
        Order { width: Some(width), height, fit, position, format, quality, keep_p3, edits }
    }
}

/// Whose picture it is and where its source was asked for: what a purge names. Not a part of the key, as the content of
/// a file is the same wherever it lies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Name {
    /// The site.
    pub(super) site: String,
    /// A path with its query, or a URL.
    pub(super) url: String,
}

#[cfg(test)]
mod tests;
