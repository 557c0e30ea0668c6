//! Listening sockets: bound before anything else starts, so that a taken port is said at once.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    os::unix::{fs::FileTypeExt, net::UnixListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{arrival::Manner, socket::Socket};
use edgeplane_config::{Address, Listen};
use nix::sys::socket::{self as sock, sockopt};
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket as RawSocket, TcpKeepalive, Type};

/// Connections the kernel completes while we are busy. The kernel caps it at net.core.somaxconn.
const BACKLOG: i32 = 4096;

/// Why nobody can listen there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// The address is taken, foreign or forbidden.
    #[error("failed to listen on {address}")]
    Bind {
        /// As the settings name it.
        address: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Only upstreams may be names.
    #[error("cannot listen on the name `{0}`; give an IP address")]
    Name(String),
}

/// After so much silence the kernel asks whether the client is still there; after some unanswered questions the
/// connection is gone. Otherwise a WebSocket whose client lost its power would stay for ever.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// One address, with a socket for each shard that accepts there, and what is spoken there.
#[derive(Debug)]
pub(crate) struct Listener {
    sockets: Sockets,
    manner: Manner,
}

#[derive(Debug)]
enum Sockets {
    /// The kernel deals new clients to the sockets of one port (SO_REUSEPORT).
    Tcp { address: SocketAddr, sockets: Vec<Option<TcpListener>> },
    /// There is one socket, and who is first takes the client.
    Unix { socket: UnixListener, path: PathBuf },
}

impl Listener {
    /// Binds an address for `n_shards` shards. `tls` is for those that want it.
    pub(crate) fn bind(listen: &Listen, tls: Option<&Arc<ServerConfig>>, n_shards: usize) -> Result<Self, ListenError> {
        let tls = tls.filter(|_| listen.tls).cloned();
        let manner = Manner { tls, proxy_protocol: listen.proxy_protocol };
        Ok(Self { sockets: Sockets::bind(&listen.address, n_shards)?, manner })
    }

    /// The socket of a shard, which can be had once.
    pub(crate) fn share(&mut self, shard: usize) -> io::Result<Bound> {
        Ok(Bound { socket: self.sockets.share(shard)?, manner: self.manner.clone() })
    }

    /// The address with its real port, as a URL where it can be one.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.manner.tls.is_some() { "https" } else { "http" };
        match &self.sockets {
            Sockets::Tcp { address, .. } => format!("{scheme}://{address}"),
            Sockets::Unix { path, .. } => format!("unix:{}", path.display()),
        }
    }
}

impl Sockets {
    fn bind(address: &Address, n_shards: usize) -> Result<Self, ListenError> {
        match address {
            Address::Tcp(address) => Self::bind_tcp(*address, n_shards)
                .map_err(|source| ListenError::Bind { address: address.to_string(), source }),
            Address::Unix(path) => Self::bind_unix(path)
                .map_err(|source| ListenError::Bind { address: format!("unix:{}", path.display()), source }),
            Address::Name(name, port) => Err(ListenError::Name(format!("{name}:{port}"))),
        }
    }

    fn bind_tcp(address: SocketAddr, n_shards: usize) -> io::Result<Self> {
        // The first one listens for itself alone, so that a port another process listens on is taken, whether that
        // process shares it or not. Only then it is opened to its siblings.
        let first = tcp_socket(address)?;
        first.bind(&address.into())?;
        first.listen(BACKLOG)?;
        let address = first.local_addr()?.as_socket().unwrap_or(address);
        let mut sockets = vec![first];
        for _ in 1..n_shards {
            sock::setsockopt(&sockets[0], sockopt::ReusePort, &true)?;
            let sibling = tcp_socket(address)?;
            sock::setsockopt(&sibling, sockopt::ReusePort, &true)?;
            sibling.bind(&address.into())?;
            sibling.listen(BACKLOG)?;
            sockets.push(sibling);
        }
        Ok(Self::Tcp { address, sockets: sockets.into_iter().map(|socket| Some(socket.into())).collect() })
    }

    fn bind_unix(path: &Path) -> io::Result<Self> {
        // A socket file left by a killed process answers nobody; any other file is not ours to remove.
        let stale = fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
            && std::os::unix::net::UnixStream::connect(path).is_err();
        if stale {
            fs::remove_file(path)?;
        }
        let socket = UnixListener::bind(path)?;
        socket.set_nonblocking(true)?;
        Ok(Self::Unix { socket, path: path.to_owned() })
    }

    fn share(&mut self, shard: usize) -> io::Result<BoundSocket> {
        match self {
            Self::Tcp { sockets, .. } => sockets
                .get_mut(shard)
                .and_then(Option::take)
                .map(BoundSocket::Tcp)
                .ok_or_else(|| io::ErrorKind::NotFound.into()),
            Self::Unix { socket, .. } => socket.try_clone().map(BoundSocket::Unix),
        }
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        if let Self::Unix { path, .. } = self {
            // Nobody listens any more; a file that stays would only mislead.
            let _ = fs::remove_file(path);
        }
    }
}

/// A TCP socket that is to listen on `address`.
fn tcp_socket(address: SocketAddr) -> io::Result<RawSocket> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the kernel to forget old connections.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Linux gives accepted sockets what the listening one has. We gather what belongs together ourselves; waiting for
    // more would only delay it.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A socket that listens, on its way to the shard that will accept from it.
#[derive(Debug)]
pub(crate) struct Bound {
    socket: BoundSocket,
    manner: Manner,
}

#[derive(Debug)]
enum BoundSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A listening socket in the runtime of its shard.
#[derive(Debug)]
pub(crate) struct Acceptor {
    socket: Accepting,
    manner: Manner,
}

#[derive(Debug)]
enum Accepting {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Acceptor {
    /// Must run inside the runtime that accepts.
    pub(crate) fn new(bound: Bound) -> io::Result<Self> {
        let socket = match bound.socket {
            BoundSocket::Tcp(listener) => Accepting::Tcp(tokio::net::TcpListener::from_std(listener)?),
            BoundSocket::Unix(listener) => Accepting::Unix(tokio::net::UnixListener::from_std(listener)?),
        };
        Ok(Self { socket, manner: bound.manner })
    }

    /// What is spoken there.
    pub(super) fn manner(&self) -> &Manner {
        &self.manner
    }

    /// The next client.
    pub(crate) async fn accept(&self) -> io::Result<Socket> {
        match &self.socket {
            Accepting::Tcp(listener) => listener.accept().await.map(|(stream, peer)| Socket::tcp(stream, peer)),
            Accepting::Unix(listener) => listener.accept().await.map(|(stream, _)| Socket::unix(stream)),
        }
    }
}
