//! Hot: who the client is, and what Compute is told about it.
//!
//! What a client says of itself in forwarding fields is its own word: it is replaced, unless the peer is one of
//! `trusted-proxies`.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;

use crate::answer::Head;

/// What is known about the client behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address the request comes from, behind trusted proxies.
    pub address: IpAddr,
    /// Whether the peer's forwarding fields are believed.
    pub trusted: bool,
    /// `http` or `https`, as the client spoke it.
    pub scheme: &'static str,
}

impl Client {
    /// Reads the client from the peer's address and, where that is trusted, from its fields.
    pub fn of(peer: SocketAddr, head: &Head<'_>, trusted_proxies: &[IpNet]) -> Self {
        let is_trusted = |address: IpAddr| trusted_proxies.iter().any(|net| net.contains(&address));
        let peer = peer.ip().to_canonical();
        if !is_trusted(peer) {
            return Self { address: peer, trusted: false, scheme: "http" };
        }
        let address = head
            .joined("x-forwarded-for")
            .and_then(|hops| {
                // From the right: the first hop nobody vouches for is the client. A hop that is no address ends the trust.
                let mut last = None;
                for hop in hops.rsplit(',') {
                    let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
                    last = Some(hop.to_canonical());
                    if !is_trusted(hop.to_canonical()) {
                        break;
                    }
                }
                last
            })
            .unwrap_or(peer);
        let scheme = match head.fields("x-forwarded-proto").last() {
            Some(proto) if proto.rsplit(',').next().is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https")) => {
                "https"
            }
            _ => "http",
        };
        Self { address, trusted: true, scheme }
    }
}

/// Whether a field speaks about the client, so that only a trusted proxy may set it.
pub fn speaks_of_the_client(name: &str) -> bool {
    ["x-forwarded-", "cloudfront-viewer-"]
        .iter()
        .any(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
        || ["forwarded", "x-real-ip", "x-request-id", "cf-ipcountry", "x-forwarded"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
}

/// Replaces the forwarding fields in the request for Compute.
pub fn rewrite(fields: &mut HeaderMap, client: &Client, peer: SocketAddr, host: &str, request_id: &str) {
    let name = HeaderName::from_static;
    // A proxy may add its hop as a field of its own (RFC 9110 5.3).
    let hops = if client.trusted { joined(fields, "x-forwarded-for") } else { None };
    let port = client.trusted.then(|| fields.get("x-forwarded-port").cloned()).flatten();
    let forwarded_host = client.trusted.then(|| fields.get("x-forwarded-host").cloned()).flatten();
    if !client.trusted {
        let foreign: Vec<HeaderName> =
            fields.keys().filter(|field| speaks_of_the_client(field.as_str())).cloned().collect();
        for field in foreign {
            fields.remove(field);
        }
    }
    let peer = peer.ip().to_canonical();
    let hops = match hops {
        Some(hops) => format!("{hops}, {peer}"),
        None => peer.to_string(),
    };
    let quoted = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("\"[{v6}]\""),
    };
    let default_port = HeaderValue::from_static(if client.scheme == "https" { "443" } else { "80" });
    let port = port.unwrap_or_else(|| {
        let given = host
            .rsplit_once(':')
            .map(|(_, port)| port)
            .filter(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
        given.and_then(|port| HeaderValue::from_str(port).ok()).unwrap_or(default_port)
    });
    set(fields, name("x-forwarded-for"), &hops);
    set(fields, name("x-forwarded-proto"), client.scheme);
    set(fields, name("x-real-ip"), &client.address.to_string());
    set(fields, name("x-request-id"), request_id);
    fields.insert(name("x-forwarded-port"), port);
    match forwarded_host {
        Some(value) => drop(fields.insert(name("x-forwarded-host"), value)),
        None if host.is_empty() => {}
        None => set(fields, name("x-forwarded-host"), host),
    }
    // RFC 7239: host may hold a colon, so it is quoted.
    let named = if host.is_empty() { String::new() } else { format!("host=\"{host}\";") };
    set(fields, header::FORWARDED, &format!("for={};{named}proto={}", quoted(client.address), client.scheme));
}

/// All values of a list field as one, where there is any; what is not visible ASCII is no hop.
fn joined(fields: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<&str> = fields.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn set(fields: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        fields.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, fields: &[(&str, &str)], trusted: &[&str]) -> Client {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| httparse::Header { name, value: value.as_bytes() }).collect();
        let head = Head { method: "GET", path: "/", query: None, fields: &fields, http11: true, host: "h" };
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        Client::of(SocketAddr::new(peer.parse().unwrap(), 1), &head, &trusted)
    }

    #[test]
    fn only_a_trusted_peer_is_believed() {
        let fields = [("x-forwarded-for", "203.0.113.9"), ("X-Forwarded-Proto", "https")];
        let stranger = client("198.51.100.1", &fields, &["10.0.0.0/8"]);
        assert_eq!((stranger.address.to_string(), stranger.scheme), ("198.51.100.1".to_owned(), "http"));
        let proxy = client("10.0.0.1", &fields, &["10.0.0.0/8"]);
        assert_eq!((proxy.address.to_string(), proxy.scheme), ("203.0.113.9".to_owned(), "https"));
    }

    #[test]
    fn the_client_is_the_first_hop_from_the_right_that_nobody_vouches_for() {
        for (hops, expected) in [
            ("1.1.1.1, 2.2.2.2, 10.0.0.2", "2.2.2.2"),
            ("10.0.0.3", "10.0.0.3"),
            ("1.1.1.1, nonsense", "10.0.0.1"),
            ("nonsense, 2.2.2.2", "2.2.2.2"),
            ("", "10.0.0.1"),
        ] {
            let found = client("10.0.0.1", &[("x-forwarded-for", hops)], &["10.0.0.0/8"]);
            assert_eq!(found.address.to_string(), expected, "{hops}");
        }
    }

    #[test]
    fn a_strangers_fields_are_replaced_and_not_extended() {
        let mut fields = HeaderMap::new();
        for name in [
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-prefix",
            "x-real-ip",
            "x-request-id",
            "cloudfront-viewer-country",
        ] {
            fields.insert(HeaderName::from_static(name), HeaderValue::from_static("forged"));
        }
        let peer: SocketAddr = "[::1]:9".parse().unwrap();
        let client = Client { address: peer.ip(), trusted: false, scheme: "http" };
        rewrite(&mut fields, &client, peer, "example.test:8080", "id-1");
        assert!(fields.values().all(|value| value != "forged"), "{fields:?}");
        assert_eq!(fields["x-forwarded-for"], "::1");
        assert_eq!(fields["x-forwarded-host"], "example.test:8080");
        assert_eq!(fields["x-forwarded-port"], "8080");
        assert_eq!(fields["forwarded"], "for=\"[::1]\";host=\"example.test:8080\";proto=http");
        assert!(!fields.contains_key("cloudfront-viewer-country"));
    }

    #[test]
    fn hops_in_several_fields_are_one_chain_and_no_host_is_no_empty_one() {
        let mut fields = HeaderMap::new();
        fields.append("x-forwarded-for", HeaderValue::from_static("203.0.113.9"));
        fields.append("x-forwarded-for", HeaderValue::from_static("10.0.0.7"));
        let peer: SocketAddr = "10.0.0.1:9".parse().unwrap();
        let client = Client { address: "203.0.113.9".parse().unwrap(), trusted: true, scheme: "http" };
        rewrite(&mut fields, &client, peer, "", "id");
        assert_eq!(fields["x-forwarded-for"], "203.0.113.9, 10.0.0.7, 10.0.0.1");
        assert_eq!(fields.get_all("x-forwarded-for").iter().count(), 1);
        assert!(!fields.contains_key("x-forwarded-host"));
        assert_eq!(fields["forwarded"], "for=203.0.113.9;proto=http");
    }

    #[test]
    fn a_trusted_proxys_chain_is_extended() {
        let mut fields = HeaderMap::new();
        fields.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.9"));
        fields.insert("cloudfront-viewer-country", HeaderValue::from_static("NZ"));
        let peer: SocketAddr = "10.0.0.1:9".parse().unwrap();
        let client = Client { address: "203.0.113.9".parse().unwrap(), trusted: true, scheme: "https" };
        rewrite(&mut fields, &client, peer, "h", "id");
        assert_eq!(fields["x-forwarded-for"], "203.0.113.9, 10.0.0.1");
        assert_eq!(fields["x-real-ip"], "203.0.113.9");
        assert_eq!(fields["x-forwarded-port"], "443");
        assert_eq!(fields["cloudfront-viewer-country"], "NZ");
    }
}
