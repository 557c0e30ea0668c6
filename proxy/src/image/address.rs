//! Which addresses are global unicast, and so may hold a source that anybody on the internet could have published.
//!
//! Everything else is refused: private networks, the machine itself, link-local metadata services, documentation and
//! benchmark ranges, multicast, and every way to write an IPv4 address inside an IPv6 one (IANA's special-purpose
//! address registries, RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Which addresses remote sources may live at: the networks an operator named, and everything global.
#[derive(Clone, Debug, Default)]
pub struct AddressRule {
    named: Vec<IpNet>,
}

impl AddressRule {
    /// A rule that also admits `named`.
    pub fn new(named: &[IpNet]) -> Self {
        Self { named: named.to_vec() }
    }

    /// Whether a source may be fetched from `address`.
    pub fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_global(address) || self.named.iter().any(|network| network.contains(&address))
    }
}

/// Whether `address` is global unicast.
fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => is_global_v6(address),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        // This network, private, loopback, shared (carrier-grade NAT), link-local.
        (0 | 10 | 127, _, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            // Protocol assignments, documentation, 6to4 relays, AS112, benchmarking.
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 31, 196)
            | (192, 52, 193)
            | (192, 175, 48)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            // Multicast, reserved, broadcast.
            | (224..=255, _, _)
    )
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    if let Some(embedded) = embedded_v4(address) {
        return is_global_v4(embedded);
    }
    let [first, second, third, ..] = address.segments();
    match first {
        // Only 2000::/3 is allotted for global unicast (RFC 4291 2.4).
        0x2000..=0x3fff => {
            // 2001::/23: protocol assignments (Teredo, ORCHID, benchmarking); nothing there is a web server.
            let assignments = first == 0x2001 && second < 0x0200;
            // 2001:db8::/32 and 3fff::/20: documentation.
            let documentation = (first == 0x2001 && second == 0x0db8) || (first == 0x3fff && second < 0x1000);
            // 2620:4f:8000::/48: AS112.
            let as112 = first == 0x2620 && second == 0x4f && third == 0x8000;
            // 2002::/16: 6to4, retired by RFC 7526, and a way around any filter that looks at IPv4 only.
            let retired = first == 0x2002;
            !assignments && !documentation && !as112 && !retired && !is_isatap(address)
        }
        _ => false,
    }
}

/// The IPv4 address that an IPv6 address stands for, where traffic to it ends up there.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        // IPv4-mapped, ::ffff:0:0/96 (RFC 4291 2.5.5.2).
        [0, 0, 0, 0, 0, 0xffff, high, low]
        // The well-known NAT64 prefix, 64:ff9b::/96 (RFC 6052).
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        _ => None,
    }
}

/// An interface identifier of ISATAP (RFC 5214 6.1): a tunnel to an IPv4 address of the site.
fn is_isatap(address: Ipv6Addr) -> bool {
    let [.., fifth, sixth, _, _] = address.segments();
    matches!(fifth, 0 | 0x0200) && sixth == 0x5efe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn global(text: &str) -> bool {
        is_global(text.parse().expect(text))
    }

    #[test]
    fn private_and_special_ipv4_is_not_global() {
        // Row 153, and the edges of each range.
        for address in [
            "127.0.0.1",
            "127.255.255.255",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.0",
            "100.127.255.255",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "192.88.99.1",
        ] {
            assert!(!global(address), "{address}");
        }
    }

    #[test]
    fn public_ipv4_is_global() {
        // Row 154.
        for address in [
            "8.8.8.8",
            "1.1.1.1",
            "172.15.255.255",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.0",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "169.253.1.1",
            "11.0.0.1",
        ] {
            assert!(global(address), "{address}");
        }
    }

    #[test]
    fn special_ipv6_is_not_global() {
        // Rows 155, 156.
        for address in [
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "100::1",
            "2001:20::1",
            "fec0::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
        ] {
            assert!(!global(address), "{address}");
        }
    }

    #[test]
    fn ipv4_inside_ipv6_is_judged_as_what_it_is() {
        // Row 157.
        for address in [
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001:0:1:2:3:4:80ff:fffe",
            "2001:470:1:2:0:5efe:7f00:1",
            "2001:470:1:2:200:5efe:a00:1",
            "::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(!global(address), "{address}");
        }
        for address in ["::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::1111", "2a00:1450::1"] {
            assert!(global(address), "{address}");
        }
    }

    #[test]
    fn a_named_network_is_admitted_and_nothing_beside_it() {
        let rule = AddressRule::new(&["127.0.0.0/8".parse().expect("network")]);
        let admits = |text: &str| rule.admits(text.parse().expect(text));
        assert!(admits("127.0.0.1") && admits("::ffff:127.0.0.1") && admits("8.8.8.8"));
        assert!(!admits("::1") && !admits("10.0.0.1") && !admits("::127.0.0.1"));
    }
}
