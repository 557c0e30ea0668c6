//! Hot: a connection to a client or to an upstream, TCP or Unix, or one that is a stream of HTTP/2, as one type.

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
use crate::telemetry::access_log::Protocol;

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

    /// The file descriptor, for Pingora's bookkeeping; none of a stream.
    pub(crate) fn fd(&self) -> RawFd {
        match &self.stream {
            Stream::Virtual(_) => -1,
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
        }
    }

    /// Waits until something can be written, or writing would fail at once.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        match &self.stream {
            Stream::Tcp(stream) => stream.writable().await,
            Stream::Unix(stream) => stream.writable().await,
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
    pub(crate) fn try_send(&self, pieces: &[io::IoSlice<'_>], more: bool) -> io::Result<usize> {
        if let Stream::Virtual(exchange) = &self.stream {
            return exchange.try_write(pieces);
        }
        let len = pieces.iter().map(|piece| piece.len()).sum();
        let flags = if more { SendFlags::NOSIGNAL | SendFlags::MORE } else { SendFlags::NOSIGNAL };
        self.try_write(len, |fd| Ok(rustix::net::sendmsg(fd, pieces, &mut SendAncillaryBuffer::default(), flags)?))
    }

    /// Writes as much of a part of a file as there is room for now, without copying it; 0 at the end of the file.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room: then [`writable`](Self::writable) waits for it.
    pub(crate) fn try_send_file(&self, file: &File, mut offset: u64, len: usize) -> io::Result<usize> {
        if let Stream::Virtual(exchange) = &self.stream {
            return exchange.try_send_file(file, offset, len);
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
            Stream::Virtual(_) => Err(io::ErrorKind::Unsupported.into()),
        };
        if written > 0 { Ok(written) } else { tried.map(|()| 0) }
    }

    /// Ready when there is something to read, or the end of it; for those who wait for several things at once.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.stream {
            Stream::Tcp(stream) => stream.poll_read_ready(cx),
            Stream::Unix(stream) => stream.poll_read_ready(cx),
            Stream::Virtual(exchange) => exchange.poll_readable(cx).map(|_| Ok(())),
        }
    }

    /// Appends what has come to `buffer`, as far as there is room in it; ready with 0 at the end.
    pub(crate) fn poll_receive(&self, cx: &mut Context<'_>, buffer: &mut Vec<u8>) -> Poll<io::Result<usize>> {
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
            Stream::Virtual(_) => Err(io::ErrorKind::Unsupported.into()),
        };
        if received > 0 { Ok(received) } else { tried.map(|()| 0) }
    }

    /// Reads without waiting.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.stream {
            Stream::Tcp(stream) => stream.try_read(buffer),
            Stream::Unix(stream) => stream.try_read(buffer),
            Stream::Virtual(_) => Err(io::ErrorKind::Unsupported.into()),
        }
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
            Stream::Virtual(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Virtual(exchange) => {
                exchange.finish();
                Poll::Ready(Ok(()))
            }
        }
    }
}
