//! Hot: what rules see of a request.

use std::cell::Cell;

use crate::answer::Head;

/// A request, as rules see it.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The host, without its port and the dot a name may end in.
    pub host: &'a str,
    /// The path as sent.
    pub path: &'a str,
    /// The path that patterns are matched against: percent-encoding is undone.
    pub decoded: &'a [u8],
    /// The query as sent.
    pub query: Option<&'a str>,
    /// The client's country, where somebody we trust has named it.
    pub country: Option<&'a str>,
    /// Regular expressions that were given up.
    pub given_up: Cell<u32>,
}

impl<'a> Asked<'a> {
    /// Reads a request; `decoded` is its path as `route::decode` gives it.
    pub fn of(head: &Head<'a>, decoded: &'a [u8], country: Option<&'a str>) -> Self {
        let Head { path, query, host, .. } = *head;
        Self { host: bare(host), path, decoded, query, country, given_up: Cell::new(0) }
    }
}

/// A host without its port. Whether it is one at all was for the gate to say.
fn bare(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_compared_without_port_and_final_dot() {
        for (host, expected) in [
            ("a.example", "a.example"),
            ("a.example:8080", "a.example"),
            ("a.example.", "a.example"),
            ("a.example.:80", "a.example"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
        ] {
            assert_eq!(bare(host), expected, "{host}");
        }
    }
}
