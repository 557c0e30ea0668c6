//! `edgeplane settings`: the commented settings file with every default.

use edgeplane_config::Settings;

use super::{Failure, output};

/// Prints it.
pub(crate) fn run() -> Result<(), Failure> {
    output::result(Settings::default_file())
}
