//! Hot: one connection to an upstream.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::AsyncWrite as _,
    net::{TcpStream, UnixStream},
    time::{Instant, Sleep, sleep_until},
};

use crate::{compute::Endpoint, server::socket::Socket};

/// A connection, idle or in use.
#[derive(Debug)]
pub(super) struct Link {
    socket: Socket,
    /// Made once and put off for each exchange, which costs less than a timer for each.
    deadline: Pin<Box<Sleep>>,
    /// When it was last used.
    pub(super) since: Instant,
}

impl Link {
    /// Connects.
    pub(super) async fn open(endpoint: Endpoint<'_>, deadline: Instant) -> io::Result<Self> {
        let socket = match endpoint {
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                // A request is one write; there is nothing to wait for.
                stream.set_nodelay(true)?;
                Socket::tcp(stream, address)
            }
            Endpoint::Unix(path) => Socket::unix(UnixStream::connect(path).await?),
        };
        Ok(Self { socket, deadline: Box::pin(sleep_until(deadline)), since: Instant::now() })
    }

    /// Whether it ends where `endpoint` says. A name may lead to several addresses; a socket file is one.
    pub(super) fn leads_to(&self, endpoint: Endpoint<'_>) -> bool {
        match endpoint {
            Endpoint::Tcp(address) => self.socket.peer() == address,
            Endpoint::Unix(_) => true,
        }
    }

    /// Whether nothing came while it was idle: neither bytes, which would be taken for the next answer, nor the end. No
    /// system call while the runtime knows of nothing.
    pub(super) fn is_quiet(&mut self) -> bool {
        matches!(self.socket.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// The time after which [`poll_deadline`](Self::poll_deadline) is ready.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline.as_mut().reset(deadline);
    }

    /// Whether time is up, which nobody asks [`poll_deadline`](Self::poll_deadline) while there is always more to read.
    pub(super) fn is_over(&self) -> bool {
        self.deadline.deadline() <= Instant::now()
    }

    /// Ready when time is up.
    pub(super) fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.deadline.as_mut().poll(cx)
    }

    /// Appends what has come to the buffer that `lend` gives, which is asked only once there is something. Ready with
    /// 0 at the end.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Option<Vec<u8>>,
        lend: impl FnOnce() -> Vec<u8>,
    ) -> Poll<io::Result<usize>> {
        ready!(self.socket.poll_readable(cx))?;
        let buffer = buffer.get_or_insert_with(lend);
        // A head that fills the buffer grows it.
        if buffer.len() == buffer.capacity() {
            buffer.reserve(buffer.len());
        }
        self.socket.poll_receive(cx, buffer)
    }

    /// Sends from the front of `head` and `body`.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>, head: &[u8], body: &[u8]) -> Poll<io::Result<usize>> {
        let socket = Pin::new(&mut self.socket);
        let sent = match (head, body) {
            (head, []) => ready!(socket.poll_write(cx, head)),
            (head, body) => ready!(socket.poll_write_vectored(cx, &[IoSlice::new(head), IoSlice::new(body)])),
        };
        Poll::Ready(sent.and_then(|n| if n == 0 { Err(ErrorKind::WriteZero.into()) } else { Ok(n) }))
    }
}
