//! Deployments: how a bundle becomes one, which of them are kept, and how one takes the place of another. Cold.
//!
//! ```text
//! folder ── survey ── known? ── copy ── settle ─┐
//! archive ── unpack ── survey ── settle ────────┴─► activate (pack, compile, Node ready) ── journal ── swap ── retire
//! ```
//!
//! 1. [`Served`] opens a bundle with the rules of every source
//! 2. [`content`] reads and copies it, within bounds; [`store`] knows what is kept, and what of it counts
//! 3. [`activate`] makes a [`Deployment`](crate::site::Deployment) of it
//! 4. [`berth`] does so for a site, when serving starts
//! 5. [`archive`] brings one over the control socket, and [`replace`] puts it in the place of the current one
//! 6. [`steward`] looks after all of them until the end

mod activate;
mod archive;
mod berth;
mod content;
mod steward;
mod replace;
mod served;
mod store;
mod wire;

pub(crate) use activate::{ActivateError, Stage};
pub(crate) use archive::{ArchiveError, listing, pack, unpack};
pub(crate) use berth::Berth;
pub(crate) use replace::{ReplaceError, Replaced};
pub(crate) use served::{Served, custom_rules, rule_problems};
pub(crate) use steward::Steward;
