//! The servers that are compared: how each is configured for a role, started, asked for readiness and ended.

mod caddy;
mod edgeplane;
mod haproxy;
mod ipx;
mod nginx;
mod node;
mod running;
mod static_web_server;

use std::{net::SocketAddr, path::Path, process::Command};

use crate::{failure::Failure, site::Site, stage::Programs};

pub(crate) use caddy::Caddy;
pub(crate) use edgeplane::Edgeplane;
pub(crate) use haproxy::Haproxy;
pub(crate) use ipx::Ipx;
pub(crate) use nginx::Nginx;
pub(crate) use node::Node;
pub(crate) use running::{Cores, Launch, Running, free_address};
pub(crate) use static_web_server::StaticWebServer;

/// A program that can be measured.
pub(crate) trait Peer {
    /// As it stands in the report.
    fn name(&self) -> &'static str;

    /// What the program says of itself; `None` where it is not installed.
    fn version(&self, programs: &Programs) -> Option<String>;

    /// How it is started for `role`; [`Failure::Unfit`] where it has no such feature.
    fn plan(&self, role: &Role<'_>, place: &Place<'_>) -> Result<Plan, Failure>;
}

/// What both sides can compress in. The levels stand with each peer: those at which they make pages equally small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
}

/// What a server is to do. Access log and metrics are on in every role, where the program has them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role<'a> {
    /// Serve files, with the compressed variants that lie beside them.
    Static(&'a Site),
    /// Pass everything on to one upstream over connections that are kept.
    Proxy { upstream: SocketAddr },
    /// The same, and compress what comes.
    Encode { upstream: SocketAddr, coding: Coding },
    /// Serve files, and pass on what is not there.
    Fallback { site: &'a Site, upstream: SocketAddr },
    /// Serve a real bundle. With an upstream its Node runs already; without one the peer starts `instances` of it.
    App { bundle: &'a Path, upstream: Option<SocketAddr>, instances: usize },
}

impl Role<'_> {
    /// What its configuration is called in the report.
    pub(crate) const fn purpose(&self) -> &'static str {
        match self {
            Self::Static(_) => "static files",
            Self::Proxy { .. } => "proxy",
            Self::Encode { coding: Coding::Brotli, .. } => "proxy that compresses, brotli",
            Self::Encode { coding: Coding::Gzip, .. } => "proxy that compresses, gzip",
            Self::Fallback { .. } => "static files with a fallback",
            Self::App { .. } => "an app",
        }
    }
}

/// Where and with what a server is to run.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) programs: &'a Programs,
    /// Its own, for configuration, logs and state.
    pub(crate) folder: &'a Path,
    /// Free a moment ago.
    pub(crate) address: SocketAddr,
    pub(crate) threads: usize,
}

/// A server about to start.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) command: Command,
    /// For the report.
    pub(crate) config: String,
}

/// The version in what `command` prints, which is its first line.
fn first_line_of(command: &mut Command) -> Option<String> {
    let printed = command.output().ok().filter(|output| output.status.success())?;
    // nginx says it on standard error.
    let text = if printed.stdout.is_empty() { printed.stderr } else { printed.stdout };
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    String::from_utf8_lossy(&text).lines().next().map(words)
}
