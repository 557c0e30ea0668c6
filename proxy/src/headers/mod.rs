//! Custom headers: the fields that a deployment wants on the answers for some paths.
//!
//! 1. [`Headers::compile`] (cold) turns all patterns into one automaton, and every set of them that a path can match into
//!    an [`Overlay`]: the fields of all of them, the later rule winning where two name the same one.
//! 2. [`Headers::find`] (hot) walks the automaton over the path that the client asked for, once.
//! 3. [`Overlay`] (hot) says what of it goes with which answer. Every way of answering asks it: files, images, errors, and
//!    both ways of speaking to Compute.
//!
//! `*` stands for any characters but `/`, `**` for any, and `**/` also for none: another dialect than that of routes.

mod compile;
mod find;
mod overlay;
#[cfg(test)]
mod tests;

pub use compile::CompileError;
pub use find::Headers;
pub use overlay::Overlay;
