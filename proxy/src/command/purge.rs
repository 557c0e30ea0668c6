//! `edgeplane purge`: a running server forgets optimized images and kept pages.

use edgeplane_config::Settings;

use super::{Failure, arguments::PurgeArgs, output};
use crate::control;

/// Has it done, and prints what the server says. Where something may be left that is no success.
pub(crate) fn run(settings: &Settings, args: &PurgeArgs) -> Result<(), Failure> {
    let (prefix, tag, site) = (args.prefix.as_deref(), args.tag.as_deref(), args.site.as_deref());
    let done = control::purge(&settings.state_dir, prefix, tag, site)
        .map_err(|source| Failure::unavailable("purge", source))?;
    output::result(&format!("{}\n", done.told))?;
    match done.failed {
        Some(left) => Err(Failure::unavailable("purge every level of the cache", left)),
        None => Ok(()),
    }
}
