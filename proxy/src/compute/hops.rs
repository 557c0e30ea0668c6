//! Hot: the hops of `X-Forwarded-For`, as proxies write them.
//!
//! Each proxy adds whom it was asked by, behind what it was told. So the hops are read from the right, and only as far as
//! they are vouched for: whatever a client wrote itself stands further to the left, and nothing that it wrote there can
//! hide what a proxy has added, not even bytes that are no text.

use std::net::{IpAddr, SocketAddr};

use super::forwarded::is_visible;
use crate::answer::Head;

const NAME: &str = "x-forwarded-for";

/// Who asks, as far as trusted proxies tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The first hop from the right that nobody vouches for; where all are trusted, the first of them.
    Client(IpAddr),
    /// Nothing at all.
    Nothing,
    /// A hop that cannot be read stands before any such. Given is the trusted one that wrote it, where it is a hop itself.
    Unreadable(Option<IpAddr>),
}

/// Reads the hops behind a trusted peer.
pub(super) fn told(head: &Head<'_>, is_trusted: impl Fn(IpAddr) -> bool) -> Told {
    // A proxy may add its hop as a field of its own (RFC 9110 5.3).
    let fields = head.fields.iter().rev().filter(|field| field.name.eq_ignore_ascii_case(NAME));
    let hops = fields.flat_map(|field| field.value.rsplit(|byte| *byte == b','));
    let (mut last, mut says_anything) = (None, false);
    for hop in hops {
        says_anything = true;
        // An empty element of a list is none (RFC 9110 5.6.1.2).
        if hop.trim_ascii().is_empty() {
            continue;
        }
        let Some(hop) = address(hop) else { return Told::Unreadable(last) };
        if !is_trusted(hop) {
            return Told::Client(hop);
        }
        last = Some(hop);
    }
    match last {
        Some(hop) => Told::Client(hop),
        // Whoever sends an empty field means to name somebody.
        None if says_anything => Told::Unreadable(None),
        None => Told::Nothing,
    }
}

/// The address of a hop: bare, or with a port and with brackets and quotes, as some load balancers write it.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop.trim_ascii()).ok()?;
    let hop = hop.strip_prefix('"').and_then(|hop| hop.strip_suffix('"')).unwrap_or(hop);
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let address = hop.parse().ok().or_else(|| hop.parse().ok().map(|hop: SocketAddr| hop.ip())).or_else(bracketed);
    address.map(|address| address.to_canonical())
}

/// The hops of a field that may be told to others: those after the last one that is not visible ASCII.
pub(super) fn readable(hops: &[u8]) -> &[u8] {
    let Some(at) = hops.iter().rposition(|byte| !is_visible(*byte)) else { return hops };
    let comma = hops[at..].iter().position(|byte| *byte == b',');
    comma.map_or(&[][..], |comma| hops[at + comma + 1..].trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the fields tell; 10.0.0.0/8 is trusted.
    fn told_by(fields: &[&[u8]]) -> Told {
        let fields: Vec<_> = fields.iter().map(|value| httparse::Header { name: "X-Forwarded-For", value }).collect();
        let head = Head { method: "GET", path: "/", query: None, fields: &fields, http11: true, host: "h" };
        told(&head, |address| matches!(address, IpAddr::V4(address) if address.octets()[0] == 10))
    }

    fn client(address: &str) -> Told {
        Told::Client(address.parse().unwrap())
    }

    #[test]
    fn a_client_cannot_hide_what_a_proxy_adds() {
        for fields in [
            &[b"\x80, 203.0.113.9".as_slice()] as &[&[u8]],
            &[b"\xff\xfe,203.0.113.9"],
            &[b"\x80", b"203.0.113.9"],
            &[b"10.0.0.9, \x80, 203.0.113.9, 10.0.0.2"],
            &[b"10.0.0.9", b"203.0.113.9", b" 10.0.0.2 "],
            &[b"nonsense, 203.0.113.9,"],
            &[b"203.0.113.9, , ,"],
        ] {
            assert_eq!(told_by(fields), client("203.0.113.9"), "{fields:?}");
        }
    }

    #[test]
    fn ports_brackets_and_quotes_are_no_part_of_an_address() {
        for (hop, expected) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("\"203.0.113.9:4711\"", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("\"[2001:db8::1]:443\"", "2001:db8::1"),
            ("\t::ffff:203.0.113.9 ", "203.0.113.9"),
            ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ] {
            assert_eq!(told_by(&[hop.as_bytes()]), client(expected), "{hop}");
        }
    }

    #[test]
    fn who_is_not_told_is_not_the_proxy() {
        let via = Some("10.0.0.2".parse().unwrap());
        for (fields, expected) in [
            (&[] as &[&[u8]], Told::Nothing),
            (&[b"10.0.0.3"], client("10.0.0.3")),
            (&[b""], Told::Unreadable(None)),
            (&[b", ,"], Told::Unreadable(None)),
            (&[b"\x80"], Told::Unreadable(None)),
            (&[b"203.0.113.9, unknown"], Told::Unreadable(None)),
            (&[b"203.0.113.9", b"_hidden"], Told::Unreadable(None)),
            (&[b"203.0.113.9:port"], Told::Unreadable(None)),
            (&[b"203.0.113.9:99999"], Told::Unreadable(None)),
            (&[b"[203.0.113.9]"], Told::Unreadable(None)),
            (&[b"[2001:db8::1"], Told::Unreadable(None)),
            (&[b"203.0.113.9, unknown, 10.0.0.2"], Told::Unreadable(via)),
        ] {
            assert_eq!(told_by(fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn what_may_be_told_on_is_visible() {
        for (hops, expected) in [
            (b"1.1.1.1, 2.2.2.2".as_slice(), b"1.1.1.1, 2.2.2.2".as_slice()),
            (b"\x80, 203.0.113.9", b"203.0.113.9"),
            (b"1.1.1.1, x\x80y, 203.0.113.9, 10.0.0.2", b"203.0.113.9, 10.0.0.2"),
            (b"1.1.1.1, \x80", b""),
            (b"\x01", b""),
            (b"", b""),
        ] {
            assert_eq!(readable(hops), expected, "{hops:?}");
        }
    }
}
