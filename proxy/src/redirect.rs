//! Which requests are sent to another scheme or host before anything else is asked: http to https, and `example.com`
//! to `www.example.com` or the other way round.
//!
//! The host of the new address is the one that was asked for, or one that the settings name, and nothing else.

use std::collections::BTreeMap;

use edgeplane_config::{RedirectSettings, twin};
use http::{HeaderValue, StatusCode};

use crate::answer::Head;

/// Keeps method and body (RFC 9110 15.4.9): a form that was sent to the wrong address is sent again to the right one.
pub const STATUS: StatusCode = StatusCode::PERMANENT_REDIRECT;

/// Below it authorities ask over http for proof that a host is ours (RFC 8555 8.3), before there is a certificate.
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// The redirects that the settings ask for.
#[derive(Debug)]
pub struct Redirects {
    https: bool,
    port: u16,
    /// Hosts that stay in no address bar, and those that take their place.
    hosts: BTreeMap<String, String>,
}

impl Redirects {
    /// None where there are none.
    pub fn new(settings: &RedirectSettings) -> Option<Self> {
        let hosts: BTreeMap<_, _> = settings.hosts.iter().map(|host| (twin(host), host.clone())).collect();
        (settings.https || !hosts.is_empty()).then_some(Self {
            https: settings.https,
            port: settings.https_port,
            hosts,
        })
    }

    /// Where a request that came over `scheme` is sent.
    pub fn find(&self, head: &Head<'_>, scheme: &str) -> Option<HeaderValue> {
        // What is about the server has no address, and neither has what names no host (HTTP/1.0).
        if !head.path.starts_with('/') || head.host.is_empty() {
            return None;
        }
        let (name, port) = split(head.host);
        let host = self.host(name);
        let secures = self.https && scheme != "https" && !head.path.starts_with(CHALLENGES);
        let authority = match (host, secures) {
            (None, false) => return None,
            (host, true) if self.port == 443 => host.unwrap_or(name).to_owned(),
            (host, true) => format!("{}:{}", host.unwrap_or(name), self.port),
            (Some(host), false) => port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
        };
        let scheme = if secures { "https" } else { scheme };
        let (mark, query) = head.query.map_or(("", ""), |query| ("?", query));
        HeaderValue::from_str(&format!("{scheme}://{authority}{}{mark}{query}", head.path)).ok()
    }

    /// The host that takes the place of this one.
    fn host(&self, name: &str) -> Option<&str> {
        if self.hosts.is_empty() {
            return None;
        }
        // A dot at the end means the same host.
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        self.hosts.get(&name).map(String::as_str)
    }
}

/// A host without its port, and the port. An address of version 6 stands in brackets.
fn split(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redirects(https: bool, https_port: u16, hosts: &[&str]) -> Option<Redirects> {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Redirects::new(&RedirectSettings { https, https_port, hosts })
    }

    fn found(redirects: &Redirects, scheme: &str, host: &str, path: &str, query: Option<&str>) -> Option<String> {
        let head = Head { method: "GET", path, query, fields: &[], http11: true, host };
        redirects.find(&head, scheme).map(|location| location.to_str().unwrap().to_owned())
    }

    #[test]
    fn without_a_setting_there_is_nothing_to_ask() {
        assert!(redirects(false, 443, &[]).is_none());
    }

    #[test]
    fn an_address_keeps_its_path_and_its_query() {
        let both = redirects(true, 443, &["www.a.test", "b.test"]).unwrap();
        let odd = redirects(true, 8443, &["www.a.test"]).unwrap();
        let hosts = redirects(false, 443, &["www.a.test"]).unwrap();
        for (redirects, scheme, host, target, location) in [
            (&both, "http", "c.test", "/x%20y?q=1&r", Some("https://c.test/x%20y?q=1&r")),
            (&both, "http", "c.test:8080", "/", Some("https://c.test/")),
            (&both, "http", "[::1]:8080", "/", Some("https://[::1]/")),
            (&both, "http", "[::1]", "/", Some("https://[::1]/")),
            (&both, "https", "c.test", "/", None),
            (&both, "http", "a.test", "/p", Some("https://www.a.test/p")),
            (&both, "https", "A.test", "/p?", Some("https://www.a.test/p?")),
            (&both, "https", "a.test.", "/p", Some("https://www.a.test/p")),
            (&both, "https", "www.a.test", "/p", None),
            (&both, "https", "www.b.test", "//evil.test/", Some("https://b.test//evil.test/")),
            (
                &both,
                "http",
                "a.test",
                "/.well-known/acme-challenge/t",
                Some("http://www.a.test/.well-known/acme-challenge/t"),
            ),
            (&both, "http", "c.test", "/.well-known/acme-challenge/t", None),
            (&both, "http", "", "/", None),
            (&both, "http", "c.test", "*", None),
            (&odd, "http", "c.test:80", "/", Some("https://c.test:8443/")),
            (&odd, "http", "a.test", "/", Some("https://www.a.test:8443/")),
            (&odd, "https", "a.test:8443", "/", Some("https://www.a.test:8443/")),
            (&hosts, "http", "a.test:8080", "/", Some("http://www.a.test:8080/")),
            (&hosts, "http", "c.test", "/", None),
        ] {
            let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
            assert_eq!(found(redirects, scheme, host, path, query).as_deref(), location, "{scheme} {host} {target}");
        }
    }

    proptest! {
        #[test]
        fn no_path_and_no_query_chooses_another_host(path in "/[!-~]{0,30}", query in "[!-~]{0,30}") {
            let redirects = redirects(true, 443, &["www.a.test"]).unwrap();
            let location = found(&redirects, "http", "a.test", &path, Some(&query)).unwrap();
            prop_assert!(location.starts_with("https://www.a.test/"), "{}", location);
        }
    }
}
