//! `edgeplane explain`: what a request would meet, and why.

use edgeplane_config::Settings;

use super::{Failure, arguments::ExplainArgs};

/// Runs it.
pub(crate) fn run(settings: Settings, args: ExplainArgs) -> Result<(), Failure> {
    let _ = (settings, args);
    Err(Failure::Unavailable { act: "explain", source: "this command is not wired yet".into() })
}
