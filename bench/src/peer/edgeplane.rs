//! Edgeplane itself, as it ships: access log into a file, metrics on.

use std::{net::SocketAddr, path::Path, process::Command};

use super::{Peer, Place, Plan, Role, first_line_of, free_address};
use crate::{failure::Failure, outcome::OURS, stage::Programs};

/// The program under test.
#[derive(Debug)]
pub(crate) struct Edgeplane;

/// Connections are kept as long as everybody else's; and no picture stands in for another one, because every answer to a
/// request is compared with the first.
/// Answers are compressed where that is what is measured: nobody else does it without being told.
const SETTINGS: [(&str, &str); 3] = [
    ("EDGEPLANE_LIMITS_KEEPALIVE_REQUESTS", "1000000000"),
    ("EDGEPLANE_IMAGE_AVIF_WAIT", "unlimited"),
    ("EDGEPLANE_COMPRESSION_ENABLED", "false"),
];

impl Peer for Edgeplane {
    fn name(&self) -> &'static str {
        OURS
    }

    fn version(&self, programs: &Programs) -> Option<String> {
        first_line_of(Command::new(&programs.edgeplane).arg("--version"))
    }

    fn plan(&self, role: &Role<'_>, place: &Place<'_>) -> Result<Plan, Failure> {
        let mut command = Command::new(&place.programs.edgeplane);
        command.arg("serve");
        match role {
            Role::Static(site) => {
                command.arg(&site.bundle).arg("--pack").arg(&site.pack);
            }
            Role::Proxy { upstream } | Role::Encode { upstream, .. } => {
                ask(&mut command, *upstream);
            }
            Role::Fallback { site, upstream } => {
                command.arg(&site.fallback_bundle).arg("--pack").arg(&site.pack);
                ask(&mut command, *upstream);
            }
            Role::App { bundle, upstream, instances } => {
                command.arg(bundle).arg("--pack").arg(packed(place, bundle)?);
                match upstream {
                    Some(upstream) => ask(&mut command, *upstream),
                    None => command.args(["--instances", &instances.to_string()]),
                };
            }
        }
        let admin = free_address()?.to_string();
        command.args(["--listen", &place.address.to_string(), "--admin", &admin, "--log", "text"]);
        command.args(["--threads", &place.threads.to_string()]).arg("--state-dir").arg(place.folder.join("state"));
        // Without a bundle argument the default one is looked for in the working folder, and is not there.
        command.current_dir(place.folder).envs(SETTINGS);
        if matches!(role, Role::Encode { .. }) {
            command.env("EDGEPLANE_COMPRESSION_ENABLED", "true");
        }
        let config = told(&command);
        Ok(Plan { command, config })
    }
}

fn ask(command: &mut Command, upstream: SocketAddr) -> &mut Command {
    command.args(["--upstream", &upstream.to_string()])
}

/// A pack with the best variants, so that none are made while something is measured.
fn packed(place: &Place<'_>, bundle: &Path) -> Result<std::path::PathBuf, Failure> {
    let pack = place.folder.join("app.pack");
    crate::site::pack(&place.programs.edgeplane, bundle, &pack)?;
    Ok(pack)
}

/// The command line and the settings, as one would type them.
fn told(command: &Command) -> String {
    let settings = command.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
    let settings = settings.map(|(name, value)| format!("{name}={value} "));
    let words = command.get_args().map(|word| {
        // The folders of one run say nothing to the reader of the report.
        let word = word.to_string_lossy();
        if word.starts_with('/') { word.rsplit('/').next().unwrap_or_default().to_owned() } else { word.into_owned() }
    });
    format!("{}edgeplane {}\n", settings.collect::<String>(), words.collect::<Vec<_>>().join(" "))
}
