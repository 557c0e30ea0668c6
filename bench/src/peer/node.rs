//! A bundle's own server, asked directly: what is there without anything in front.

use std::process::Command;

use super::{Peer, Place, Plan, Role, first_line_of};
use crate::{failure::Failure, site::write, stage::Programs};

/// `node server.js`.
#[derive(Debug)]
pub(crate) struct Node;

/// Servers of Amplify's presets bind port 3000, whatever `PORT` says.
const PORT: &str = include_str!("../../port.cjs");

impl Peer for Node {
    fn name(&self) -> &'static str {
        "node"
    }

    fn version(&self, _: &Programs) -> Option<String> {
        first_line_of(Command::new("node").arg("--version"))
    }

    fn plan(&self, role: &Role<'_>, place: &Place<'_>) -> Result<Plan, Failure> {
        let Role::App { bundle, .. } = role else { return Err(Failure::Unfit { peer: "node" }) };
        let preload = place.folder.join("port.cjs");
        write(&preload, PORT.as_bytes())?;
        let mut command = Command::new("node");
        command.arg("--require").arg(preload).arg("server.js").current_dir(bundle.join("compute/default"));
        command.env("PORT", place.address.port().to_string()).env("HOST", "127.0.0.1").env("NODE_ENV", "production");
        let config = "PORT=PORT HOST=127.0.0.1 NODE_ENV=production node --require port.cjs server.js\n";
        Ok(Plan { command, config: config.into() })
    }
}
