//! Hot: a connection to a client or to an upstream, TCP, Unix or TLS, or one that is a stream of HTTP/2, as one type.

use std::{
    fs::File,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::fd::{AsFd as _, AsRawFd, BorrowedFd, RawFd},
    pin::Pin,
    task::{Context, Poll, ready},
};

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::{TcpStream, UnixStream},
};

use super::h2::Exchange;
use super::tls::Tls;
use crate::{compute::forwarded::Peer, telemetry::access_log::Protocol};

/// A connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Stream,
    peer: SocketAddr,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Boxed: it is much larger than the others.
    Tls(Box<Tls>),
    /// Of one request.
    Virtual(Box<Exchange>),
}

impl Socket {
    /// A connection over TCP.
    pub(crate) fn tcp(stream: TcpStream, peer: SocketAddr) -> Self {
        Self { stream: Stream::Tcp(stream), peer }
    }

    /// A connection on this machine, whose ends have no addresses.
    pub(crate) fn unix(stream: UnixStream) -> Self {
        Self { stream: Stream::Unix(stream), peer: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0) }
    }

    /// A connection over TLS, whose client was told of as `peer`.
    pub(super) fn tls(tls: Tls, peer: SocketAddr) -> Self {
        Self { stream: Stream::Tls(Box::new(tls)), peer }
    }

    /// Whether its client speaks HTTP/2, which was agreed on when hands were shaken.
    pub(super) fn speaks_http2(&self) -> bool {
        matches!(&self.stream, Stream::Tls(tls) if tls.speaks_http2())
    }

    /// A stream of a client's connection.
    pub(crate) fn stream(exchange: Exchange, peer: SocketAddr) -> Self {
        Self { stream: Stream::Virtual(Box::new(exchange)), peer }
    }

    /// What its client speaks.
    pub(crate) fn protocol(&self, http11: bool) -> Protocol {
        match &self.stream {
            Stream::Virtual(_) => Protocol::Http2,
            _ if http11 => Protocol::Http11,
            _ => Protocol::Http10,
        }
    }

    /// The connection below, where TLS may begin on it.
    pub(super) fn into_tcp(self) -> Option<TcpStream> {
        match self.stream {
            Stream::Tcp(stream) => Some(stream),
            Stream::Unix(_) | Stream::Tls(_) | Stream::Virtual(_) => None,
        }
    }

    /// The file descriptor, for Pingora's bookkeeping; none of a stream.
    pub(crate) fn fd(&self) -> RawFd {
        match &self.stream {
            Stream::Virtual(_) => -1,
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
            Stream::Tls(tls) => tls.fd(),
        }
    }

    /// What the client speaks: `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        match &self.stream {
            Stream::Tls(_) => "https",
            Stream::Virtual(exchange) => exchange.scheme(),
            Stream::Tcp(_) | Stream::Unix(_) => "http",
        }
    }

    /// Whether what is sent is made into something else first, so that the kernel cannot send it out of a file.
    pub(crate) fn copies(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Whether something that counts as written was not taken by the kernel yet.
    pub(crate) fn is_unsent(&self) -> bool {
        matches!(&self.stream, Stream::Tls(tls) if tls.is_unsent())
    }

    /// Sends what counts as written.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room for all.
    pub(crate) fn push(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Tcp(_) | Stream::Unix(_) | Stream::Virtual(_) => Ok(()),
            Stream::Tls(tls) => tls.push(),
        }
    }

    /// Waits until something can be written, or writing would fail at once.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        match &self.stream {
            Stream::Tcp(stream) => stream.writable().await,
            Stream::Unix(stream) => stream.writable().await,
            Stream::Tls(tls) => tls.writable().await,
            Stream::Virtual(exchange) => {
                exchange.writable().await;
                Ok(())
            }
        }
    }

    /// Writes what there is room for now. With `more`, the kernel may keep an incomplete segment until more follows.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room: then [`writable`](Self::writable) waits for it.
    pub(crate) fn try_send(&mut self, pieces: &[io::IoSlice<'_>], more: bool) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Tls(tls) => return tls.try_send(pieces, more),
            Stream::Virtual(exchange) => return exchange.try_write(pieces),
            Stream::Tcp(_) | Stream::Unix(_) => {}
        }
        let len = pieces.iter().map(|piece| piece.len()).sum();
        let flags = if more { SendFlags::NOSIGNAL | SendFlags::MORE } else { SendFlags::NOSIGNAL };
        self.try_write(len, |fd| Ok(rustix::net::sendmsg(fd, pieces, &mut SendAncillaryBuffer::default(), flags)?))
    }

    /// Writes as much of a part of a file as there is room for, without copying it; 0 at the end of the file. `bytes`
    /// are that part: they are sent where the file cannot be.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room: then [`writable`](Self::writable) waits for it.
    pub(crate) fn try_send_file(&mut self, file: &File, mut offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len();
        match &mut self.stream {
            Stream::Tls(tls) => return tls.try_send(&[io::IoSlice::new(bytes)], false),
            Stream::Virtual(exchange) => return exchange.try_send_file(file, offset, len),
            Stream::Tcp(_) | Stream::Unix(_) => {}
        }
        self.try_write(len, |fd| Ok(rustix::fs::sendfile(fd, file, Some(&mut offset), len)?))
    }

    /// Writes once, if the runtime does not know already that there is no room.
    fn try_write(&self, len: usize, write: impl FnOnce(BorrowedFd<'_>) -> io::Result<usize>) -> io::Result<usize> {
        let mut written = 0;
        let write = |fd: BorrowedFd<'_>| {
            written = write(fd)?;
            // Where less was taken than offered there is no room left. Telling the runtime spares the call that would
            // find out, as its own writes do; the kernel says when there is room again.
            if (1..len).contains(&written) { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        };
        let tried = match &self.stream {
            Stream::Tcp(stream) => stream.try_io(Interest::WRITABLE, || write(stream.as_fd())),
            Stream::Unix(stream) => stream.try_io(Interest::WRITABLE, || write(stream.as_fd())),
            Stream::Tls(_) | Stream::Virtual(_) => Err(io::ErrorKind::Unsupported.into()),
        };
        if written > 0 { Ok(written) } else { tried.map(|()| 0) }
    }

    /// Ready when there is something to read, or the end of it; for those who wait for several things at once.
    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.poll_read_ready(cx),
            Stream::Unix(stream) => stream.poll_read_ready(cx),
            Stream::Tls(tls) => tls.poll_readable(cx),
            Stream::Virtual(exchange) => exchange.poll_readable(cx).map(|_| Ok(())),
        }
    }

    /// Appends what has come to `buffer`, as far as there is room in it; ready with 0 at the end.
    pub(crate) fn poll_receive(&mut self, cx: &mut Context<'_>, buffer: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        if let Stream::Tls(tls) = &mut self.stream {
            let room = buffer.capacity() - buffer.len();
            return tls.poll_plaintext(cx, |bytes| {
                let n = bytes.len().min(room);
                buffer.extend_from_slice(&bytes[..n]);
                n
            });
        }
        loop {
            ready!(self.poll_readable(cx))?;
            match self.try_receive(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                received => return Poll::Ready(received),
            }
        }
    }

    fn try_receive(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let room = buffer.capacity() - buffer.len();
        let mut received = 0;
        let mut receive = |fd: BorrowedFd<'_>| {
            received = rustix::net::recv(fd, rustix::buffer::spare_capacity(buffer), RecvFlags::empty())?.1;
            // Where there was less than room for it, there is no more. Telling the runtime spares the call that would
            // find out, as its own reads do.
            if (1..room).contains(&received) { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        };
        let tried = match &self.stream {
            Stream::Tcp(stream) => stream.try_io(Interest::READABLE, || receive(stream.as_fd())),
            Stream::Unix(stream) => stream.try_io(Interest::READABLE, || receive(stream.as_fd())),
            // No upstream is reached by one.
            Stream::Tls(_) | Stream::Virtual(_) => Err(io::ErrorKind::Unsupported.into()),
        };
        if received > 0 { Ok(received) } else { tried.map(|()| 0) }
    }

    /// Reads without waiting.
    pub(crate) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.try_read(buffer),
            Stream::Unix(stream) => stream.try_read(buffer),
            Stream::Tls(tls) => tls.try_read(buffer),
            Stream::Virtual(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Waits until there is something to read, or the end of it, and looks at it without taking it.
    ///
    /// # Errors
    /// What the socket says, and `Unsupported` where it is encrypted.
    pub(super) async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let look = |fd: BorrowedFd<'_>, buffer: &mut [u8]| Ok(rustix::net::recv(fd, buffer, RecvFlags::PEEK)?.1);
        match &self.stream {
            Stream::Tcp(stream) => stream.async_io(Interest::READABLE, || look(stream.as_fd(), &mut *buffer)).await,
            Stream::Unix(stream) => stream.async_io(Interest::READABLE, || look(stream.as_fd(), &mut *buffer)).await,
            Stream::Tls(_) | Stream::Virtual(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Whether the other end is on this machine, and has no address.
    pub(super) fn is_local(&self) -> bool {
        matches!(self.stream, Stream::Unix(_))
    }

    /// The client is another than the one at the other end, who says so and is believed.
    pub(super) fn stands_for(&mut self, client: SocketAddr) {
        self.peer = client;
    }

    /// Who is at the other end, and what is spoken with it.
    pub(crate) fn from(&self) -> Peer {
        Peer { address: self.peer, scheme: self.scheme() }
    }

    /// The other end's address; loopback for a Unix socket, whose peer is on this machine.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(tls) => tls
                .poll_plaintext(cx, |bytes| {
                    let n = bytes.len().min(buf.remaining());
                    buf.put_slice(&bytes[..n]);
                    n
                })
                .map_ok(|_| ()),
            Stream::Virtual(exchange) => {
                exchange.poll_read(cx, buf.remaining(), |bytes| buf.put_slice(bytes)).map(|_| Ok(()))
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, data),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, data),
            Stream::Tls(tls) => tls.poll_write_vectored(cx, &[io::IoSlice::new(data)]),
            Stream::Virtual(exchange) => exchange.poll_write(cx, &[io::IoSlice::new(data)]),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Stream::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Stream::Tls(tls) => tls.poll_write_vectored(cx, pieces),
            Stream::Virtual(exchange) => exchange.poll_write(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(tls) => tls.poll_push(cx),
            Stream::Virtual(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(tls) => tls.poll_shutdown(cx),
            Stream::Virtual(exchange) => {
                exchange.finish();
                Poll::Ready(Ok(()))
            }
        }
    }
}
