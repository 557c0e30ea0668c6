//! Hot: which host names belong to which site.

use std::collections::BTreeMap;

/// The longest host name there is (RFC 1035 2.3.4), with a port and a final dot.
const HOST_BYTES_MAX: usize = 262;

/// What belongs to host names.
#[derive(Debug)]
pub(super) struct Hosts<T> {
    exact: BTreeMap<Box<str>, T>,
    /// By what stands behind the `*.`.
    below: BTreeMap<Box<str>, T>,
}

impl<T> Default for Hosts<T> {
    fn default() -> Self {
        Self { exact: BTreeMap::new(), below: BTreeMap::new() }
    }
}

impl<T> Hosts<T> {
    /// Adds a name in lower case, or `*.` and one for every name below it.
    pub(super) fn add(&mut self, host: &str, owner: T) {
        let (table, name) = match host.strip_prefix("*.") {
            Some(name) => (&mut self.below, name),
            None => (&mut self.exact, host),
        };
        table.insert(name.into(), owner);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.below.is_empty()
    }

    /// To whom a `Host` field belongs: case and port do not count (RFC 9110 4.2.3). The name with the most labels decides.
    #[inline(never)]
    pub(super) fn find(&self, host: &str) -> Option<&T> {
        let mut buffer = [0; HOST_BYTES_MAX];
        let name = name_of(host, &mut buffer)?;
        if let Some(owner) = self.exact.get(name) {
            return Some(owner);
        }
        let mut rest = name;
        while let Some((_, above)) = rest.split_once('.') {
            if let Some(owner) = self.below.get(above) {
                return Some(owner);
            }
            rest = above;
        }
        None
    }
}

/// A host without its port and a final dot, in lower case; none where it is too long to be one.
fn name_of<'b>(host: &str, buffer: &'b mut [u8; HOST_BYTES_MAX]) -> Option<&'b str> {
    let end = match host.strip_prefix('[') {
        Some(address) => address.find(']').map(|end| end + 2),
        None => host.find(':'),
    };
    let name = host.get(..end.unwrap_or(host.len()))?;
    let name = name.strip_suffix('.').unwrap_or(name);
    let copy = buffer.get_mut(..name.len())?;
    copy.copy_from_slice(name.as_bytes());
    copy.make_ascii_lowercase();
    std::str::from_utf8(copy).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(host: &str) -> Option<String> {
        name_of(host, &mut [0; HOST_BYTES_MAX]).map(str::to_owned)
    }

    #[test]
    fn neither_case_nor_port_nor_a_final_dot_counts() {
        for (host, expected) in [
            ("www.example.org", "www.example.org"),
            ("WWW.Example.ORG:8080", "www.example.org"),
            ("www.example.org.", "www.example.org"),
            ("www.example.org.:80", "www.example.org"),
            ("[::1]:8080", "[::1]"),
            ("[::A]", "[::a]"),
            ("127.0.0.1:1", "127.0.0.1"),
            ("", ""),
        ] {
            assert_eq!(name(host).as_deref(), Some(expected), "{host}");
        }
        assert_eq!(name(&"a".repeat(HOST_BYTES_MAX + 1)), None);
    }

    #[test]
    fn the_exact_name_comes_first_and_then_the_nearest_one_above() {
        let mut hosts = Hosts::default();
        for (host, owner) in [("example.org", 1), ("*.example.org", 2), ("*.b.example.org", 3), ("a.b.example.org", 4)]
        {
            hosts.add(host, owner);
        }
        for (host, expected) in [
            ("example.org", Some(1)),
            ("EXAMPLE.org:443", Some(1)),
            ("a.example.org", Some(2)),
            ("x.y.example.org.", Some(2)),
            ("b.example.org", Some(2)),
            ("x.b.example.org", Some(3)),
            ("a.b.example.org", Some(4)),
            ("aexample.org", None),
            ("example.org.evil", None),
            ("org", None),
            ("", None),
        ] {
            assert_eq!(hosts.find(host).copied(), expected, "{host}");
        }
    }

    proptest! {
        #[test]
        fn any_host_is_read(host in ".{0,300}") {
            if let Some(name) = name(&host) {
                prop_assert!(name.len() <= host.len() && name == name.to_ascii_lowercase());
            }
        }
    }
}
