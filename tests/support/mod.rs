//! What several end-to-end tests need.

pub(crate) mod allocation;
