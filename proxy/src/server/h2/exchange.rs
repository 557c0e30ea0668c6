//! Hot: one stream, as the connection that an HTTP/1.1 client would have for this one request. Whoever answers requests
//! reads and writes it like a socket, so that no lane and no rule is written twice.

use std::{
    fs::File,
    future::poll_fn,
    io::{self, ErrorKind, IoSlice},
    os::unix::fs::FileExt as _,
    sync::Arc,
    task::{Context, Poll, ready},
};

use h2::{RecvStream, server::SendResponse};
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt as _;

use super::{
    incoming::{Incoming, There},
    outgoing::{Outgoing, Unfinished},
    payload::Payload,
    request::Received,
};
use crate::{
    access::Verdict,
    compute::forwarded::Peer,
    server::{
        door::Door,
        loan::Connection,
        shard::Shard,
        socket::Socket,
        turn::{self, After},
    },
    service::reply::Refusal,
    telemetry::{Reset, Streams},
};

/// A stream.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Nobody ever waits for it: a stream stays on its thread, and in one task.
    ways: Mutex<(Incoming, Outgoing)>,
    /// `http` or `https`: how its connection is spoken over.
    scheme: &'static str,
    streams: Streams,
}

impl Exchange {
    /// The stream of a request. `chunked` where the length of its body was not declared.
    pub(super) fn new(
        body: RecvStream,
        respond: SendResponse<Payload>,
        head_only: bool,
        chunked: bool,
        scheme: &'static str,
        streams: Streams,
    ) -> Self {
        Self { ways: Mutex::new((Incoming::new(body, chunked), Outgoing::new(respond, head_only))), scheme, streams }
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Ready when there is something to read: true; or the end of it: false, which is not the end of the body, but of the
    /// client's interest.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let (incoming, outgoing) = &mut *self.ways.lock();
        match ready!(incoming.poll(cx)) {
            There::Bytes => Poll::Ready(true),
            There::Broken => {
                outgoing.lose();
                Poll::Ready(false)
            }
            There::Nothing => outgoing.poll_reset(cx).map(|()| false),
        }
    }

    /// Reads what is there, `most` bytes of it; 0 at the end.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, most: usize, put: impl FnOnce(&[u8])) -> Poll<usize> {
        let is_there = ready!(self.poll_readable(cx));
        Poll::Ready(if is_there { self.ways.lock().0.read(most, put) } else { 0 })
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    /// `WouldBlock` when there is none; what [`Outgoing::push`] says.
    pub(crate) fn try_write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.ways.lock().1.push(pieces)
    }

    /// Writes what there is room for of a part of a file.
    ///
    /// # Errors
    /// As [`try_write`](Self::try_write), and what the file says.
    pub(crate) fn try_send_file(&self, file: &File, offset: u64, length: usize) -> io::Result<usize> {
        self.ways.lock().1.pull(length, |room| file.read_at(room, offset))
    }

    /// Writes, or waits for room.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            match self.try_write(pieces) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
            ready!(self.ways.lock().1.poll_room(cx));
        }
    }

    /// Waits until something can be written, or writing would fail at once.
    pub(crate) async fn writable(&self) {
        poll_fn(|cx| self.ways.lock().1.poll_room(cx)).await;
    }

    /// Nothing more will be written.
    pub(crate) fn finish(&self) {
        self.ways.lock().1.finish();
    }
}

/// Answers a request that is not plain, by the way that all requests go.
pub(super) async fn answer(
    received: Received,
    body: RecvStream,
    respond: SendResponse<Payload>,
    peer: Peer,
    verdict: Option<Verdict>,
    shard: Arc<Shard>,
    streams: Streams,
) {
    let exchange = Exchange::new(body, respond, received.is_head(), received.chunked, peer.scheme, streams);
    let connection = Connection::new(Socket::stream(exchange, peer.address));
    let fields = received.fields();
    let after = match received.examine(&fields, &shard.app.settings.limits) {
        Ok(passed) => turn::run(connection, &[], passed, &shard, false, Door::with(&shard.app, verdict)).await,
        Err(refused) => turn::refuse(connection, Refusal::Head(refused), &shard).await,
    };
    // Whatever becomes of a connection of HTTP/1.1 then: this one has served. Where its answer is incomplete it is given up
    // when it is dropped, and what is left of the request's body with it.
    if let After::Next(mut connection) | After::Close(mut connection) = after {
        // A stream is shut down at once.
        let _ = connection.socket.shutdown().await;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let Some(unfinished) = self.ways.get_mut().1.give_up() else { return };
        self.streams.reset(match unfinished {
            Unfinished::Left => Reset::Client,
            Unfinished::Stalled => Reset::Stalled,
            Unfinished::Broken => Reset::Broken,
        });
    }
}
