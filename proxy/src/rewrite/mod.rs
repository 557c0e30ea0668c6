//! Custom rules: Amplify's rewrites and redirects, which come before the manifest's routes.
//!
//! Rules are tried in their order and the first one that applies wins. Those with the status 404 or 404-200 are a list
//! of their own, which is asked when nothing else has answered.
//!
//! 1. [`CustomRules::compile`] (cold) turns the sources that are paths into one automaton per list. Regular expressions
//!    and hosts have none and are tried one by one: apps have one or two of them.
//! 2. [`CustomRules::find`] (hot) walks the automaton over the decoded path, once, whatever the number of rules, and
//!    judges those that match. Where none does, nothing is allocated.
//! 3. [`CustomRules::judge`] says whether one rule applies, and why not; `edgeplane explain` prints it.
//!
//! What a rule does with a request is data ([`Outcome`]); `server` carries it out.

mod asked;
mod automaton;
mod compile;
mod find;
mod judge;
mod pattern;
mod substitute;
mod expression;
#[cfg(test)]
mod tests;

pub use asked::Asked;
pub use compile::CompileRules;
pub use find::{CustomRules, List, Taken};
pub use judge::{Outcome, Passed};
