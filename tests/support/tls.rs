//! TLS for the tests: certificates made for the run, clients that believe them, and which servers speak it.

use std::{
    collections::BTreeSet,
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    version::{TLS12, TLS13},
};

use super::scratch;

/// A connection over TLS, with its handshake still to come.
pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    /// PEM.
    pub(crate) cert: PathBuf,
    /// PEM.
    pub(crate) key: PathBuf,
}

/// The certificate for `localhost` that servers have unless a test wants others.
pub(crate) static LOCALHOST: LazyLock<Pair> = LazyLock::new(|| make(&scratch::folder("localhost"), &["localhost"]));

/// A client as most tests want it, which remembers its sessions.
static CLIENT: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| client(&[&LOCALHOST], &[&TLS13, &TLS12]));

static SECURE: Mutex<BTreeSet<SocketAddr>> = Mutex::new(BTreeSet::new());

fn secure() -> MutexGuard<'static, BTreeSet<SocketAddr>> {
    SECURE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A server has begun to listen there, and speaks TLS or does not. Ports are used again.
pub(crate) fn listens(address: SocketAddr, speaks_tls: bool) {
    if speaks_tls {
        secure().insert(address);
    } else {
        secure().remove(&address);
    }
}

/// Whether the server at this address speaks TLS.
pub(crate) fn is_spoken(address: SocketAddr) -> bool {
    secure().contains(&address)
}

/// Makes a certificate for these names in a folder, or another one in its place.
pub(crate) fn make(folder: &Path, names: &[&str]) -> Pair {
    let key = rcgen::KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let pair = Pair { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
    fs::write(&pair.cert, certificate.pem()).unwrap();
    fs::write(&pair.key, key.serialize_pem()).unwrap();
    std::process::Command::new("chmod").args(["600"]).arg(&pair.key).status().unwrap();
    // What cannot be read back would fail somewhere else.
    PrivateKeyDer::from_pem_file(&pair.key).unwrap();
    pair
}

/// The certificate in a file, as it goes over the wire.
pub(crate) fn der(pair: &Pair) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(&pair.cert).unwrap()
}

/// Settings that name these certificates, in a file of their own.
pub(crate) fn settings(pairs: &[&Pair], more: &str) -> PathBuf {
    let path = scratch::folder("settings").join("edgeplane.toml");
    let table = |pair: &&Pair| {
        format!("[[tls.certificates]]\ncert = \"{}\"\nkey = \"{}\"\n", pair.cert.display(), pair.key.display())
    };
    fs::write(&path, format!("{more}\n{}", pairs.iter().map(table).collect::<String>())).unwrap();
    path
}

/// A client that believes these certificates and speaks these versions.
pub(crate) fn client(believed: &[&Pair], versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for pair in believed {
        roots.add(der(pair)).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// TLS on an open connection, for the host that servers have a certificate for anyway.
pub(crate) fn wrap(stream: TcpStream) -> Stream {
    wrap_as(stream, &CLIENT, "localhost")
}

/// TLS on an open connection, by a client, for a host.
pub(crate) fn wrap_as(stream: TcpStream, client: &Arc<ClientConfig>, host: &str) -> Stream {
    let host = ServerName::try_from(host.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::clone(client), host).unwrap(), stream)
}
