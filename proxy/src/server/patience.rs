//! Hot: how long a connection waits for its client: for a next request, for the rest of a head, until the end.
//!
//! A timer that is set and cleared for every request costs more than the answer of a small file. So each connection has
//! one, which is moved only when it goes off: it then looks how long the client has really been silent.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::futures::OwnedNotified,
    time::{Instant, Sleep, sleep_until},
};

use super::{lifecycle::Drain, socket::Socket};

/// Read at once. One page load's requests fit in several times over, and there is one such buffer per thread.
const READ_SIZE: usize = 16 * 1024;

thread_local! {
    /// What is read goes here first, so that a connection that waits holds no buffer.
    static RECEIVED: std::cell::RefCell<Box<[u8]>> = std::cell::RefCell::new(vec![0; READ_SIZE].into());
}

/// What ended a wait.
#[derive(Debug)]
pub(super) enum Woken<T> {
    /// The client sent something, or nothing more (`Ok` of what the reader of zero bytes made of it).
    Received(io::Result<T>),
    /// The client was silent for too long.
    Silent,
    /// We are ending.
    Ending,
}

/// The patience of one connection.
#[derive(Debug)]
pub(super) struct Patience {
    idle: Duration,
    /// When the client was last heard.
    heard: Instant,
    timer: Pin<Box<Sleep>>,
    beginning: Pin<Box<OwnedNotified>>,
    drain: Drain,
}

impl Patience {
    /// Starts waiting for a first request.
    pub(super) fn new(idle: Duration, drain: Drain) -> Self {
        let heard = Instant::now();
        Self { idle, heard, timer: Box::pin(sleep_until(heard + idle)), beginning: drain.beginning(), drain }
    }

    /// Whether the end has begun.
    pub(super) fn is_ending(&self) -> bool {
        self.drain.has_begun()
    }

    /// The drain of this connection, which goes on in other hands.
    pub(super) fn into_drain(self) -> Drain {
        self.drain
    }

    /// The client was heard, or an answer was finished, at `now`.
    pub(super) fn renew(&mut self, now: std::time::Instant) {
        self.heard = now.into();
    }

    /// Waits between requests until something is received, and gives it to `take`, with no bytes at the client's end.
    pub(super) async fn receive<T>(&mut self, socket: &mut Socket, mut take: impl FnMut(&[u8]) -> T) -> Woken<T> {
        poll_fn(|cx| {
            if let Poll::Ready(received) = poll_received(socket, cx, &mut take) {
                return Poll::Ready(Woken::Received(received));
            }
            if self.drain.has_begun() || self.beginning.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Woken::Ending);
            }
            while self.timer.as_mut().poll(cx).is_ready() {
                let deadline = self.heard + self.idle;
                if deadline <= Instant::now() {
                    return Poll::Ready(Woken::Silent);
                }
                self.timer.as_mut().reset(deadline);
            }
            Poll::Pending
        })
        .await
    }
}

/// Reads what is there, at most [`READ_SIZE`], and gives it to `take`.
fn poll_received<T>(
    socket: &mut Socket,
    cx: &mut Context<'_>,
    take: &mut impl FnMut(&[u8]) -> T,
) -> Poll<io::Result<T>> {
    RECEIVED.with_borrow_mut(|buffer| {
        let mut buffer = ReadBuf::new(buffer);
        Pin::new(socket).poll_read(cx, &mut buffer).map_ok(|()| take(buffer.filled()))
    })
}

/// Reads more of a request that has begun, until `deadline`; none when that is over.
pub(super) async fn receive_by<T>(
    socket: &mut Socket,
    deadline: Instant,
    mut take: impl FnMut(&[u8]) -> T,
) -> Option<io::Result<T>> {
    tokio::time::timeout_at(deadline, poll_fn(|cx| poll_received(socket, cx, &mut take))).await.ok()
}
