//! Hot: who the client is, and what Compute is told about it.
//!
//! What a client says of itself in forwarding fields is its own word: it is replaced, unless the peer is one of
//! `trusted-proxies`.

use std::{
    fmt::{self, Write as _},
    net::{IpAddr, SocketAddr},
};

use ipnet::IpNet;

use super::{
    fields::{Fields, Sink},
    hops::{self, Told},
};
use crate::answer::Head;

/// Who connected to us, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other end, or the client that a balancer told of.
    pub address: SocketAddr,
    /// `http` or `https`, as it is spoken with us.
    pub scheme: &'static str,
}

/// Whether an address is one of those whose forwarding fields are believed.
pub fn is_trusted(address: IpAddr, trusted_proxies: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted_proxies.iter().any(|net| net.contains(&address))
}

/// What is known about the client behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address the request comes from, behind trusted proxies.
    pub address: IpAddr,
    /// Whether that is the client. Otherwise it is the last proxy, whose word about the client cannot be read.
    pub named: bool,
    /// Whether the peer's forwarding fields are believed.
    pub trusted: bool,
    /// `http` or `https`, as the client spoke it.
    pub scheme: &'static str,
}

impl Client {
    /// Reads the client from the peer and, where that is trusted, from its fields.
    pub fn of(peer: Peer, head: &Head<'_>, trusted_proxies: &[IpNet]) -> Self {
        let Peer { address: peer, scheme: spoken } = peer;
        let peer = peer.ip().to_canonical();
        if !is_trusted(peer, trusted_proxies) {
            return Self { address: peer, named: true, trusted: false, scheme: spoken };
        }
        Self::behind(peer, spoken, head, trusted_proxies)
    }

    /// What a trusted proxy says about the client behind it. Apart from `of`, which most requests need no more of.
    #[inline(never)]
    fn behind(peer: IpAddr, spoken: &'static str, head: &Head<'_>, trusted_proxies: &[IpNet]) -> Self {
        let is_trusted = |address: IpAddr| is_trusted(address, trusted_proxies);
        let (address, named) = match hops::told(head, is_trusted) {
            Told::Client(address) => (address, true),
            // Nobody forwards this request: the proxy asks by itself.
            Told::Nothing => (peer, true),
            Told::Unreadable(last) => (last.unwrap_or(peer), false),
        };
        let scheme = match head.fields("x-forwarded-proto").last() {
            Some(proto) if proto.rsplit(',').next().is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https")) => {
                "https"
            }
            Some(_) => "http",
            None => spoken,
        };
        Self { address, named, trusted: true, scheme }
    }
}

/// Whether a field speaks about the client, so that only a trusted proxy may set it.
fn speaks_of_the_client(name: &str) -> bool {
    // Most names are none of these, which their first letter tells.
    if !matches!(name.as_bytes().first(), Some(b'x' | b'X' | b'c' | b'C' | b'f' | b'F')) {
        return false;
    }
    ["x-forwarded-", "cloudfront-viewer-"]
        .iter()
        .any(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
        || ["forwarded", "x-real-ip", "x-request-id", "cf-ipcountry", "x-forwarded"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
}

/// Fields by which a client could have a page made for somebody else: none of them is in the key of the edge cache, and
/// applications believe them: those of proxies, and those by which frameworks talk to themselves (CVE-2024-46982,
/// CVE-2025-29927 and CVE-2025-43865 are such).
const STEERING: [&str; 26] = [
    "x-nuxt-no-ssr",
    "x-original-url",
    "x-rewrite-url",
    "x-original-host",
    "x-host",
    "x-http-host-override",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-middleware-subrequest",
    "x-middleware-prefetch",
    "x-now-route-matches",
    "x-matched-path",
    "x-invoke-path",
    "x-invoke-query",
    "x-invoke-status",
    "x-prerender-revalidate",
    "x-react-router-spa-mode",
    "x-react-router-prerender-data",
    "x-astro-path",
    "x-nitro-prerender",
];

/// What speaks of the client and is in the key of the edge cache.
const IN_THE_KEY: [&str; 2] = ["cloudfront-viewer-country", "cf-ipcountry"];

/// Fields that [`Forwarding::emit`] says anew.
const SAID_ANEW: [&str; 7] = [
    "forwarded",
    "x-real-ip",
    "x-request-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
];

/// What Compute is told about where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Forwarding<'a> {
    /// The client.
    pub client: &'a Client,
    /// Who connected to us.
    pub peer: SocketAddr,
    /// The host that was asked for; empty where none was.
    pub host: &'a str,
    /// The id of the request.
    pub request_id: &'a str,
    /// The answer may be kept for others: nothing is said about this client that is not in the key it is kept under.
    pub shared: bool,
}

impl Forwarding<'_> {
    /// Whether a field of the request goes on as it is.
    pub fn passes(&self, name: &str) -> bool {
        if self.shared {
            let in_the_key = || IN_THE_KEY.iter().any(|known| name.eq_ignore_ascii_case(known));
            let steers = || STEERING.iter().any(|known| name.eq_ignore_ascii_case(known));
            return if speaks_of_the_client(name) { self.client.trusted && in_the_key() } else { !steers() };
        }
        !speaks_of_the_client(name)
            || (self.client.trusted && !SAID_ANEW.iter().any(|said| name.eq_ignore_ascii_case(said)))
    }

    /// Says the forwarding fields, on top of what a trusted peer said in `fields`.
    pub fn emit<'f>(&self, fields: impl Fields<'f>, sink: &mut impl Sink) {
        let Self { client, peer, host, request_id, shared } = *self;
        if shared {
            return self.emit_shared(sink);
        }
        let peer_ip = peer.ip().to_canonical();
        let peer = AddressText::of(peer_ip);
        let address = if client.address == peer_ip { peer } else { AddressText::of(client.address) };
        let n_believed = if client.trusted { usize::MAX } else { 0 };
        let believed = fields.take(n_believed);
        let given = |known: &'static str| believed.clone().filter(move |(name, _)| name.eq_ignore_ascii_case(known));
        sink.begin("x-forwarded-for");
        // A proxy may add its hop as a field of its own (RFC 9110 5.3); what is not visible ASCII is no hop.
        for hops in given("x-forwarded-for").map(|(_, hops)| hops::readable(hops)).filter(|hops| !hops.is_empty()) {
            sink.put(hops);
            sink.put(b", ");
        }
        sink.put(peer.as_bytes());
        sink.end();
        say(sink, "x-forwarded-proto", &[client.scheme.as_bytes()]);
        say(sink, "x-real-ip", &[address.as_bytes()]);
        say(sink, "x-request-id", &[request_id.as_bytes()]);
        let default_port = if client.scheme == "https" { "443" } else { "80" };
        let port = given("x-forwarded-port").next().map(|(_, port)| port);
        say(sink, "x-forwarded-port", &[port.unwrap_or_else(|| port_of(host).unwrap_or(default_port).as_bytes())]);
        match given("x-forwarded-host").next() {
            Some((_, host)) => say(sink, "x-forwarded-host", &[host]),
            None if host.is_empty() => {}
            None => say(sink, "x-forwarded-host", &[host.as_bytes()]),
        }
        let (open, close) = if client.address.is_ipv6() { ("for=\"[", "]\"") } else { ("for=", "") };
        // RFC 7239: host may hold a colon, so it is quoted.
        let (named, end) = if host.is_empty() { (";", "") } else { (";host=\"", "\";") };
        let pieces = [open, address.as_str(), close, named, host, end, "proto=", client.scheme];
        say(sink, "forwarded", &pieces.map(str::as_bytes));
    }
}

impl Forwarding<'_> {
    /// Says what the key of the edge cache holds, and the id of the request that happens to ask.
    fn emit_shared(&self, sink: &mut impl Sink) {
        let Self { client, host, request_id, .. } = *self;
        say(sink, "x-forwarded-proto", &[client.scheme.as_bytes()]);
        say(sink, "x-request-id", &[request_id.as_bytes()]);
        let default_port = if client.scheme == "https" { "443" } else { "80" };
        say(sink, "x-forwarded-port", &[port_of(host).unwrap_or(default_port).as_bytes()]);
        if !host.is_empty() {
            say(sink, "x-forwarded-host", &[host.as_bytes()]);
        }
    }
}

fn port_of(host: &str) -> Option<&str> {
    let (_, port) = host.rsplit_once(':')?;
    (!port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())).then_some(port)
}

pub(super) fn is_visible(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~')
}

fn say(sink: &mut impl Sink, name: &str, pieces: &[&[u8]]) {
    sink.begin(name);
    for piece in pieces {
        sink.put(piece);
    }
    sink.end();
}

/// An address as text, without a place on the heap.
#[derive(Clone, Copy, Debug)]
struct AddressText {
    bytes: [u8; Self::LENGTH_MAX],
    length: usize,
}

impl AddressText {
    /// An IPv6 address that ends in an IPv4 one, in full.
    const LENGTH_MAX: usize = 45;

    fn of(address: IpAddr) -> Self {
        let mut text = Self { bytes: [0; Self::LENGTH_MAX], length: 0 };
        // The room is enough for every address.
        let _ = match address {
            // Nearly all are of this kind, and the general way costs as much as all the rest of these fields.
            IpAddr::V4(address) => text.write_octets(address.octets()),
            IpAddr::V6(address) => write!(text, "{address}"),
        };
        text
    }

    fn write_octets(&mut self, octets: [u8; 4]) -> fmt::Result {
        for (place, octet) in octets.into_iter().enumerate() {
            if place > 0 {
                self.write_str(".")?;
            }
            self.write_str(itoa::Buffer::new().format(octet))?;
        }
        Ok(())
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Write for AddressText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
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
        let peer = Peer { address: SocketAddr::new(peer.parse().unwrap(), 1), scheme: "http" };
        Client::of(peer, &head, &trusted)
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
            ("1.1.1.1, nonsense", "10.0.0.1 or whom it does not name"),
            ("1.1.1.1, nonsense, 10.0.0.2", "10.0.0.2 or whom it does not name"),
            ("nonsense, 2.2.2.2", "2.2.2.2"),
            ("", "10.0.0.1 or whom it does not name"),
        ] {
            let found = client("10.0.0.1", &[("x-forwarded-for", hops)], &["10.0.0.0/8"]);
            let told = if found.named { "" } else { " or whom it does not name" };
            assert_eq!(format!("{}{told}", found.address), expected, "{hops}");
        }
    }

    #[test]
    fn the_scheme_is_the_one_spoken_with_us_unless_a_trusted_proxy_says_otherwise() {
        for (peer, spoken, said, scheme) in [
            ("198.51.100.1", "https", None, "https"),
            ("198.51.100.1", "https", Some("http"), "https"),
            ("198.51.100.1", "http", Some("https"), "http"),
            ("10.0.0.1", "https", None, "https"),
            ("10.0.0.1", "https", Some("http"), "http"),
            ("10.0.0.1", "http", Some("https"), "https"),
            ("10.0.0.1", "http", None, "http"),
        ] {
            let fields: Vec<_> = said
                .map(|said: &str| httparse::Header { name: "x-forwarded-proto", value: said.as_bytes() })
                .into_iter()
                .collect();
            let head = Head { method: "GET", path: "/", query: None, fields: &fields, http11: true, host: "h" };
            let peer = Peer { address: SocketAddr::new(peer.parse().unwrap(), 1), scheme: spoken };
            let found = Client::of(peer, &head, &["10.0.0.0/8".parse().unwrap()]);
            assert_eq!(found.scheme, scheme, "{peer:?} {said:?}");
        }
    }

    #[derive(Default)]
    struct Told(Vec<(String, String)>);

    impl Sink for Told {
        fn begin(&mut self, name: &str) {
            self.0.push((name.to_owned(), String::new()));
        }

        fn put(&mut self, piece: &[u8]) {
            self.0.last_mut().unwrap().1.push_str(std::str::from_utf8(piece).unwrap());
        }

        fn end(&mut self) {}
    }

    /// What Compute reads of these fields of a request: those that pass, then those that are said anew.
    fn forward(client: &Client, peer: &str, host: &str, fields: &[(&str, &str)]) -> Vec<(String, String)> {
        forward_as(false, client, peer, host, fields)
    }

    fn forward_as(
        shared: bool,
        client: &Client,
        peer: &str,
        host: &str,
        fields: &[(&str, &str)],
    ) -> Vec<(String, String)> {
        let peer = SocketAddr::new(peer.parse().unwrap(), 9);
        let forwarding = Forwarding { client, peer, host, request_id: "id-1", shared };
        let mut told = Told::default();
        let pairs = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
        for (name, value) in fields.iter().filter(|(name, _)| forwarding.passes(name)) {
            told.0.push(((*name).to_owned(), (*value).to_owned()));
        }
        forwarding.emit(pairs, &mut told);
        told.0
    }

    fn values<'a>(told: &'a [(String, String)], name: &str) -> Vec<&'a str> {
        told.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
    }

    #[test]
    fn a_strangers_fields_are_replaced_and_not_extended() {
        let names = [
            "Forwarded",
            "X-Forwarded-For",
            "x-forwarded-prefix",
            "x-real-ip",
            "x-request-id",
            "CloudFront-Viewer-Country",
            "cf-ipcountry",
        ];
        let client = Client { address: "::1".parse().unwrap(), named: true, trusted: false, scheme: "http" };
        let told = forward(&client, "::1", "example.test:8080", &names.map(|name| (name, "forged")));
        assert!(told.iter().all(|(_, value)| value != "forged"), "{told:?}");
        assert_eq!(values(&told, "x-forwarded-for"), ["::1"]);
        assert_eq!(values(&told, "x-forwarded-host"), ["example.test:8080"]);
        assert_eq!(values(&told, "x-forwarded-port"), ["8080"]);
        assert_eq!(values(&told, "forwarded"), ["for=\"[::1]\";host=\"example.test:8080\";proto=http"]);
    }

    #[test]
    fn hops_in_several_fields_are_one_chain_and_no_host_is_no_empty_one() {
        let client = Client { address: "203.0.113.9".parse().unwrap(), named: true, trusted: true, scheme: "http" };
        let hops = [("x-forwarded-for", "203.0.113.9"), ("X-Forwarded-For", "10.0.0.7"), ("x-forwarded-for", "\u{1}")];
        let told = forward(&client, "10.0.0.1", "", &hops);
        assert_eq!(values(&told, "x-forwarded-for"), ["203.0.113.9, 10.0.0.7, 10.0.0.1"]);
        assert_eq!(values(&told, "x-forwarded-host"), [""; 0]);
        assert_eq!(values(&told, "forwarded"), ["for=203.0.113.9;proto=http"]);
    }

    #[test]
    fn a_trusted_proxys_word_is_kept_and_its_chain_extended() {
        let client = Client { address: "203.0.113.9".parse().unwrap(), named: true, trusted: true, scheme: "https" };
        let fields = [
            ("x-forwarded-for", "203.0.113.9"),
            ("cloudfront-viewer-country", "NZ"),
            ("X-Forwarded-Host", "outside.test"),
            ("x-forwarded-prefix", "/p"),
        ];
        let told = forward(&client, "10.0.0.1", "h", &fields);
        assert_eq!(values(&told, "x-forwarded-for"), ["203.0.113.9, 10.0.0.1"]);
        assert_eq!(values(&told, "x-real-ip"), ["203.0.113.9"]);
        assert_eq!(values(&told, "x-forwarded-port"), ["443"]);
        assert_eq!(values(&told, "x-forwarded-host"), ["outside.test"]);
        assert_eq!(values(&told, "cloudfront-viewer-country"), ["NZ"]);
        assert_eq!(values(&told, "x-forwarded-prefix"), ["/p"]);
        assert_eq!(values(&told, "x-request-id"), ["id-1"]);
    }

    #[test]
    fn a_fetch_for_everybody_says_nothing_about_its_client() {
        let names = [
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "x-forwarded-port",
            "x-forwarded-prefix",
            "x-real-ip",
            "X-Request-Id",
            "CloudFront-Viewer-City",
            "X-Original-URL",
            "x-http-method-override",
            "CF-Connecting-IP",
            "X-Middleware-Subrequest",
            "x-now-route-matches",
            "X-React-Router-SPA-Mode",
        ];
        for trusted in [false, true] {
            let client = Client { address: "203.0.113.9".parse().unwrap(), named: true, trusted, scheme: "https" };
            let mut fields: Vec<_> = names.iter().map(|name| (*name, "of-one-client")).collect();
            fields.extend([("cloudfront-viewer-country", "NZ"), ("accept-language", "de")]);
            let told = forward_as(true, &client, "10.0.0.1", "example.test:8080", &fields);
            let text = format!("{told:?}");
            assert!(
                !text.contains("of-one-client") && !text.contains("203.0.113") && !text.contains("10.0.0"),
                "{text}"
            );
            assert_eq!(values(&told, "x-forwarded-host"), ["example.test:8080"]);
            assert_eq!(values(&told, "x-forwarded-port"), ["8080"]);
            assert_eq!(values(&told, "x-forwarded-proto"), ["https"]);
            assert_eq!(values(&told, "cloudfront-viewer-country").len(), usize::from(trusted));
            assert_eq!(values(&told, "accept-language"), ["de"]);
        }
    }

    #[test]
    fn the_longest_address_has_room() {
        let address = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap();
        assert_eq!(AddressText::of(address).as_str(), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
        assert_eq!(AddressText::of([203, 0, 113, 9].into()).as_str(), "203.0.113.9");
    }
}
