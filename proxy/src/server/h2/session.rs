//! Hot: one connection: takes its requests, writes what is to be written, and ends it in time and in order.
//!
//! Requests that came together are answered together: while a batch of them is taken, the transport gathers what is
//! written. What is not answered at once is a task of this thread.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use h2::{Reason, RecvStream, server};
use http::Request;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::futures::OwnedNotified,
    task::JoinSet,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    meter::Watch,
    payload::Payload,
    ready::{self, Answered, Dates},
    request::Received,
    transport::Transport,
};
use crate::{
    compute::forwarded::Peer,
    server::{door::Door, lifecycle::Drain, shard::Shard},
    telemetry::{Farewell, Streams},
};

/// Requests of one connection that are taken before others have their turn.
const BATCH: usize = 128;
/// How long a client has to answer when we say that we take no more requests (RFC 9113 6.8), if nothing is under way. It
/// answers at once, in a round trip.
const LEAVE: Duration = Duration::from_secs(1);

/// A connection.
pub(super) struct Session<T> {
    connection: server::Connection<Transport<T>, Payload>,
    watch: Arc<Watch>,
    peer: Peer,
    shard: Arc<Shard>,
    drain: Drain,
    beginning: Pin<Box<OwnedNotified>>,
    telemetry: Streams,
    /// Requests that were not answered at once.
    tasks: JoinSet<()>,
    dates: Dates,
    n_requests: u32,
    /// When the client last asked for something, or got the last of it.
    heard: Instant,
    /// When the connection is old.
    old: Instant,
    timer: Pin<Box<Sleep>>,
    stage: Stage,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It takes requests.
    Open,
    /// It takes no more, and waits for the last of them.
    Leaving,
    /// Nothing is waited for any more.
    Cut,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Session<T> {
    pub(super) fn new(
        connection: server::Connection<Transport<T>, Payload>,
        watch: Arc<Watch>,
        peer: Peer,
        shard: Arc<Shard>,
        drain: Drain,
        telemetry: Streams,
    ) -> Self {
        let settings = &shard.app.settings;
        let heard = Instant::now();
        let old = heard + settings.http2.max_age;
        Self {
            connection,
            watch,
            peer,
            beginning: drain.beginning(),
            drain,
            telemetry,
            tasks: JoinSet::new(),
            dates: Dates::default(),
            n_requests: 0,
            heard,
            old,
            timer: Box::pin(sleep_until(old.min(heard + settings.timeouts.idle))),
            stage: Stage::Open,
            shard,
        }
    }

    /// Serves until the end of the connection and of all that came over it.
    pub(super) async fn run(mut self) {
        let ended = poll_fn(|cx| self.poll(cx)).await;
        if let Err(error) = ended
            && self.stage != Stage::Cut
        {
            if let Some(why) = reason(&error) {
                self.telemetry.farewell(why);
            }
            tracing::debug!(%error, peer = %self.peer.address, "a connection over HTTP/2 ended");
        }
        let Self { connection, mut tasks, drain, .. } = self;
        // Whoever still answers learns that nobody listens any more.
        drop(connection);
        while tasks.join_next().await.is_some() {}
        drop(drain);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        loop {
            while let Poll::Ready(Some(_)) = self.tasks.poll_join_next(cx) {
                self.heard = Instant::now();
            }
            if let Poll::Ready(ended) = self.poll_requests(cx) {
                return Poll::Ready(ended);
            }
            if !self.is_to_change(cx) {
                return Poll::Pending;
            }
        }
    }

    /// Takes the requests that are here, and writes what there is to write.
    fn poll_requests(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        let mut n_taken = 0;
        self.watch.gather(true);
        loop {
            match self.connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    n_taken += 1;
                    self.take(request, respond);
                    self.watch.gather(n_taken < BATCH);
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                // Once more, to write. Should more have come meanwhile, it is taken.
                Poll::Pending if self.watch.gathers() => self.watch.gather(false),
                Poll::Pending => return Poll::Pending,
            }
            if n_taken >= BATCH {
                self.watch.gather(false);
                cx.waker().wake_by_ref();
                return self.connection.poll_closed(cx);
            }
        }
    }

    /// One request: what is plain is answered here and now.
    fn take(&mut self, request: Request<RecvStream>, mut respond: server::SendResponse<Payload>) {
        self.n_requests += 1;
        self.heard = Instant::now();
        self.telemetry.stream();
        let is_ended = request.body().is_end_stream();
        let (received, body) = Received::new(request, is_ended);
        let door = Door::of(&self.shard.app);
        let answered = is_ended
            .then(|| {
                let fields = received.fields();
                let passed = received.examine(&fields, &self.shard.app.settings.limits).ok()?;
                ready::answer(&mut respond, &passed, self.peer, &door, &self.shard, &mut self.dates)
            })
            .flatten();
        // It has been asked, and counts once.
        let verdict = door.into_verdict();
        let (shard, peer) = (Arc::clone(&self.shard), self.peer);
        match answered {
            Some(Answered::Whole) => {}
            Some(Answered::Begun(begun)) => {
                self.tasks.spawn(ready::finish(begun, received, shard, self.telemetry.clone()));
            }
            None => {
                let streams = self.telemetry.clone();
                self.tasks.spawn(super::exchange::answer(received, body, respond, peer, verdict, shard, streams));
            }
        }
    }

    /// Looks whether the connection is to end. True when the library has to be asked again.
    fn is_to_change(&mut self, cx: &mut Context<'_>) -> bool {
        if self.stage == Stage::Cut {
            return false;
        }
        if let Some(offence) = self.watch.offence() {
            self.telemetry.farewell(offence);
            tracing::debug!(peer = %self.peer.address, reason = ?offence, "ended a connection over HTTP/2");
            return self.cut(Reason::ENHANCE_YOUR_CALM);
        }
        let is_over = self.is_over(cx);
        if self.stage == Stage::Leaving {
            return is_over && self.cut(Reason::NO_ERROR);
        }
        let settings = &self.shard.app.settings;
        let why = if self.drain.has_begun() || self.beginning.as_mut().poll(cx).is_ready() {
            Farewell::Drain
        } else if self.n_requests >= settings.limits.keepalive_requests || (is_over && Instant::now() >= self.old) {
            Farewell::Age
        } else if is_over {
            Farewell::Idle
        } else {
            return false;
        };
        self.telemetry.farewell(why);
        self.stage = Stage::Leaving;
        self.timer.as_mut().reset(Instant::now() + LEAVE);
        // In two steps, the second of which comes when the client has answered the first: requests that are on their way
        // are still taken.
        self.connection.graceful_shutdown();
        true
    }

    /// Ends the connection without waiting for anything.
    fn cut(&mut self, reason: Reason) -> bool {
        self.stage = Stage::Cut;
        self.connection.abrupt_shutdown(reason);
        true
    }

    /// Whether time is up. The timer is moved only when it goes off.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let is_busy = self.connection.has_streams() || !self.tasks.is_empty();
            let deadline = match self.stage {
                Stage::Open => {
                    if is_busy {
                        self.heard = now;
                    }
                    self.old.min(self.heard + self.shard.app.settings.timeouts.idle)
                }
                Stage::Leaving | Stage::Cut if is_busy => now + LEAVE,
                Stage::Leaving | Stage::Cut => now,
            };
            if deadline <= now {
                return true;
            }
            self.timer.as_mut().reset(deadline);
        }
        false
    }
}

/// Why the library ended a connection; none where its client did.
fn reason(error: &h2::Error) -> Option<Farewell> {
    if let Some(io) = error.get_io() {
        return (io.kind() == io::ErrorKind::TimedOut).then_some(Farewell::Stalled);
    }
    match error.reason() {
        _ if error.is_remote() => None,
        Some(Reason::ENHANCE_YOUR_CALM) => Some(Farewell::Calm),
        _ => Some(Farewell::Protocol),
    }
}
