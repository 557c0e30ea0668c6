//! static-web-server: files in Rust, with compressed siblings.

use std::process::Command;

use super::{Peer, Place, Plan, Role, first_line_of};
use crate::{failure::Failure, stage::Programs};

/// Built by `cargo install`, once, without what compresses per request.
#[derive(Debug)]
pub(crate) struct StaticWebServer;

fn program(programs: &Programs) -> Command {
    Command::new(programs.tools.join("bin/static-web-server"))
}

impl Peer for StaticWebServer {
    fn name(&self) -> &'static str {
        "static-web-server"
    }

    fn version(&self, programs: &Programs) -> Option<String> {
        first_line_of(program(programs).arg("--version"))
    }

    fn plan(&self, role: &Role<'_>, place: &Place<'_>) -> Result<Plan, Failure> {
        let Role::Static(site) = role else { return Err(Failure::Unfit { peer: "static-web-server" }) };
        let mut command = program(place.programs);
        command.args(["--host", "127.0.0.1", "--port", &place.address.port().to_string()]);
        command.args(["--threads-multiplier", &place.threads.to_string(), "--log-level", "info"]);
        command.args(["--compression-static", "true", "--cache-control-headers", "true"]);
        let config = command.get_args().map(std::ffi::OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
        command.arg("--root").arg(&site.files);
        Ok(Plan { command, config: format!("static-web-server {config} --root FILES\n") })
    }
}
