//! Records as files, for whoever keeps things on disk: written whole or not at all, found again, bounded by their bytes.
//!
//! What a record holds, and whether it is believed, is its owner's business.

mod digest;
mod folder;
mod index;

pub(crate) use digest::Digest;
pub(crate) use folder::{Folder, seconds};
pub(crate) use index::Index;
