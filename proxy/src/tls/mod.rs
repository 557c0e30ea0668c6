//! TLS as a matter of certificates: which one a client gets, what it may speak, and how new ones are taken up.
//!
//! 1. [`certificate`]: two PEM files to a key that signs, the names it is for and the time it ends
//! 2. [`keyring`]: all of them, and the one for a client that names a host
//! 3. [`watch`]: reads the files anew when they have changed
//!
//! What moves bytes is `server::tls`.

mod certificate;
mod keyring;
mod watch;

use std::sync::Arc;

use rustls::{
    ServerConfig, SupportedCipherSuite,
    crypto::{
        CryptoProvider,
        ring::{self, Ticketer, cipher_suite},
    },
    server::NoServerSessionStorage,
    version::{TLS12, TLS13},
};

pub use self::{certificate::CertificateError, keyring::Keyring};
pub(crate) use self::{
    keyring::{Expiry, RELOADS},
    watch::watch,
};

/// What is spoken over TLS, the best one first (ALPN, RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
/// What HTTP/2 is called there (RFC 9113 11.1).
pub(crate) const HTTP2: &[u8] = b"h2";

/// The best one first, whatever order a client has: AES with 128 bits costs the least, and is broken by nobody. All keep
/// what was said secret when a key is lost later, and all tell when a byte was changed.
const SUITES: [SupportedCipherSuite; 9] = [
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// What is spoken with clients, by all threads: so that each knows the sessions of all.
///
/// # Errors
/// When the system gives no random numbers.
pub(crate) fn config(keyring: Arc<Keyring>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = CryptoProvider { cipher_suites: SUITES.to_vec(), ..ring::default_provider() };
    let builder = ServerConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[&TLS13, &TLS12])?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(keyring);
    config.ignore_client_order = true;
    config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
    // A session is kept by its client, in a ticket under a key that only this process has and changes every six hours.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = Ticketer::new()?;
    Ok(Arc::new(config))
}
