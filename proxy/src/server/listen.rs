//! Listening sockets: bound before anything else starts, so that a taken port is said at once.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
    time::Duration,
};

use edgeplane_config::Address;
use socket2::{Domain, Protocol, Socket as RawSocket, TcpKeepalive, Type};
use tokio::net::{TcpListener, UnixListener};

use super::socket::Socket;

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

/// One listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Binds `address`; must run inside the runtime that accepts.
    pub(crate) fn bind(address: &Address) -> Result<Self, ListenError> {
        match address {
            Address::Tcp(address) => {
                Self::bind_tcp(*address).map_err(|source| ListenError::Bind { address: address.to_string(), source })
            }
            Address::Unix(path) => Self::bind_unix(path)
                .map_err(|source| ListenError::Bind { address: format!("unix:{}", path.display()), source }),
            Address::Name(name, port) => Err(ListenError::Name(format!("{name}:{port}"))),
        }
    }

    fn bind_tcp(address: SocketAddr) -> io::Result<Self> {
        let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // A restart must not wait for the kernel to forget old connections.
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        // Linux gives accepted sockets what the listening one has.
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE_INTERVAL))?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(Self::Tcp(TcpListener::from_std(socket.into())?))
    }

    fn bind_unix(path: &Path) -> io::Result<Self> {
        // A socket file left by a killed process answers nobody; any other file is not ours to remove.
        let stale = fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
            && std::os::unix::net::UnixStream::connect(path).is_err();
        if stale {
            fs::remove_file(path)?;
        }
        Ok(Self::Unix(UnixListener::bind(path)?, path.to_owned()))
    }

    /// The next client.
    pub(crate) async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // We gather what belongs together ourselves; waiting for more would only delay it. Where it cannot be
                // set, the client has left already, which its first read will tell.
                let _ = stream.set_nodelay(true);
                Ok(Socket::Tcp(stream))
            }
            Self::Unix(listener, _) => Ok(Socket::Unix(listener.accept().await?.0)),
        }
    }

    /// The address with its real port, as a URL where it can be one.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => format!("http://{address}"),
                Err(_) => "http://?".to_owned(),
            },
            Self::Unix(_, path) => format!("unix:{}", path.display()),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // Nobody listens any more; a file that stays would only mislead.
            let _ = fs::remove_file(path);
        }
    }
}
