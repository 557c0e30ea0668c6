//! `edgeplane pack`: build the asset pack ahead of time, with the best compression, for a container image.

use edgeplane_config::{Bundle, Settings};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, arguments::PackArgs, output};
use crate::assets;

/// Builds it.
#[expect(clippy::needless_pass_by_value, reason = "the command owns what it was given")]
pub(crate) fn run(settings: Settings, args: PackArgs) -> Result<(), Failure> {
    let bundle =
        Bundle::open_with(&args.bundle, !settings.upstream.is_empty(), &settings.headers).map_err(Failure::Bundle)?;
    let Some(static_dir) = &bundle.static_dir else {
        return Err(Failure::Usage {
            message: format!("`{}` has no static files", bundle.root.display()),
            help: "a bundle without `static/` needs no pack",
        });
    };
    let pack = assets::pack_to(static_dir, &args.out, &settings.assets, &bar())
        .map_err(|source| Failure::unavailable("pack the static files", source))?;
    output::note(&format!("{} files, {} bytes in {}\n", pack.len(), pack.bytes(), args.out.display()));
    Ok(())
}

/// A progress bar on standard error; nothing where that is no terminal.
fn bar() -> impl Fn(usize, usize) {
    let bar = ProgressBar::new(0);
    // A template of ours that does not parse would be a bug that costs no more than the plain bar.
    if let Ok(style) = ProgressStyle::with_template("compressing {bar:40} {pos}/{len} files, {eta} left") {
        bar.set_style(style);
    }
    move |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        if done == all {
            bar.finish_and_clear();
        }
    }
}
