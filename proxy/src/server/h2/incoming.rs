//! Hot: the DATA of a stream becomes the body of a request in HTTP/1.1: as it is where its length is declared, in chunks
//! where it is not.

use std::{
    io::Write as _,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, BufMut as _, BytesMut};
use h2::RecvStream;

/// The way into a stream.
#[derive(Debug)]
pub(super) struct Incoming {
    body: RecvStream,
    /// Its length was not declared.
    chunked: bool,
    /// Received and not yet read.
    pending: BytesMut,
    /// Bytes of the client's window that it gets back once those are read.
    owed: usize,
    /// The body is complete.
    ended: bool,
}

/// What there is to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum There {
    /// Bytes.
    Bytes,
    /// All of the body was read.
    Nothing,
    /// The client took its request back, or broke the protocol.
    Broken,
}

impl Incoming {
    /// Of a stream whose client says how much it sends, or sends nothing; else `chunked`.
    pub(super) fn new(body: RecvStream, chunked: bool) -> Self {
        Self { ended: body.is_end_stream(), body, chunked, pending: BytesMut::new(), owed: 0 }
    }

    /// Waits for something to read.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<There> {
        loop {
            if !self.pending.is_empty() {
                return Poll::Ready(There::Bytes);
            }
            if self.ended {
                return Poll::Ready(There::Nothing);
            }
            match ready!(self.body.poll_data(cx)) {
                Some(Ok(data)) if data.is_empty() => {}
                Some(Ok(data)) => {
                    self.owed += data.len();
                    if self.chunked {
                        // Writing to memory cannot fail.
                        let _ = write!((&mut self.pending).writer(), "{:x}\r\n", data.len());
                    }
                    self.pending.extend_from_slice(&data);
                    if self.chunked {
                        self.pending.extend_from_slice(b"\r\n");
                    }
                }
                Some(Err(_)) => return Poll::Ready(There::Broken),
                // Trailers are dropped, as those of HTTP/1.1 are.
                None => {
                    self.ended = true;
                    if self.chunked {
                        self.pending.extend_from_slice(b"0\r\n\r\n");
                    }
                }
            }
        }
    }

    /// Reads from what is there. The client's window is given back with the last byte of a frame, so that it never sends
    /// more than was passed on.
    pub(super) fn read(&mut self, most: usize, put: impl FnOnce(&[u8])) -> usize {
        let n = most.min(self.pending.len());
        put(&self.pending[..n]);
        self.pending.advance(n);
        if self.pending.is_empty() {
            self.pending = BytesMut::new();
            // It fails where the stream is no more, and needs no window.
            let _ = self.body.flow_control().release_capacity(std::mem::take(&mut self.owed));
        }
        n
    }
}
