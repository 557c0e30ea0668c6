//! Who counts as one address, and who as its neighbours.

use std::net::IpAddr;

/// An address as it is counted: IPv4 by itself, IPv6 by its /64, as who has one address has all of them (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vicinity {
    /// Its bits.
    pub(super) own: u64,
    /// Those it is in.
    pub(super) neighbours: Neighbours,
}

/// A /24 of IPv4, or a /48 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Neighbours {
    V4(u64),
    V6(u64),
}

impl Vicinity {
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => {
                let own = u64::from(address.to_bits());
                Self { own, neighbours: Neighbours::V4(own >> 8) }
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments().map(u64::from);
                let site = (a << 32) | (b << 16) | c;
                Self { own: (site << 16) | d, neighbours: Neighbours::V6(site) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_one_or_neighbours_or_strangers() {
        let of = |address: &str| Vicinity::of(address.parse().unwrap());
        for (one, other, same, near) in [
            ("192.0.2.1", "192.0.2.1", true, true),
            ("192.0.2.1", "192.0.2.2", false, true),
            ("192.0.2.1", "192.0.3.1", false, false),
            ("2001:db8:1:1::1", "2001:db8:1:1::2", true, true),
            ("2001:db8:1:1::1", "2001:db8:1:2::1", false, true),
            ("2001:db8:1:1::1", "2001:db8:2:1::1", false, false),
            ("::c000:201", "192.0.2.1", false, false),
        ] {
            let (one_is, other_is) = (of(one), of(other));
            assert_eq!(one_is == other_is, same, "{one} {other}");
            assert_eq!(one_is.neighbours == other_is.neighbours, near, "{one} {other}");
        }
    }
}
