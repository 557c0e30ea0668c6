//! `edgeplane pack`: build the asset pack ahead of time, with the best compression, for a container image.

use edgeplane_config::{Bundle, Settings};

use super::{Failure, arguments::PackArgs, output};
use crate::assets::{self, Effort};

/// Builds it.
#[expect(clippy::needless_pass_by_value, reason = "the command owns what it was given")]
pub(crate) fn run(settings: Settings, args: PackArgs) -> Result<(), Failure> {
    let bundle = Bundle::open(&args.bundle, !settings.upstream.is_empty()).map_err(Failure::Bundle)?;
    let Some(static_dir) = &bundle.static_dir else {
        return Err(Failure::Usage {
            message: format!("`{}` has no static files", bundle.root.display()),
            help: "a bundle without `static/` needs no pack",
        });
    };
    let pack = assets::pack_to(static_dir, &args.out, &settings.assets, Effort::Best)
        .map_err(|source| Failure::unavailable("pack the static files", source))?;
    output::note(&format!("{} files, {} bytes in {}\n", pack.len(), pack.bytes(), args.out.display()));
    Ok(())
}
