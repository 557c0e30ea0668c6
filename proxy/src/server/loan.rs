//! Hot: a connection on loan to Pingora for exactly one exchange.
//!
//! Pingora reads from a [`Loan`] one request's bytes and not one more: the head as the gate passed it, then the body
//! as its framing delimits it. What the client sent after that stays in the connection. Whatever Pingora does with
//! the loan (keeps it alive, shuts it down, drops it after an error), the connection comes home to the loop, which
//! alone decides its fate. A withheld answer is written nowhere: so a 404 of Compute can be read to its end, which
//! keeps the upstream connection usable, while the client gets the fallback's answer instead.

use std::{
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_trait::async_trait;
use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest, UniqueID,
    UniqueIDType, raw_connect::ProxyDigest,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::{
    framing::{Broken, Framing},
    socket::Socket,
};
use crate::service::signals::Signals;

/// Pieces smaller than this are gathered before they are written; a flush sends them at once.
const WRITE_BUFFER: usize = 8 * 1024;
/// Read at once from the client.
const READ_SIZE: usize = 16 * 1024;
/// Bytes of following requests taken in while one is being answered; more wait in the kernel.
const AHEAD_MAX: usize = 16 * 1024;

/// One client connection, between requests the property of the connection loop.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: Socket,
    /// Received and not yet taken.
    pub(crate) ahead: BytesMut,
    /// Gathered and not yet written.
    pub(crate) out: BytesMut,
    /// What is left of the current request's body.
    pub(crate) framing: Framing,
    /// The client has closed its side.
    pub(crate) ended: bool,
    /// Bytes written to the client in the current exchange.
    pub(crate) written: u64,
}

impl Connection {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, ahead: BytesMut::new(), out: BytesMut::new(), framing: Framing::None, ended: false, written: 0 }
    }
}

/// Where the connection comes home to.
#[derive(Debug, Default)]
pub(crate) struct Home(Mutex<Option<Connection>>);

impl Home {
    /// The connection, once nobody holds the loan any more.
    pub(crate) fn take(&self) -> Option<Connection> {
        self.0.lock().take()
    }
}

/// The connection in Pingora's hands.
#[derive(Debug)]
pub(crate) struct Loan {
    connection: Option<Connection>,
    home: Arc<Home>,
    signals: Arc<Signals>,
    /// The request head, still to be read by Pingora.
    head: Bytes,
    /// Content bytes a chunked body may have.
    content_max: u64,
}

impl Loan {
    pub(crate) fn new(
        connection: Connection,
        head: Bytes,
        content_max: u64,
        home: Arc<Home>,
        signals: Arc<Signals>,
    ) -> Self {
        Self { connection: Some(connection), home, signals, head, content_max }
    }

    fn parts(&mut self) -> io::Result<(&mut Connection, &Signals, &mut Bytes, u64)> {
        match self.connection.as_mut() {
            Some(connection) => Ok((connection, &self.signals, &mut self.head, self.content_max)),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        *self.home.0.lock() = self.connection.take();
    }
}

/// Reads what the client sent into `ahead`; `Ok(0)` at its end.
fn poll_ahead(connection: &mut Connection, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    connection.ahead.reserve(READ_SIZE);
    // This future keeps nothing between two polls, so a new one for each poll is as good; and unlike `poll_read` it
    // needs no zeroed memory.
    let n = ready!(pin!(connection.socket.read_buf(&mut connection.ahead)).poll(cx))?;
    connection.ended |= n == 0;
    Poll::Ready(Ok(n))
}

/// Ready when the client has closed its connection. What it sends meanwhile is taken in, up to a limit beyond the `held`
/// bytes of a body that are there already.
pub(super) fn poll_left(connection: &mut Connection, held: usize, cx: &mut Context<'_>) -> Poll<()> {
    while connection.ahead.len() < held + AHEAD_MAX {
        // Memory is taken only once there is something to receive.
        let left = match ready!(connection.socket.poll_readable(cx)) {
            Ok(()) => !matches!(ready!(poll_ahead(connection, cx)), Ok(n) if n > 0),
            Err(_) => true,
        };
        if left {
            connection.ended = true;
            return Poll::Ready(());
        }
    }
    // A client that sends this much ahead is no longer watched for leaving; a write will tell.
    Poll::Pending
}

/// The request is complete: take in what follows, tell only when the client leaves.
fn poll_departure(connection: &mut Connection, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    while connection.ahead.len() < AHEAD_MAX {
        if ready!(poll_ahead(connection, cx))? == 0 {
            return Poll::Ready(Ok(()));
        }
    }
    // A client that sends this much ahead is no longer watched for leaving; a write will tell.
    Poll::Pending
}

impl AsyncRead for Loan {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (connection, signals, head, content_max) = self.get_mut().parts()?;
        if head.has_remaining() {
            let n = head.len().min(buf.remaining());
            buf.put_slice(&head.split_to(n));
            return Poll::Ready(Ok(()));
        }
        if signals.is_tunnel() {
            connection.framing = Framing::Tunnel;
        }
        if connection.framing.is_done() {
            return poll_departure(connection, cx);
        }
        if connection.ahead.is_empty() && ready!(poll_ahead(connection, cx))? == 0 {
            return Poll::Ready(Ok(()));
        }
        let available = connection.ahead.len().min(buf.remaining());
        let (n, done) = match &mut connection.framing {
            Framing::None => (0, true),
            Framing::Tunnel => (available, false),
            Framing::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(available);
                *left -= n as u64;
                (n, *left == 0)
            }
            Framing::Chunked(chunks) => match chunks.take(&connection.ahead[..available], content_max) {
                Ok(taken) => taken,
                Err(broken) => {
                    match broken {
                        Broken::TooLarge => signals.report_too_large(),
                        Broken::Chunk => signals.report_broken(),
                    }
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
            },
        };
        buf.put_slice(&connection.ahead.split_to(n));
        if done {
            connection.framing = Framing::None;
        }
        Poll::Ready(Ok(()))
    }
}

/// Writes all that was gathered, and flushes it.
pub(crate) fn poll_gathered(connection: &mut Connection, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    while !connection.out.is_empty() {
        let n = ready!(Pin::new(&mut connection.socket).poll_write(cx, &connection.out))?;
        if n == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        connection.out.advance(n);
    }
    Pin::new(&mut connection.socket).poll_flush(cx)
}

impl AsyncWrite for Loan {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let (connection, signals, ..) = self.get_mut().parts()?;
        if signals.is_withheld() {
            return Poll::Ready(Ok(data.len()));
        }
        signals.begin();
        if connection.out.len() + data.len() <= WRITE_BUFFER {
            connection.out.extend_from_slice(data);
            connection.written += data.len() as u64;
            return Poll::Ready(Ok(data.len()));
        }
        loop {
            let pieces = [io::IoSlice::new(&connection.out), io::IoSlice::new(data)];
            let n = ready!(Pin::new(&mut connection.socket).poll_write_vectored(cx, &pieces))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if n > connection.out.len() {
                let of_data = n - connection.out.len();
                connection.out.clear();
                connection.written += of_data as u64;
                return Poll::Ready(Ok(of_data));
            }
            connection.out.advance(n);
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (connection, signals, ..) = self.get_mut().parts()?;
        if signals.is_withheld() {
            return Poll::Ready(Ok(()));
        }
        poll_gathered(connection, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The loop closes connections; here it only means that nothing more is coming.
        self.poll_flush(cx)
    }
}

#[async_trait]
impl Shutdown for Loan {
    async fn shutdown(&mut self) {}
}

impl UniqueID for Loan {
    fn id(&self) -> UniqueIDType {
        self.connection.as_ref().map_or(-1, |connection| connection.socket.fd())
    }
}

impl Ssl for Loan {}

#[async_trait]
impl Peek for Loan {}

impl GetTimingDigest for Loan {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Loan {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for Loan {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}
