//! Places to listen on and to connect to.

use std::{fmt, net::SocketAddr, path::PathBuf};

/// A place to listen on or connect to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// `127.0.0.1:8080` or `http://127.0.0.1:8080`
    Tcp(SocketAddr),
    /// `unix:/run/edgeplane.sock`
    Unix(PathBuf),
    /// `http://name:3000`: resolved when connecting; upstreams only.
    Name(String, u16),
}

/// Where the admin endpoints answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admin {
    /// On this address.
    On(SocketAddr),
    /// Nowhere.
    Off,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("TLS is not spoken there")]
    Tls,
    #[error("the path of a Unix socket must be absolute")]
    RelativeSocket,
    #[error("an address has no path and no query")]
    Path,
    #[error("the port is missing or not between 1 and 65535")]
    Port,
    #[error("the host is missing or not a name")]
    Host,
    #[error("a name cannot be listened on")]
    NameToListenOn,
}

impl AddressError {
    /// How to mend it.
    pub(crate) fn help(self) -> &'static str {
        match self {
            Self::Tls => "write http://: TLS is for the addresses of `listen`",
            Self::RelativeSocket => "write unix:/run/edgeplane.sock",
            Self::Path | Self::Port | Self::Host => "write host:port, http://host:port or unix:/path",
            Self::NameToListenOn => "write an address of this machine, such as 127.0.0.1:8080 or 0.0.0.0:8080",
        }
    }
}

impl Address {
    /// Reads an address to connect to: a port must be named and a host may be.
    pub(crate) fn upstream(text: &str) -> Result<Self, AddressError> {
        match Self::parse(text)? {
            Self::Tcp(address) if address.port() == 0 => Err(AddressError::Port),
            Self::Name(_, 0) => Err(AddressError::Port),
            address @ (Self::Tcp(_) | Self::Unix(_) | Self::Name(..)) => Ok(address),
        }
    }

    /// Reads an address to listen on: of this machine, port 0 for any free one.
    pub(crate) fn listener(text: &str) -> Result<Self, AddressError> {
        match Self::parse(text)? {
            Self::Name(..) => Err(AddressError::NameToListenOn),
            address @ (Self::Tcp(_) | Self::Unix(_)) => Ok(address),
        }
    }

    fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() { Ok(Self::Unix(path)) } else { Err(AddressError::RelativeSocket) };
        }
        if text.starts_with("https://") {
            return Err(AddressError::Tls);
        }
        let (authority, schemed) = match text.strip_prefix("http://") {
            Some(rest) => (rest.strip_suffix('/').unwrap_or(rest), true),
            None => (text, false),
        };
        if authority.contains(['/', '?', '#', '@']) {
            return Err(AddressError::Path);
        }
        if let Ok(address) = authority.parse() {
            return Ok(Self::Tcp(address));
        }
        if let Ok(ip) = authority.trim_start_matches('[').trim_end_matches(']').parse() {
            // http://127.0.0.1 is port 80 (RFC 9110 4.2.1); a bare 127.0.0.1 is more likely a slip.
            return if schemed { Ok(Self::Tcp(SocketAddr::new(ip, 80))) } else { Err(AddressError::Port) };
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| AddressError::Port)?),
            None if schemed => (authority, 80),
            None => return Err(AddressError::Port),
        };
        let named = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if named { Ok(Self::Name(host.to_ascii_lowercase(), port)) } else { Err(AddressError::Host) }
    }
}

impl Admin {
    /// Reads `off` or the address of this machine.
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        if text == "off" {
            return Ok(Self::Off);
        }
        match Address::listener(text)? {
            Address::Tcp(address) => Ok(Self::On(address)),
            Address::Unix(_) | Address::Name(..) => Err(AddressError::Host),
        }
    }
}

/// As it would be written in the settings, without the scheme.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Name(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_every_spelling() {
        for (text, meant) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
            ("http://127.0.0.1", "127.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
            ("http://[::1]", "[::1]:80"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
            ("http://App:3000", "app:3000"),
            ("localhost:3000", "localhost:3000"),
        ] {
            assert_eq!(Address::upstream(text).map(|address| address.to_string()).as_deref(), Ok(meant), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, why) in [
            ("", AddressError::Port),
            ("8080", AddressError::Port),
            (":8080", AddressError::Host),
            ("127.0.0.1", AddressError::Port),
            ("127.0.0.1:0", AddressError::Port),
            ("127.0.0.1:99999", AddressError::Port),
            ("https://app:443", AddressError::Tls),
            ("unix:run/app.sock", AddressError::RelativeSocket),
            ("http://app:3000/path", AddressError::Path),
            ("http://user@app:3000", AddressError::Path),
            ("a b:80", AddressError::Host),
        ] {
            assert_eq!(Address::upstream(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_listener_takes_any_free_port_but_no_name() {
        assert!(Address::listener("127.0.0.1:0").is_ok());
        assert_eq!(Address::listener("localhost:80"), Err(AddressError::NameToListenOn));
        assert_eq!(Admin::parse("off"), Ok(Admin::Off));
        assert!(Admin::parse("unix:/run/admin.sock").is_err());
    }
}
