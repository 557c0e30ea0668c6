//! A bundle's own server, asked directly: what is there without anything in front.

use std::process::Command;

use super::{Peer, Place, Plan, Role, first_line_of};
use crate::{failure::Failure, stage::Programs};

/// `node server.js`.
#[derive(Debug)]
pub(crate) struct Node;

impl Peer for Node {
    fn name(&self) -> &'static str {
        "node"
    }

    fn version(&self, _: &Programs) -> Option<String> {
        first_line_of(Command::new("node").arg("--version"))
    }

    fn plan(&self, role: &Role<'_>, place: &Place<'_>) -> Result<Plan, Failure> {
        let Role::App { bundle, .. } = role else { return Err(Failure::Unfit { peer: "node" }) };
        let mut command = Command::new("node");
        command.arg("server.js").current_dir(bundle.join("compute/default"));
        command.env("PORT", place.address.port().to_string()).env("HOST", "127.0.0.1").env("NODE_ENV", "production");
        Ok(Plan { command, config: "PORT=PORT HOST=127.0.0.1 NODE_ENV=production node server.js\n".into() })
    }
}
