//! Hot: a connection over TLS: what is written becomes records, what comes becomes bytes again.
//!
//! Bytes count as written once they are encrypted. The kernel may not have room for all of the records yet: they are
//! sent before anything else is, whenever the connection is read from, written to or flushed. There are never more of
//! them than [`SEND_MAX`] bytes make.

use std::{
    io::{self, BufRead as _, ErrorKind, IoSlice, Read, Write},
    os::fd::{AsFd as _, AsRawFd as _, RawFd},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use rustls::{HandshakeKind, ServerConfig, ServerConnection};
use tokio::{
    io::{AsyncWrite as _, Interest},
    net::TcpStream,
};

use crate::tls::HTTP2;

/// Bytes encrypted before the kernel is asked to take them: four records of the largest size there is. Each call costs
/// as much as encrypting 4 KiB does; and so many bytes may wait for a client that reads slowly.
pub(super) const SEND_MAX: usize = 64 * 1024;

/// Slices of one write.
const SLICES: usize = 16;

/// A connection whose client speaks TLS.
#[derive(Debug)]
pub(super) struct Tls {
    stream: TcpStream,
    session: ServerConnection,
    /// The kernel had no room for all records.
    blocked: bool,
    /// The client was told that nothing more is coming.
    closed: bool,
}

impl Tls {
    /// Shakes hands.
    ///
    /// # Errors
    /// `InvalidData` when the client speaks something else, or nothing that we speak; else what the socket says.
    pub(super) async fn accept(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let mut session = ServerConnection::new(config).map_err(io::Error::other)?;
        // What waits is bounded by what is encrypted at once.
        session.set_buffer_limit(None);
        let mut tls = Self { stream, session, blocked: false, closed: false };
        std::future::poll_fn(|cx| tls.poll_handshake(cx)).await?;
        Ok(tls)
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.is_handshaking() {
            ready!(self.poll_push(cx))?;
            ready!(self.poll_receive(cx))?;
        }
        // What is left to say goes out with the first answer, or when there is nothing to read yet.
        Poll::Ready(Ok(()))
    }

    /// How it shook hands.
    pub(super) fn is_resumed(&self) -> bool {
        self.session.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Whether HTTP/2 was agreed on (RFC 9113 3.2).
    pub(super) fn speaks_http2(&self) -> bool {
        self.session.alpn_protocol() == Some(HTTP2)
    }

    pub(super) fn fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Waits until the kernel takes something.
    pub(super) async fn writable(&self) -> io::Result<()> {
        self.stream.writable().await
    }

    /// Whether records wait for room.
    pub(super) fn is_unsent(&self) -> bool {
        self.session.wants_write()
    }

    /// Encrypts what there is room for, and sends it; with `more`, together with what follows.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room: then [`writable`](Self::writable) waits for it.
    pub(super) fn try_send(&mut self, pieces: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
        if self.blocked {
            self.push()?;
        }
        let n = self.encrypt(pieces)?;
        if more && n < SEND_MAX {
            return Ok(n);
        }
        match self.push() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(n),
        }
    }

    /// Sends the records that wait.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room for all.
    pub(super) fn push(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut Kernel(&self.stream)) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) => {
                    self.blocked = error.kind() == ErrorKind::WouldBlock;
                    return Err(error);
                }
            }
        }
        self.blocked = false;
        Ok(())
    }

    pub(super) fn poll_push(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.push() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready!(self.stream.poll_write_ready(cx))?,
                pushed => return Poll::Ready(pushed),
            }
        }
    }

    /// Makes records of the pieces, of [`SEND_MAX`] bytes of them at most.
    fn encrypt(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut cut = [IoSlice::new(&[]); SLICES];
        let (mut room, mut n_cut) = (SEND_MAX, 0);
        for (slice, piece) in cut.iter_mut().zip(pieces) {
            let piece = &piece[..];
            *slice = IoSlice::new(&piece[..piece.len().min(room)]);
            room -= slice.len();
            n_cut += 1;
        }
        self.session.writer().write_vectored(&cut[..n_cut])
    }

    /// Ready when there is something to read, or the end of it.
    pub(super) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_plaintext(cx, |_| 0).map_ok(|_| ())
    }

    /// Gives what has come to `take`, which says how much of it was taken; nothing at the end.
    pub(super) fn poll_plaintext(
        &mut self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&[u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut reader = self.session.reader();
            match reader.fill_buf() {
                Ok(bytes) => {
                    let n = take(bytes);
                    reader.consume(n);
                    return Poll::Ready(Ok(n));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            if self.session.wants_write()
                && let Poll::Ready(Err(error)) = self.poll_push(cx)
            {
                return Poll::Ready(Err(error));
            }
            ready!(self.poll_receive(cx))?;
        }
    }

    /// Reads without waiting.
    pub(super) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.receive()?,
                read => return read,
            }
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.receive() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                received => return Poll::Ready(received),
            }
        }
    }

    /// Reads once from the kernel, and makes of it what it means.
    fn receive(&mut self) -> io::Result<()> {
        let received = self.session.read_tls(&mut Kernel(&self.stream))?;
        match self.session.process_new_packets() {
            Ok(_) if received == 0 && self.session.is_handshaking() => Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(error) => {
                // The client is told why, where that is still possible.
                let _ = self.push();
                Err(io::Error::new(ErrorKind::InvalidData, error))
            }
        }
    }

    pub(super) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.blocked {
            ready!(self.poll_push(cx))?;
        }
        let n = self.encrypt(pieces)?;
        match self.push() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(n)),
        }
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.say_goodbye();
        ready!(self.poll_push(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    /// Without it a client cannot tell an answer that ends with its connection from one that was cut off (RFC 8446 6.1).
    fn say_goodbye(&mut self) {
        if !self.closed {
            self.closed = true;
            self.session.send_close_notify();
        }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.say_goodbye();
        // A client that does not take it is not waited for.
        let _ = self.push();
    }
}

/// A socket, as rustls reads from it and writes to it: once, and without waiting.
struct Kernel<'a>(&'a TcpStream);

impl Kernel<'_> {
    /// Asks the kernel once, if the runtime does not know already that it is in vain.
    fn try_once(&self, interest: Interest, room: usize, ask: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        let mut done = 0;
        let tried = self.0.try_io(interest, || {
            done = ask()?;
            // Where less was moved than could have been there is no more to move. Telling the runtime spares the call
            // that would find out, as its own reads and writes do.
            if (1..room).contains(&done) { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        if done > 0 { Ok(done) } else { tried.map(|()| 0) }
    }
}

impl Read for Kernel<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len();
        let flags = RecvFlags::empty();
        self.try_once(Interest::READABLE, room, || Ok(rustix::net::recv(self.0.as_fd(), &mut *buffer, flags)?.1))
    }
}

impl Write for Kernel<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let length = pieces.iter().map(|piece| piece.len()).sum();
        self.try_once(Interest::WRITABLE, length, || {
            let mut nothing = SendAncillaryBuffer::default();
            Ok(rustix::net::sendmsg(self.0.as_fd(), pieces, &mut nothing, SendFlags::NOSIGNAL)?)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
