//! `edgeplane pack`: build the asset pack ahead of time.

use edgeplane_config::Settings;

use super::{Failure, arguments::PackArgs};

/// Runs it.
pub(crate) fn run(settings: Settings, args: PackArgs) -> Result<(), Failure> {
    let _ = (settings, args);
    Err(Failure::Unavailable { act: "pack", source: "this command is not wired yet".into() })
}
