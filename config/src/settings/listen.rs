//! Where clients are taken from, and what is spoken there: `https://0.0.0.0:443`, `127.0.0.1:8080?proxy-protocol`.

use std::{borrow::Cow, fmt, net::SocketAddr};

use super::address::{Address, AddressError};

/// What an address ends in where each connection begins with a line about its client.
const PROXY_PROTOCOL: &str = "?proxy-protocol";

/// A place to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    /// The place.
    pub address: Address,
    /// Whether clients speak TLS.
    pub tls: bool,
    /// Whether a connection begins with the PROXY protocol.
    pub proxy_protocol: bool,
}

impl Listen {
    /// Reads an address to listen on: of this machine, port 0 for any free one.
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let (text, proxy_protocol) = match text.strip_suffix(PROXY_PROTOCOL) {
            Some(text) => (text, true),
            None => (text, false),
        };
        let Some(rest) = text.strip_prefix("https://") else {
            return Ok(Self { address: Address::listener(text)?, tls: false, proxy_protocol });
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        // https://127.0.0.1 is port 443 (RFC 9110 4.2.2).
        let port =
            |address: SocketAddr| if rest.ends_with(&format!(":{}", address.port())) { address.port() } else { 443 };
        let address = match Address::listener(&format!("http://{rest}"))? {
            Address::Tcp(address) => Address::Tcp(SocketAddr::new(address.ip(), port(address))),
            other @ (Address::Unix(_) | Address::Name(..)) => other,
        };
        Ok(Self { address, tls: true, proxy_protocol })
    }

    /// The scheme of what is answered there.
    pub fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

/// As it would be written in the settings.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match &self.address {
            Address::Unix(_) => Cow::Borrowed(""),
            Address::Tcp(_) | Address::Name(..) => Cow::Owned(format!("{}://", self.scheme())),
        };
        write!(f, "{scheme}{}{}", self.address, if self.proxy_protocol { PROXY_PROTOCOL } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_says_what_is_spoken_there() {
        for (text, meant) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://127.0.0.1", "http://127.0.0.1:80"),
            ("https://127.0.0.1:8443/", "https://127.0.0.1:8443"),
            ("https://127.0.0.1:80", "https://127.0.0.1:80"),
            ("https://127.0.0.1", "https://127.0.0.1:443"),
            ("https://[::1]", "https://[::1]:443"),
            ("https://[::]:0", "https://[::]:0"),
            ("https://0.0.0.0:443?proxy-protocol", "https://0.0.0.0:443?proxy-protocol"),
            ("10.0.0.1:80?proxy-protocol", "http://10.0.0.1:80?proxy-protocol"),
            ("unix:/run/e.sock?proxy-protocol", "unix:/run/e.sock?proxy-protocol"),
        ] {
            assert_eq!(Listen::parse(text).map(|listen| listen.to_string()).as_deref(), Ok(meant), "{text}");
        }
    }

    #[test]
    fn what_is_no_place_to_listen_on_says_why() {
        for (text, why) in [
            ("https://localhost:443", AddressError::NameToListenOn),
            ("https://127.0.0.1:443/path", AddressError::Path),
            ("https://127.0.0.1:443?proxy", AddressError::Path),
            ("https://", AddressError::Host),
            ("?proxy-protocol", AddressError::Port),
        ] {
            assert_eq!(Listen::parse(text), Err(why), "{text}");
        }
    }
}
