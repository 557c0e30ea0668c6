//! The static assets primitive: the files below `static/`, answered from one immutable, mapped file.
//!
//! When a deployment is activated (cold):
//!
//! 1. `listing` walks `static/` and decides what is served: links, special files, names.
//! 2. `draft` copies the contents into a **pack** under the state directory, and `variant` adds encoded variants:
//!    the bundle's own `.br`, `.gz` and `.zst` siblings, and compressed ones of our making.
//! 3. `pack` maps the finished file and checks its whole index, so that nothing later can fail.
//! 4. [`improve`](improve()) makes a pack with the expensive variants, in the background.
//!
//! `shelf` names the packs and removes old ones, `format` is the file's layout, [`prepare`](prepare()) is all of it.
//!
//! When a request comes (hot), [`answer`](answer()) looks the name up in memory (`lookup`), chooses the variant (`coding`),
//! evaluates the preconditions (`conditional`) and the range (`range`), and hands out a `content`: a window of the pack.
//! [`ready`](ready()) does the same for plain requests without writing a head. [`absent`] and [`page`](page()) answer by a
//! page where there is nothing. No file is opened or asked for, and no content byte is copied.
//!
//! The bundle may be truncated, deleted or replaced at any time: the pack is a copy, and a mapped pack that is
//! removed lives on until its last reader is done.

mod answer;
mod conditional;
mod content;
mod draft;
mod format;
mod improve;
mod listing;
mod lookup;
mod mapped;
mod media_type;
mod multipart;
mod pack;
mod page;
mod prepare;
mod range;
mod ready;
mod shelf;
#[cfg(test)]
mod tests;
mod variant;

pub use answer::{Outcome, Policy, answer};
pub(crate) use conditional::{Validators, Verdict, evaluate, ranges};
pub use content::Content;
pub use draft::BuildError;
pub use improve::{ImproveError, improve};
pub use listing::WalkError;
pub use lookup::Lookup;
pub use pack::{OpenError, Pack};
pub use page::{absent, has_page, page};
pub use prepare::{PrepareError, pack_to, prepare};
pub(crate) use range::Ranges;
pub use ready::{Prepared, Ready, ready};
pub use variant::Effort;
