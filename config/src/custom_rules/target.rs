//! A rule's target: where a request goes.

use super::{
    Placeholder,
    source::{self, Piece},
};

/// Where a rule leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTarget {
    /// Another site; none: this one.
    pub site: Option<Site>,
    /// The path; empty where the target is a site alone.
    pub path: Vec<Piece>,
    /// The query, where there is one.
    pub query: Option<Vec<Piece>>,
    /// The fragment, where there is one, without its `#`.
    pub fragment: Option<String>,
}

/// Another site: no placeholder stands in it, so that no request chooses it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    /// `https`, and not `http`.
    pub secure: bool,
    /// The host, lower case; an IPv6 address in brackets.
    pub host: String,
    /// The port, where it is named.
    pub port: Option<u16>,
}

/// Why a text is no target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It begins with neither `/`, `https://` nor `http://`.
    Start,
    /// It begins like the address of another host: `//` or `/\`.
    TwoSlashes,
    /// The host is none.
    Host,
    /// A placeholder stands in the host.
    Authority,
    /// A `<` that begins no placeholder.
    Angle,
}

/// Reads a target.
pub(super) fn read(text: &str) -> Result<RuleTarget, Fault> {
    let (text, fragment) = match text.split_once('#') {
        Some((text, fragment)) => (text, Some(fragment.to_owned())),
        None => (text, None),
    };
    let (site, local) = match ["https://", "http://"].into_iter().find(|scheme| source::starts_with(text, scheme)) {
        Some(scheme) => {
            let rest = text.get(scheme.len()..).unwrap_or_default();
            let (authority, local) = rest.split_at(rest.find(['/', '\\', '?']).unwrap_or(rest.len()));
            (Some(site(scheme == "https://", authority)?), local)
        }
        None if text.starts_with("//") || text.starts_with("/\\") => return Err(Fault::TwoSlashes),
        None if text.starts_with('/') => (None, text),
        None => return Err(Fault::Start),
    };
    let (path, query) = match local.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (local, None),
    };
    let pieces = |text: &str| source::pieces(text).ok_or(Fault::Angle);
    Ok(RuleTarget { site, path: pieces(path)?, query: query.map(pieces).transpose()?, fragment })
}

fn site(secure: bool, authority: &str) -> Result<Site, Fault> {
    if authority.contains('<') {
        return Err(Fault::Authority);
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => {
            (host, Some(port.parse().ok().filter(|port| *port > 0).ok_or(Fault::Host)?))
        }
        _ => (authority, None),
    };
    let named = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    if named { Ok(Site { secure, host: host.to_ascii_lowercase(), port }) } else { Err(Fault::Host) }
}

impl Site {
    /// The port that is connected to.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// `host` or `host:port`, as a `Host` field has it.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }
}

impl RuleTarget {
    /// Every placeholder in it.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.path.iter().chain(self.query.iter().flatten()).filter_map(|piece| match piece {
            Piece::Placeholder(placeholder) => Some(placeholder),
            Piece::Text(_) => None,
        })
    }

    /// Whether it is the same for every request.
    pub fn is_fixed(&self) -> bool {
        self.placeholders().next().is_none()
    }
}
