//! `edgeplane purge`: a running server forgets optimized images.

use edgeplane_config::Settings;

use super::{Failure, arguments::PurgeArgs, output};
use crate::control;

/// Has it done, and prints what the server says. Where images may be left that is no success.
pub(crate) fn run(settings: &Settings, args: &PurgeArgs) -> Result<(), Failure> {
    let done = control::purge(&settings.state_dir, &args.prefix, args.site.as_deref())
        .map_err(|source| Failure::unavailable("purge", source))?;
    output::result(&format!("{}\n", done.told))?;
    match done.failed {
        Some(left) => Err(Failure::unavailable("purge every level of the cache", left)),
        None => Ok(()),
    }
}
