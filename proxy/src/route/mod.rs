//! Routing: which of the manifest's routes takes a path.
//!
//! The rule is the specification's: patterns are tried in the manifest's order and the first that matches the whole
//! path wins; `*` matches zero or more characters, `/` included; everything else stands for itself, case and all; the
//! query takes no part.
//!
//! 1. [`Routes::compile`] (cold) turns all patterns into one automaton when a deployment is activated.
//! 2. [`decode`] undoes percent-encoding, once, because patterns are written for names and not for their escapes.
//! 3. [`Routes::find`] (hot) walks the automaton over the decoded path, once, whatever the number of routes.

mod compile;
mod find;
mod literal;
mod path;
#[cfg(test)]
mod tests;

pub use compile::CompileError;
pub use find::Routes;
pub use path::decode;
