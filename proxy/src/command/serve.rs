//! `edgeplane serve`: serve a bundle.

use edgeplane_config::Settings;

use super::{Failure, arguments::ServeArgs};

/// Runs it.
pub(crate) fn run(settings: Settings, args: ServeArgs) -> Result<(), Failure> {
    let _ = (settings, args);
    Err(Failure::Unavailable { act: "serve", source: "this command is not wired yet".into() })
}
