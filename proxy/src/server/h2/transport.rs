//! Hot: the bytes of a connection on their way: those received past the meter, those sent gathered, so that the answers to
//! a batch of requests are one write. A client that takes nothing for `timeouts.write` has lost its connection.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::meter::{Meter, Watch};

/// Gathered before a write: two frames of DATA.
const GATHER: usize = 32 * 1024;
/// Memory that a connection keeps for what it writes next.
const RETAINED_MAX: usize = 4 * 1024;
/// Slices that one write may come in, and one more for what was gathered.
const SLICES: usize = 8;
/// After the last frame to a client that has to be told what it did, so much of what it still sends is read and thrown
/// away, for so long: what is not read would be answered with a reset, and it would never know.
const LINGER_BYTES: usize = 1024 * 1024;
const LINGER: Duration = Duration::from_secs(2);

/// A transport, watched.
pub(super) struct Transport<T> {
    io: T,
    /// Received before it was known what is spoken here.
    ahead: Bytes,
    /// Gathered; so many bytes of it are sent.
    out: Vec<u8>,
    n_sent: usize,
    meter: Meter,
    watch: Arc<Watch>,
    patience: Duration,
    /// Since when nothing is taken.
    stalled: Option<Pin<Box<Sleep>>>,
    linger: Option<Pin<Box<Sleep>>>,
    n_lingered: usize,
}

impl<T> Transport<T> {
    pub(super) fn new(io: T, ahead: Bytes, meter: Meter, watch: Arc<Watch>, patience: Duration) -> Self {
        let (out, n_sent, stalled, linger, n_lingered) = (Vec::new(), 0, None, None, 0);
        Self { io, ahead, out, n_sent, meter, watch, patience, stalled, linger, n_lingered }
    }

    fn gathered(&self) -> &[u8] {
        &self.out[self.n_sent..]
    }

    /// So many of the gathered bytes are sent.
    fn advance(&mut self, n: usize) {
        self.n_sent += n;
        if self.n_sent == self.out.len() {
            self.n_sent = 0;
            self.out.clear();
            if self.out.capacity() > RETAINED_MAX {
                self.out = Vec::new();
            }
        }
    }

    /// What came of a write, with an end to waiting for room.
    fn judge(&mut self, sent: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match ready!(self.patiently(sent, cx)) {
            Ok(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Ok(n) => {
                self.meter.send(n);
                Poll::Ready(Ok(n))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// An end to waiting for a client to read. Over TLS what was written may wait until it is flushed.
    fn patiently<R>(&mut self, polled: Poll<io::Result<R>>, cx: &mut Context<'_>) -> Poll<io::Result<R>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncWrite + Unpin> Transport<T> {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.gathered().is_empty() {
            let sent = Pin::new(&mut self.io).poll_write(cx, &self.out[self.n_sent..]);
            let n = ready!(self.judge(sent, cx))?;
            self.advance(n);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Transport<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.watch.offence().is_some() {
            // Nothing more is heard of it. Whoever polls looks for offences next.
            return Poll::Pending;
        }
        let n_before = buf.filled().len();
        if this.ahead.is_empty() {
            ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        } else {
            let n = this.ahead.len().min(buf.remaining());
            buf.put_slice(&this.ahead[..n]);
            this.ahead.advance(n);
        }
        this.meter.receive(&buf.filled()[n_before..], &this.watch);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Transport<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let pieces = &pieces[..pieces.len().min(SLICES)];
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        loop {
            if this.gathered().len() + length <= GATHER {
                pieces.iter().for_each(|piece| this.out.extend_from_slice(piece));
                return Poll::Ready(Ok(length));
            }
            let n_gathered = this.gathered().len();
            let mut slices = [IoSlice::new(&[]); SLICES + 1];
            slices[0] = IoSlice::new(&this.out[this.n_sent..]);
            for (slice, piece) in slices[1..].iter_mut().zip(pieces) {
                *slice = IoSlice::new(piece);
            }
            let first = usize::from(n_gathered == 0);
            let sent = Pin::new(&mut this.io).poll_write_vectored(cx, &slices[first..=pieces.len()]);
            let n = ready!(this.judge(sent, cx))?;
            this.advance(n.min(n_gathered));
            if n > n_gathered {
                return Poll::Ready(Ok(n - n_gathered));
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.watch.gathers() {
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_drain(cx))?;
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        this.patiently(flushed, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(this.poll_drain(cx))?;
            let shut = Pin::new(&mut this.io).poll_shutdown(cx);
            ready!(this.patiently(shut, cx))?;
        }
        if this.watch.offence().is_none() {
            return Poll::Ready(Ok(()));
        }
        let linger = this.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if linger.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0; 4096];
        while this.n_lingered < LINGER_BYTES {
            let mut thrown_away = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut this.io).poll_read(cx, &mut thrown_away))?;
            match thrown_away.filled().len() {
                0 => break,
                n => this.n_lingered += n,
            }
        }
        Poll::Ready(Ok(()))
    }
}
