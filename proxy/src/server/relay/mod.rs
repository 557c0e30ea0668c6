//! Hot: the relay: the common exchange with Compute, spoken directly from socket to socket.
//!
//! ```text
//! takes      HTTP/1.1, origin form, a body that is held completely or none; all else goes to `upstream`
//! pass       pick, connect or take from the pool, converse; again, if the exchange says so
//! converse   send the request, read heads (`response`) and body (`body`), write each read's worth at once
//! ```
//!
//! What is done to an exchange is decided in `compute` (`exchange`, `fields`, `forwarded`), as it is for `service`.

mod body;
mod encode;
mod keep;
mod link;
mod pool;
mod refresh;
mod request;
mod response;
mod wait;

use std::mem;

use bytes::Buf as _;
use tokio::time::{Instant, timeout, timeout_at};

use self::{
    body::{Body, SizeLine},
    keep::Kept,
    link::Link,
    response::{Coder, Envelope, Head, Hearing},
    wait::Unsent,
};
pub(crate) use self::{pool::Pool, refresh::refresh};
use super::{
    framing::Framing,
    loan::Connection,
    shard::Shard,
    upstream::{End, Passed, Request, WITHHELD_PATIENCE},
};
use crate::{
    coding::{Encoder, Wants},
    compute::{
        Fleet, InstanceId, Pick,
        exchange::{Exchange, Failure, Next, Stage, Verdict},
        fields::Extent,
    },
    edge_cache::Lead,
    service::reply::Refusal,
    telemetry::Lane,
};

/// Whether an exchange is common enough.
pub(crate) fn takes(request: &Request<'_>, connection: &Connection) -> bool {
    let is_held = match connection.framing {
        Framing::None => true,
        Framing::Length(length) => connection.ahead.len() as u64 >= length,
        Framing::Chunked(_) | Framing::Tunnel => false,
    };
    request.head.http11 && !request.absolute && !request.upgrades && !request.expects_continue && is_held
}

/// Why a conversation ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The upstream broke off, or said what is no answer.
    Upstream,
    /// The client closed its connection.
    Left,
    /// The client takes nothing any more; its connection is of no use.
    Deaf,
    /// Time is up.
    Time,
}

/// One exchange under way.
struct Passing<'a> {
    shard: &'a Shard,
    fleet: &'a Fleet,
    request: Request<'a>,
    /// None: nobody waits for the answer, which is kept.
    connection: Option<Connection>,
    /// Bytes that a client got who left since.
    written: u64,
    /// The answer may be kept.
    lead: Option<Box<Lead>>,
    exchange: Exchange,
    /// Compresses the answer.
    encoder: Option<Encoder>,
    /// Bytes of the request's body at the front of `connection.ahead`.
    body: usize,
    /// What the upstream did not take at once.
    unsent: Option<Unsent>,
    /// The upstream did not take all of the request.
    torn: bool,
    deadline: Instant,
}

/// Passes one request to Compute and its answer to the client, if there is one. With a `lead`, the answer may be kept.
pub(crate) async fn pass(
    shard: &Shard,
    fleet: &Fleet,
    connection: Option<Connection>,
    request: Request<'_>,
    lead: Option<Box<Lead>>,
) -> Passed {
    let settings = &shard.app.settings;
    if connection.is_some() {
        shard.telemetry.lane(Lane::Relay);
    }
    let declared = connection.as_ref().and_then(|connection| connection.framing.declared());
    let body = declared.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let attempts = settings.compute.attempts;
    let mut passing = Passing {
        exchange: Exchange::new(request.head.method, request.has_fallback, false, attempts),
        shard,
        fleet,
        request,
        connection,
        written: 0,
        lead,
        encoder: None,
        body,
        unsent: None,
        torn: false,
        deadline: Instant::now() + settings.timeouts.request,
    };
    let outcome = passing.run().await;
    passing.end(outcome)
}

impl<'a> Passing<'a> {
    async fn run(&mut self) -> Result<(), Cut> {
        loop {
            let Some(pick) = self.pick().await? else {
                self.exchange.found_nobody();
                return Err(Cut::Upstream);
            };
            self.exchange.asks(pick.id);
            let next = match self.reach(&pick).await? {
                Some(link) => match self.converse(link, pick.id).await {
                    Err(Cut::Upstream) => self.exchange.broke(true),
                    outcome => return outcome,
                },
                None => {
                    self.fleet.report_failure(pick.id);
                    self.exchange.could_not_connect()
                }
            };
            if next == Next::GiveUp {
                return Err(Cut::Upstream);
            }
        }
    }

    async fn pick(&self) -> Result<Option<Pick<'a>>, Cut> {
        let fleet = self.fleet;
        if let Some(pick) = fleet.pick(self.exchange.tried()) {
            return Ok(Some(pick));
        }
        let next = fleet.next(self.exchange.tried(), self.shard.app.bounds.ready);
        timeout_at(self.deadline, next).await.map_err(|_| Cut::Time)
    }

    /// A connection to the instance, idle or new; none when there is no way to it.
    async fn reach(&self, pick: &Pick<'a>) -> Result<Option<Link>, Cut> {
        let patience = self.shard.app.bounds.connect;
        let endpoint = match pick.endpoint() {
            Some(endpoint) => endpoint,
            None => match timeout_at(self.deadline, timeout(patience, self.fleet.resolve(pick))).await {
                Ok(Ok(Ok(endpoint))) => endpoint,
                Ok(_) => return Ok(None),
                Err(_) => return Err(Cut::Time),
            },
        };
        let idle = self.fleet.kept(pick.id).and_then(|kept| self.shard.pool.take(kept, endpoint, Instant::now()));
        if idle.is_some() {
            return Ok(idle);
        }
        match timeout_at(self.deadline, timeout(patience, Link::open(endpoint, self.deadline))).await {
            Ok(Ok(Ok(link))) => Ok(Some(link)),
            Ok(_) => Ok(None),
            Err(_) => Err(Cut::Time),
        }
    }

    async fn converse(&mut self, mut link: Link, id: InstanceId) -> Result<(), Cut> {
        link.set_deadline(self.deadline);
        let mut head = self.shard.pool.lend();
        request::write(&self.request, self.lead.as_deref(), &mut head);
        self.torn = false;
        self.unsent = Some(Unsent { head, at: 0 });
        let keeps = self.answer(&mut link).await?;
        if keeps
            && !self.torn
            && self.unsent.is_none()
            && let Some(kept) = self.fleet.kept(id)
        {
            self.shard.pool.give(kept, link);
        }
        Ok(())
    }

    /// Reads the answer and passes it on. True when the upstream's connection may be used again.
    async fn answer(&mut self, link: &mut Link) -> Result<bool, Cut> {
        let (head, out, mut input, mut at) = self.head(link).await?;
        if head.verdict == Verdict::Withhold {
            link.set_deadline(self.deadline.min(Instant::now() + WITHHELD_PATIENCE));
        }
        let mut out = Some(out);
        let mut body = Body::of(head.extent.unwrap_or(Extent::Nothing));
        if head.verdict == Verdict::Forward && self.lead.as_ref().is_some_and(|lead| lead.is_keeping()) {
            match self.keep(link, &mut body, out.take().unwrap_or_default(), input, at).await? {
                Kept::Whole { clean } => return Ok(clean && head.keeps),
                Kept::TooLong { unsent, read } => (out, input, at) = (Some(unsent), read, 0),
            }
        } else if self.connection.is_none() && head.verdict == Verdict::Forward {
            return Err(Cut::Left);
        }
        if let Some(encoder) = self.encoder.take() {
            input.drain(..at);
            return self.encode(link, &head, body, encoder, [out.take().unwrap_or_default(), input]).await;
        }
        loop {
            let taken = body.take(&mut input[at..]);
            if head.verdict == Verdict::Forward {
                let content = &input[at..][taken.content];
                let rewrites = body.is_chunked_for_the_client() && !taken.framed;
                let line = rewrites.then(|| SizeLine::of(content.len())).flatten();
                let tail = if taken.framed { b"" } else { body.tail(!content.is_empty(), taken.done) };
                let line = line.as_ref().map_or(&[][..], SizeLine::as_bytes);
                self.write(link, [out.as_deref().unwrap_or_default(), line, content, tail]).await?;
            }
            self.give_back(out.take());
            if taken.broken {
                return Err(Cut::Upstream);
            }
            if taken.done {
                self.give_back(Some(input));
                return Ok(head.keeps && !taken.poisoned);
            }
            if link.is_over() {
                return Err(Cut::Time);
            }
            input.clear();
            let mut lent = Some(input);
            let n = self.receive(link, &mut lent).await?;
            (input, at) = (lent.unwrap_or_default(), 0);
            if n == 0 {
                if !body.ends_with_the_connection() {
                    return Err(Cut::Upstream);
                }
                if head.verdict == Verdict::Forward {
                    self.write(link, [body.tail(false, true), &[], &[], &[]]).await?;
                }
                return Ok(false);
            }
        }
    }

    /// Reads heads until the final one: what it says, what the client gets to see of it, the bytes read so far, and how
    /// many of them are heads. Interim answers are passed on before anything else is waited for.
    async fn head(&mut self, link: &mut Link) -> Result<(Head, Vec<u8>, Vec<u8>, usize), Cut> {
        let (mut input, mut out) = (None, None);
        loop {
            if self.receive(link, &mut input).await? == 0 {
                return Err(Cut::Upstream);
            }
            let bytes = input.get_or_insert_default();
            let mut at = 0;
            loop {
                let out = out.get_or_insert_with(|| self.shard.pool.lend());
                let envelope = Envelope {
                    head_only: self.request.head.method == "HEAD",
                    close: self.request.close,
                    request_id: self.request.request_id.as_str(),
                    overlay: self.request.overlay,
                    cookie: self.request.cookie,
                    cached: self.shard.app.edge_cache.is_some(),
                    hsts: self.shard.app.hsts(self.request.client.scheme),
                };
                let asked = self.request.head;
                // What nobody waits for is kept as it comes.
                let compression = Some(&*self.shard.app.compression).filter(|coding| coding.is_on());
                let coder = compression.filter(|_| self.connection.is_some()).map(|compression| Coder {
                    compression,
                    wants: Wants::of(asked),
                    encoder: &mut self.encoder,
                });
                let hearing = match self.lead.as_deref_mut() {
                    Some(lead) => Some(Hearing::Keeping { lead, asked }),
                    None => self.request.change.as_deref().map(Hearing::Changing),
                };
                let date = || self.shard.telemetry.clock().date(std::time::Instant::now());
                let read = response::read(&bytes[at..], &mut self.exchange, hearing, envelope, date, coder, out);
                let Some(head) = read.map_err(|_| Cut::Upstream)? else { break };
                at += head.length;
                if head.verdict == Verdict::Refuse {
                    return Err(Cut::Upstream);
                }
                if head.extent.is_some() {
                    return Ok((head, mem::take(out), mem::take(bytes), at));
                }
            }
            bytes.drain(..at);
            let interim = out.get_or_insert_default();
            self.write(link, [interim, &[], &[], &[]]).await?;
            interim.clear();
        }
    }

    fn give_back(&self, buffer: Option<Vec<u8>>) {
        if let Some(buffer) = buffer {
            self.shard.pool.give_back(buffer);
        }
    }

    fn end(mut self, outcome: Result<(), Cut>) -> Passed {
        if outcome == Err(Cut::Time) {
            self.exchange.timed_out();
        }
        // Whatever the upstream made of it: the request is over, and the next one begins after it.
        if let Some(connection) = &mut self.connection {
            connection.ahead.advance(self.body);
            connection.framing = Framing::None;
        }
        let end = match self.exchange.stage() {
            Stage::Begun(status) => End::Streamed { status, reusable: outcome.is_ok() && !self.request.close },
            Stage::Withheld => End::Withheld,
            Stage::Failed(failure) => End::Refused(Refusal::Compute(failure)),
            Stage::Waiting if matches!(outcome, Err(Cut::Left | Cut::Deaf)) => End::ClientLeft,
            Stage::Waiting => End::Refused(Refusal::Compute(Failure::Broken)),
        };
        let written = self.connection.as_ref().map_or(self.written, |connection| connection.written);
        let connection = self.connection.filter(|_| outcome != Err(Cut::Deaf));
        Passed { connection, written, end, instance: self.exchange.instance(), lead: self.lead }
    }
}
