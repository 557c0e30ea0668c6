//! Listening sockets: bound before anything else starts, so that a taken port is said at once.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    os::unix::{fs::FileTypeExt, net::UnixListener},
    path::{Path, PathBuf},
    time::Duration,
};

use super::socket::Socket;
use edgeplane_config::Address;
use nix::sys::socket::{self as sock, sockopt};
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

/// One address, with a socket for each shard that accepts there.
#[derive(Debug)]
pub(crate) enum Listener {
    /// The kernel deals new clients to the sockets of one port (SO_REUSEPORT).
    Tcp { address: SocketAddr, sockets: Vec<Option<TcpListener>> },
    /// There is one socket, and who is first takes the client.
    Unix { socket: UnixListener, path: PathBuf },
}

impl Listener {
    /// Binds `address` for `n_shards` shards.
    pub(crate) fn bind(address: &Address, n_shards: usize) -> Result<Self, ListenError> {
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

    /// The socket of a shard, which can be had once.
    pub(crate) fn share(&mut self, shard: usize) -> io::Result<Bound> {
        match self {
            Self::Tcp { sockets, .. } => sockets
                .get_mut(shard)
                .and_then(Option::take)
                .map(Bound::Tcp)
                .ok_or_else(|| io::ErrorKind::NotFound.into()),
            Self::Unix { socket, .. } => socket.try_clone().map(Bound::Unix),
        }
    }

    /// The address with its real port, as a URL where it can be one.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Tcp { address, .. } => format!("http://{address}"),
            Self::Unix { path, .. } => format!("unix:{}", path.display()),
        }
    }
}

impl Drop for Listener {
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
pub(crate) enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A listening socket in the runtime of its shard.
#[derive(Debug)]
pub(crate) enum Acceptor {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Acceptor {
    /// Must run inside the runtime that accepts.
    pub(crate) fn new(bound: Bound) -> io::Result<Self> {
        Ok(match bound {
            Bound::Tcp(listener) => Self::Tcp(tokio::net::TcpListener::from_std(listener)?),
            Bound::Unix(listener) => Self::Unix(tokio::net::UnixListener::from_std(listener)?),
        })
    }

    /// The next client.
    pub(crate) async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, peer)| Socket::tcp(stream, peer)),
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Socket::unix(stream)),
        }
    }
}
