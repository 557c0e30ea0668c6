//! HAProxy: a proxy that serves no files.

use std::process::Command;

use super::{Peer, Place, Plan, Role, first_line_of};
use crate::{failure::Failure, site::write, stage::Programs};

/// The proxy that does nothing else.
#[derive(Debug)]
pub(crate) struct Haproxy;

/// Where distributions put it, when it is not in `PATH`.
const PROGRAMS: [&str; 2] = ["haproxy", "/usr/sbin/haproxy"];

impl Peer for Haproxy {
    fn name(&self) -> &'static str {
        "haproxy"
    }

    fn version(&self, _: &Programs) -> Option<String> {
        PROGRAMS.into_iter().find_map(|program| first_line_of(Command::new(program).arg("-v")))
    }

    fn plan(&self, role: &Role<'_>, place: &Place<'_>) -> Result<Plan, Failure> {
        let Role::Proxy { upstream } = role else { return Err(Failure::Unfit { peer: "haproxy" }) };
        let (threads, address) = (place.threads, place.address);
        // Each line of its log is a call of its own: what gathers them is a process of its own, syslog.
        let config = format!(
            "global
  nbthread {threads}
  maxconn 4096
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  timeout client 75s
  timeout server 60s
  timeout connect 2s
  timeout http-keep-alive 75s
  http-reuse always
frontend edge
  bind {address}
  unique-id-format %[uuid()]
  unique-id-header X-Request-Id
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Real-IP %[src]
  http-response set-header X-Request-Id %[unique-id]
  default_backend app
backend app
  server app {upstream}
"
        );
        let path = place.folder.join("haproxy.cfg");
        write(&path, config.as_bytes())?;
        let found = PROGRAMS.into_iter().find(|program| first_line_of(Command::new(program).arg("-v")).is_some());
        let mut command = Command::new(found.unwrap_or("haproxy"));
        command.arg("-db").arg("-f").arg(path);
        Ok(Plan { command, config })
    }
}
