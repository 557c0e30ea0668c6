//! The address of an instance, held for its whole life.
//!
//! A port is reserved by a socket of ours that is bound and never listens. As long as it exists the kernel gives the
//! port to nobody who asks for "any", while Node may bind it explicitly: Linux lets two sockets with SO_REUSEADDR
//! share a port until one of them listens, and libuv sets that option on every server. So there is no moment in which
//! the port is free, nothing has to be reported back, and the address stays the same over restarts, which is what
//! pooled connections are keyed by. Connections are refused, at once, while Node does not listen.
//!
//! TCP on loopback is the default, because frameworks read `req.socket.remoteAddress`, which a Unix socket does not
//! have: an app that passes it to a parser would fail here and work on Amplify. A Unix socket in a folder of mode 0700
//! is what other users of the machine cannot reach.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use edgeplane_config::Address;
use socket2::{Domain, Socket, Type};

/// `sun_path` of unix(7), without its final zero.
const SOCKET_PATH_MAX: usize = 107;

/// How Node is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// `127.0.0.1` and a port of the kernel's choice.
    #[default]
    Loopback,
    /// A socket file in the run folder.
    Unix,
}

/// An address nobody else gets.
#[derive(Debug)]
pub(super) struct Reservation {
    pub(super) address: Address,
    /// Keeps the port; unused otherwise.
    _port: Option<Socket>,
}

/// An instance could get no address.
#[derive(Debug, thiserror::Error)]
pub enum ReservationError {
    /// The kernel gave no port.
    #[error("could not reserve a port on 127.0.0.1 for Node")]
    Port(#[source] io::Error),
    /// The path does not fit into a socket address.
    #[error(
        "{path} is {length} bytes long, and a socket's path may have {SOCKET_PATH_MAX}: choose a shorter state-dir"
    )]
    PathTooLong {
        /// The path of the socket.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// A socket file of an earlier life is in the way.
    #[error("could not remove the old socket {path}")]
    OldSocket {
        /// The path of the socket.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Reservation {
    /// Reserves an address for the instance of that name.
    pub(super) fn make(transport: Transport, run_dir: &Path, name: &str) -> Result<Self, ReservationError> {
        match transport {
            Transport::Loopback => Self::port().map_err(ReservationError::Port),
            Transport::Unix => Self::socket(run_dir.join(format!("{name}.sock"))),
        }
    }

    fn port() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { address: Address::Tcp(address), _port: Some(socket) })
    }

    fn socket(path: PathBuf) -> Result<Self, ReservationError> {
        let length = path.as_os_str().len();
        if length > SOCKET_PATH_MAX {
            return Err(ReservationError::PathTooLong { path, length });
        }
        remove_socket(&path).map_err(|source| ReservationError::OldSocket { path: path.clone(), source })?;
        Ok(Self { address: Address::Unix(path), _port: None })
    }

    /// Makes room for the next Node: one that was killed leaves its socket file behind, and a new one cannot bind it.
    pub(super) fn clear(&self) {
        if let Address::Unix(path) = &self.address
            && let Err(error) = remove_socket(path)
        {
            tracing::warn!(path = %path.display(), %error, "could not remove the old socket");
        }
    }
}

fn remove_socket(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn tcp(reservation: &Reservation) -> SocketAddr {
        let Address::Tcp(address) = reservation.address else { panic!("{:?} is not TCP", reservation.address) };
        address
    }

    #[test]
    fn a_reserved_port_can_be_bound_by_number_and_refuses_until_then() {
        let reservation = Reservation::make(Transport::Loopback, Path::new("/"), "a").unwrap();
        let address = tcp(&reservation);
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        // The standard library sets SO_REUSEADDR as libuv does.
        let listener = TcpListener::bind(address).unwrap();
        TcpStream::connect(address).unwrap();
        drop(listener);
        TcpListener::bind(address).expect("the port can be bound again after a restart");
    }

    #[test]
    fn two_reservations_differ() {
        let make = || Reservation::make(Transport::Loopback, Path::new("/"), "a").unwrap();
        let (first, second) = (make(), make());
        assert_ne!(tcp(&first), tcp(&second));
    }

    #[test]
    fn an_old_socket_is_removed_and_a_long_path_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.sock"), "").unwrap();
        let reservation = Reservation::make(Transport::Unix, dir.path(), "a").unwrap();
        assert_eq!(reservation.address, Address::Unix(dir.path().join("a.sock")));
        assert!(!dir.path().join("a.sock").exists());
        let long = dir.path().join("x".repeat(100));
        let error = Reservation::make(Transport::Unix, &long, "a").unwrap_err();
        assert!(error.to_string().contains("choose a shorter state-dir"), "{error}");
    }
}
