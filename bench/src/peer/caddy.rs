//! Caddy: files with compressed siblings, and a proxy.

use std::{path::Path, process::Command};

use super::{Peer, Place, Plan, Role, first_line_of};
use crate::{failure::Failure, site::write, stage::Programs};

/// The server in Go.
#[derive(Debug)]
pub(crate) struct Caddy;

impl Peer for Caddy {
    fn name(&self) -> &'static str {
        "caddy"
    }

    fn version(&self, _: &Programs) -> Option<String> {
        first_line_of(Command::new("caddy").arg("version"))
    }

    fn plan(&self, role: &Role<'_>, place: &Place<'_>) -> Result<Plan, Failure> {
        let body = match role {
            Role::Static(site) => files(&site.files),
            Role::Proxy { upstream } => pass(upstream),
            Role::Fallback { site, upstream } => with_app(&site.files, upstream),
            Role::App { bundle, upstream: Some(upstream), .. } => with_app(&bundle.join("static"), upstream),
            Role::App { upstream: None, .. } | Role::Encode { .. } => return Err(Failure::Unfit { peer: "caddy" }),
        };
        let (port, log) = (place.address.port(), place.folder.join("access.log"));
        let config = format!(
            "{{
  admin off
  auto_https off
  servers {{
    metrics
  }}
}}
http://:{port} {{
  bind 127.0.0.1
  log {{
    output file {}
  }}
  header X-Request-Id {{http.request.uuid}}
{body}}}
",
            log.display()
        );
        let path = place.folder.join("Caddyfile");
        write(&path, config.as_bytes())?;
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(path);
        command.env("GOMAXPROCS", place.threads.to_string());
        command.env("HOME", place.folder).env("XDG_DATA_HOME", place.folder).env("XDG_CONFIG_HOME", place.folder);
        let stage = place.folder.parent().unwrap_or(place.folder);
        Ok(Plan { command, config: config.replace(&stage.display().to_string(), "STAGE") })
    }
}

fn files(folder: &Path) -> String {
    format!(
        "  root * {}
  header Cache-Control \"public, max-age=0, must-revalidate\"
  file_server {{
    precompressed br gzip
  }}
",
        folder.display()
    )
}

fn pass(upstream: &std::net::SocketAddr) -> String {
    format!(
        "  reverse_proxy {upstream} {{
    flush_interval -1
    header_up X-Request-Id {{http.request.uuid}}
    header_up X-Real-IP {{remote_host}}
  }}
"
    )
}

fn with_app(folder: &Path, upstream: &std::net::SocketAddr) -> String {
    format!(
        "  @missing not file\n  root * {}\n  handle @missing {{\n{}  }}\n{}",
        folder.display(),
        pass(upstream),
        files(folder)
    )
}
