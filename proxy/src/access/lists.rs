//! Networks as intervals, so that a list of thousands costs a few comparisons.

use std::net::IpAddr;

use ipnet::IpNet;

/// Networks, looked up by a search in halves.
#[derive(Clone, Debug, Default)]
pub(super) struct Networks {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl Networks {
    pub(super) fn new(networks: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match network {
                IpNet::V4(network) => v4.push((network.network().to_bits(), network.broadcast().to_bits())),
                IpNet::V6(network) => {
                    let (first, last) = (network.network(), network.broadcast());
                    match (first.to_ipv4_mapped(), last.to_ipv4_mapped()) {
                        // Clients are known by their IPv4 address, however the list spells it.
                        (Some(first), Some(last)) => v4.push((first.to_bits(), last.to_bits())),
                        _ => v6.push((first.to_bits(), last.to_bits())),
                    }
                }
            }
        }
        Self { v4: merged(v4), v6: merged(v6) }
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => holds(&self.v4, address.to_bits()),
            IpAddr::V6(address) => holds(&self.v6, address.to_bits()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// In order, and none within another: networks overlap only as a whole.
fn merged<T: Ord + Copy>(mut intervals: Vec<(T, T)>) -> Box<[(T, T)]> {
    intervals.sort_unstable_by(|one, other| one.0.cmp(&other.0).then(other.1.cmp(&one.1)));
    intervals.dedup_by(|next, kept| next.1 <= kept.1);
    intervals.into_boxed_slice()
}

fn holds<T: Ord + Copy>(intervals: &[(T, T)], address: T) -> bool {
    let after = intervals.partition_point(|(first, _)| *first <= address);
    after.checked_sub(1).is_some_and(|at| address <= intervals[at].1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        Networks::new(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn an_address_is_in_a_network_or_in_none() {
        let list = networks(&["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7/32", "2001:db8::/32", "::ffff:198.51.100.0/120"]);
        for (address, is_in) in [
            ("9.255.255.255", false),
            ("10.0.0.0", true),
            ("10.1.2.3", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("198.51.100.9", true),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("::", false),
        ] {
            assert_eq!(list.contains(address.parse().unwrap()), is_in, "{address}");
        }
        assert!(networks(&[]).is_empty() && !list.is_empty());
        assert!(networks(&["0.0.0.0/0"]).contains("255.255.255.255".parse().unwrap()));
        assert!(!networks(&["0.0.0.0/0"]).contains("::1".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn the_intervals_agree_with_a_walk_over_the_list(
            nets in prop::collection::vec((any::<u32>(), 0_u8..=32), 0..40),
            more in prop::collection::vec((any::<u128>(), 0_u8..=128), 0..40),
            asked in prop::collection::vec(any::<u32>(), 20),
        ) {
            let mut list: Vec<IpNet> = Vec::new();
            list.extend(nets.iter().map(|(bits, length)| IpNet::new(IpAddr::from(bits.to_be_bytes()), *length).unwrap()));
            list.extend(more.iter().map(|(bits, length)| IpNet::new(IpAddr::from(bits.to_be_bytes()), *length).unwrap()));
            let compiled = Networks::new(&list);
            let edges = list.iter().flat_map(|net| [net.network(), net.broadcast()]);
            for address in asked.iter().map(|bits| IpAddr::from(bits.to_be_bytes())).chain(edges) {
                let walked = list.iter().any(|net| net.contains(&address));
                prop_assert_eq!(compiled.contains(address), walked, "{}", address);
            }
        }
    }
}
