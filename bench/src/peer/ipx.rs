//! IPX with sharp: what Nuxt Image runs on a server of one's own.

use std::{fs, process::Command};

use serde_json::Value;

use super::{Peer, Place, Plan, Role};
use crate::{failure::Failure, site::write, stage::Programs};

/// Behind Node's own HTTP server.
#[derive(Debug)]
pub(crate) struct Ipx;

const PROGRAM: &str = include_str!("../../images.mjs");
/// The parts that do the work.
const PACKAGES: [&str; 2] = ["ipx", "sharp"];

impl Peer for Ipx {
    fn name(&self) -> &'static str {
        "ipx"
    }

    fn version(&self, programs: &Programs) -> Option<String> {
        let version = |package: &str| {
            let path = programs.tools.join("node_modules").join(package).join("package.json");
            let text = fs::read_to_string(path).ok()?;
            let package: Value = text.parse().ok()?;
            Some(format!("{} {}", package.get("name")?.as_str()?, package.get("version")?.as_str()?))
        };
        let versions: Option<Vec<String>> = PACKAGES.into_iter().map(version).collect();
        Some(versions?.join(", "))
    }

    fn plan(&self, role: &Role<'_>, place: &Place<'_>) -> Result<Plan, Failure> {
        let Role::App { bundle, .. } = role else { return Err(Failure::Unfit { peer: "ipx" }) };
        let program = place.folder.join("images.mjs");
        write(&program, PROGRAM.as_bytes())?;
        let mut command = Command::new("node");
        command
            .arg(program)
            .arg(&place.programs.tools)
            .arg(bundle.join("static"))
            .arg(place.address.port().to_string());
        command.env("NODE_ENV", "production");
        Ok(Plan { command, config: "node images.mjs TOOLS FILES PORT\n\nimages.mjs:\n".to_owned() + PROGRAM })
    }
}
