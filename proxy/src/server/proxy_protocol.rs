//! The PROXY protocol, versions 1 and 2: what a balancer says about its client before the first byte of it
//! (haproxy's `proxy-protocol.txt`, sections 2.1 and 2.2).
//!
//! Read strictly: what is not written as the specification writes it is no header, and the connection ends.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::{FromStr, Split},
};

/// What version 2 begins with. No request of any protocol does.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// What version 1 begins with.
const WORD: &[u8] = b"PROXY ";
/// Bytes of a line of version 1, its end included (2.1).
const LINE_MAX: usize = 107;
/// Bytes before the addresses of version 2.
const FIXED: usize = 16;
/// Bytes that version 2 may have after those. The addresses take 36, or 216 for Unix sockets; the rest is for what
/// balancers add about certificates and the like, none of which is read here.
const REST_MAX: usize = 4 * 1024;
/// Bytes of a whole header.
pub(super) const HEADER_MAX: usize = FIXED + REST_MAX;

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The client; none where the balancer speaks for itself (`LOCAL`, `UNKNOWN`).
    pub(super) client: Option<SocketAddr>,
    /// Its bytes.
    pub(super) length: usize,
}

/// What came is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Reads a header from the front of `bytes`; none while it is not complete. All of `bytes` is of the header then.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    if begins_as(bytes, &SIGNATURE) {
        return binary(bytes);
    }
    if begins_as(bytes, WORD) {
        return line(bytes);
    }
    Err(Malformed)
}

/// Whether one is the beginning of the other.
fn begins_as(bytes: &[u8], known: &[u8]) -> bool {
    let n = bytes.len().min(known.len());
    bytes[..n] == known[..n]
}

fn line(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let within = &bytes[..bytes.len().min(LINE_MAX)];
    let Some(lf) = memchr::memchr(b'\n', within) else {
        return if within.len() < LINE_MAX { Ok(None) } else { Err(Malformed) };
    };
    let text = within[..lf].strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok()).ok_or(Malformed)?;
    Ok(Some(Header { client: client(text)?, length: lf + 1 }))
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`, or `PROXY UNKNOWN` and anything.
fn client(line: &str) -> Result<Option<SocketAddr>, Malformed> {
    let mut words = line.split(' ');
    let _proxy = words.next();
    let client = match words.next() {
        Some("UNKNOWN") => return Ok(None),
        Some("TCP4") => ends::<Ipv4Addr>(&mut words)?,
        Some("TCP6") => ends::<Ipv6Addr>(&mut words)?,
        _ => return Err(Malformed),
    };
    if words.next().is_some() { Err(Malformed) } else { Ok(Some(client)) }
}

/// The addresses of both ends, then their ports; the first one is the client's.
fn ends<A: FromStr + Into<IpAddr>>(words: &mut Split<'_, char>) -> Result<SocketAddr, Malformed> {
    let mut address = || words.next().and_then(|word| word.parse::<A>().ok()).ok_or(Malformed);
    let (source, _) = (address()?, address()?);
    // A sign is a digit to nobody but Rust.
    let decimal = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    let mut port = || words.next().filter(decimal).and_then(|word| word.parse::<u16>().ok()).ok_or(Malformed);
    let (from, _) = (port()?, port()?);
    Ok(SocketAddr::new(source.into(), from))
}

fn binary(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED) else { return Ok(None) };
    let n_rest = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if n_rest > REST_MAX {
        return Err(Malformed);
    }
    // The high half is the version, the low one the command.
    let local = match fixed[12] {
        0x20 => true,
        0x21 => false,
        _ => return Err(Malformed),
    };
    let Some(rest) = rest.get(..n_rest) else { return Ok(None) };
    let header = |client| Ok(Some(Header { client, length: FIXED + n_rest }));
    if local {
        return header(None);
    }
    // The high half is the family, the low one the transport, which is a stream here.
    match fixed[13] {
        0x00 => header(None),
        0x11 => header(Some(source::<4>(rest, 8)?)),
        0x21 => header(Some(source::<16>(rest, 32)?)),
        0x31 if n_rest >= 216 => header(None),
        _ => Err(Malformed),
    }
}

/// The first of two addresses of `N` bytes each, with the port that stands after both.
fn source<const N: usize>(rest: &[u8], port_at: usize) -> Result<SocketAddr, Malformed>
where
    IpAddr: From<[u8; N]>,
{
    if rest.len() < port_at + 4 {
        return Err(Malformed);
    }
    let address: [u8; N] = rest[..N].try_into().map_err(|_| Malformed)?;
    Ok(SocketAddr::new(IpAddr::from(address), u16::from_be_bytes([rest[port_at], rest[port_at + 1]])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    fn read_client(bytes: &[u8]) -> Result<Option<String>, Malformed> {
        let header = read(bytes)?.expect("it is complete");
        assert_eq!(header.length, bytes.len());
        Ok(header.client.map(|client| client.to_string()))
    }

    #[test]
    fn both_versions_name_the_client() {
        let v4 = [&[192, 0, 2, 1, 198, 51, 100, 1][..], &56324_u16.to_be_bytes(), &443_u16.to_be_bytes()].concat();
        let v6 = [&Ipv6Addr::LOCALHOST.octets()[..], &[0; 16], &[1, 2, 3, 4]].concat();
        for (bytes, client) in [
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec(), Some("192.0.2.1:56324")),
            (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n".to_vec(), Some("[2001:db8::1]:1")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN anything at all\r\n".to_vec(), None),
            (v2(0x21, 0x11, &v4), Some("192.0.2.1:56324")),
            (v2(0x21, 0x11, &[&v4[..], b"\x04\x00\x01x"].concat()), Some("192.0.2.1:56324")),
            (v2(0x21, 0x21, &v6), Some("[::1]:258")),
            (v2(0x20, 0x11, &v4), None),
            (v2(0x20, 0x00, b""), None),
            (v2(0x21, 0x00, b"skipped"), None),
            (v2(0x21, 0x31, &[0; 216]), None),
        ] {
            assert_eq!(read_client(&bytes), Ok(client.map(str::to_owned)), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_is_written_otherwise_is_no_header() {
        for bytes in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\x16\x03\x01",
            b"proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n",
            b"PROXY TCP4 192.0.2.1  198.51.100.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 65536 2\r\n",
            b"PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 ::1 ::1 1 2\r\n",
            b"PROXY TCP6 192.0.2.1 ::1 1 2\r\n",
            b"PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n",
            b"PROXY \r\n",
            &[b"PROXY UNKNOWN ".as_slice(), &[b'x'; LINE_MAX]].concat(),
            &v2(0x11, 0x11, &[0; 12]),
            &v2(0x22, 0x11, &[0; 12]),
            &v2(0x21, 0x12, &[0; 12]),
            &v2(0x21, 0x11, &[0; 11]),
            &v2(0x21, 0x21, &[0; 35]),
            &v2(0x21, 0x31, &[0; 215]),
            &v2(0x21, 0x11, &[0; REST_MAX + 1]),
        ] {
            assert_eq!(read(bytes), Err(Malformed), "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn a_header_is_complete_with_its_last_byte_and_whatever_follows(
            octets: [u8; 4],
            ports: [u16; 2],
            binary: bool,
            extra in prop::collection::vec(any::<u8>(), 0..40),
            after in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let client = SocketAddr::from((octets, ports[0]));
            let header = if binary {
                let ports = ports.map(u16::to_be_bytes).concat();
                v2(0x21, 0x11, &[&octets[..], &[127, 0, 0, 1], &ports, &extra].concat())
            } else {
                format!("PROXY TCP4 {} 127.0.0.1 {} {}\r\n", client.ip(), ports[0], ports[1]).into_bytes()
            };
            for end in 0..header.len() {
                prop_assert_eq!(read(&header[..end]), Ok(None));
            }
            let whole = Header { client: Some(client), length: header.len() };
            prop_assert_eq!(read(&[header, after].concat()), Ok(Some(whole)));
        }

        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), begin in 0_usize..3) {
            let begins: [&[u8]; 3] = [b"", WORD, &SIGNATURE];
            bytes.splice(0..0, begins[begin].iter().copied());
            if let Ok(Some(header)) = read(&bytes) {
                prop_assert!(header.length <= bytes.len());
            }
        }
    }
}
