//! `edgeplane deploy`: sends a bundle to a running server, and waits until it answers.

use std::{io, time::Duration};

use edgeplane_config::{Bundle, Settings};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, arguments::DeployArgs, deployments};
use crate::{
    control,
    deploy::{listing, pack},
};

/// How often the wait for the server is drawn anew.
const TICK: Duration = Duration::from_millis(100);

/// Deploys it, and prints which deployment answers now.
pub(crate) fn run(settings: &Settings, args: &DeployArgs) -> Result<(), Failure> {
    // What is wrong with a bundle is told before a byte is sent. Whether its server is somebody else's, the server knows.
    let bundle = Bundle::open_with(&args.bundle, true, &settings.headers).map_err(Failure::Bundle)?;
    let failed = |source: io::Error| Failure::Read { path: bundle.root.clone(), source };
    let listed = listing(&bundle.root).map_err(failed)?;
    // On a terminal only.
    let bar = ProgressBar::new(listed.len() as u64).with_style(style("{bar:40} {pos}/{len} files"));
    let query = [("site", args.site.as_deref()), ("id", args.id.as_deref())];
    let answer = control::send(&settings.state_dir, "POST /deploy", &query, |out| {
        pack(&listed, out, || bar.inc(1))?;
        bar.set_style(style("{spinner} starting, {elapsed}"));
        bar.enable_steady_tick(TICK);
        Ok(())
    });
    bar.finish_and_clear();
    deployments::tell(answer, "deploy the bundle")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
