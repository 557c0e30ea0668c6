//! Hot: plain requests, answered on the stream itself: by the function that answers them over HTTP/1.1, with a head that is
//! in fields already.

use std::{future::poll_fn, sync::Arc, time::Instant};

use bytes::Buf as _;
use h2::{Reason, SendStream, server::SendResponse};
use http::{HeaderMap, HeaderValue, Response, header};
use tokio::{task::coop::consume_budget, time::timeout};

use super::{outgoing::SLICE, payload::Payload, request::Received};
use crate::{
    answer,
    app::App,
    compute::forwarded::{Client, Peer},
    server::{
        door::Door,
        gate::Passed,
        plain::{self, AtHand, Made, Way, Written},
        shard::Shard,
    },
    telemetry::{self, DateLine, Reset, Streams, access_log::Protocol},
};

/// What became of a plain request.
pub(super) enum Answered {
    /// All of the answer is on its way.
    Whole,
    /// The client has no room for the rest yet.
    Begun(Box<Begun>),
}

/// An answer whose rest waits for room.
pub(super) struct Begun {
    stream: SendStream<Payload>,
    rest: Payload,
    written: Written,
}

/// The `date` field of this second, which many answers share.
#[derive(Debug, Default)]
pub(super) struct Dates(Option<(DateLine, HeaderValue)>);

impl Dates {
    fn value(&mut self, line: DateLine) -> Option<HeaderValue> {
        if let Some((known, value)) = &self.0
            && *known == line
        {
            return Some(value.clone());
        }
        let (_, text) = line.split_at_checked("date: ".len())?;
        let value = HeaderValue::from_bytes(text.trim_ascii()).ok()?;
        self.0 = Some((line, value.clone()));
        Some(value)
    }
}

/// Answers a plain request. None for every other one, and nothing is sent then.
pub(super) fn answer(
    respond: &mut SendResponse<Payload>,
    passed: &Passed<'_>,
    peer: Peer,
    door: &Door<'_>,
    shard: &Shard,
    dates: &mut Dates,
) -> Option<Answered> {
    let at_hand = AtHand::of(shard);
    let begun = plain::find(passed, peer, door, &at_hand, |made, client, started| {
        begin(respond, passed, &made, client, started, (&shard.app, &shard.telemetry), dates)
    })??;
    if begun.rest.has_remaining() {
        return Some(Answered::Begun(Box::new(begun)));
    }
    begun.written.record(passed, Protocol::Http2, &shard.telemetry, 0);
    Some(Answered::Whole)
}

/// Sends the head, and of the content what there is room for. None for what would have to be read from a disk, and where
/// the client is gone already.
fn begin(
    respond: &mut SendResponse<Payload>,
    passed: &Passed<'_>,
    made: &Made<'_>,
    client: Client,
    started: Instant,
    (app, telemetry): (&App, &telemetry::Shard),
    dates: &mut Dates,
) -> Option<Begun> {
    let body = made.body.filter(|body| body.len() > 0);
    if body.is_some_and(|body| Way::of(body, true) == Way::Later) {
        return None;
    }
    let given = client.trusted.then(|| passed.head.field("x-request-id")).flatten();
    let request_id = telemetry.request_id_for(given);
    let mut id = HeaderValue::from_str(request_id.as_str()).ok()?;
    // As in `outgoing`: no other answer says this.
    id.set_sensitive(true);
    let mut headers = made.prepared.map_or_else(|| answer::fields(made.head), |prepared| prepared.fields().clone());
    headers.insert("x-request-id", id);
    if let Some(cache_control) = made.cache_control {
        headers.append(header::CACHE_CONTROL, cache_control.clone());
    }
    if let Some(age) = made.age {
        headers.append(header::AGE, age.into());
    }
    if !made.dated {
        headers.insert(header::DATE, dates.value(telemetry.clock().date(started))?);
    }
    let promise = app.hsts(client.scheme).filter(|_| !headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    if let Some(promise) = promise {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_str(promise).ok()?);
    }
    let promised = promise.map_or(0, |promise| header::STRICT_TRANSPORT_SECURITY.as_str().len() + promise.len() + 4);
    // As many bytes as it is over HTTP/1.1: what header compression makes of a head depends on the answers before it.
    let n_bytes = (made.head.len() + later_lines(&headers, made) + promised + body.map_or(0, plain::Body::len)) as u64;
    let written = Written { target: made.target, status: made.status, started, client, request_id, n_bytes };
    let mut response = Response::new(());
    *response.status_mut() = made.status;
    *response.headers_mut() = headers;
    let mut stream = respond.send_response(response, body.is_none()).ok()?;
    let mut rest = body.map_or_else(|| Payload::Bytes(bytes::Bytes::new()), |body| Payload::of(&body.rest(0)));
    while rest.has_remaining() {
        stream.reserve_capacity(rest.remaining().min(SLICE));
        let room = stream.capacity().min(SLICE);
        if room == 0 || !push(&mut stream, &mut rest, room) {
            break;
        }
    }
    Some(Begun { stream, rest, written })
}

/// Bytes of the lines that [`begin`] adds to a head, and of the empty one.
fn later_lines(headers: &HeaderMap, made: &Made<'_>) -> usize {
    let line = |name: &str| headers.get(name).map_or(0, |value| name.len() + value.len() + 4);
    let date = if made.dated { 0 } else { line("date") };
    let cache_control = if made.cache_control.is_some() { line("cache-control") } else { 0 };
    let age = if made.age.is_some() { line("age") } else { 0 };
    date + cache_control + age + line("x-request-id") + 2
}

/// Sends a piece of the rest. False when the client is gone.
fn push(stream: &mut SendStream<Payload>, rest: &mut Payload, room: usize) -> bool {
    let piece = rest.split_to(room.min(rest.remaining()));
    stream.send_data(piece, !rest.has_remaining()).is_ok()
}

/// Sends the rest of an answer as the client makes room, and tells of it.
pub(super) async fn finish(begun: Box<Begun>, received: Received, shard: Arc<Shard>, streams: Streams) {
    let Begun { mut stream, mut rest, written } = *begun;
    let patience = shard.app.settings.timeouts.write;
    while rest.has_remaining() {
        stream.reserve_capacity(rest.remaining().min(SLICE));
        let room = match stream.capacity() {
            0 => timeout(patience, poll_fn(|cx| stream.poll_capacity(cx))).await,
            room => Ok(Some(Ok(room))),
        };
        let room = match room {
            Ok(Some(Ok(room))) => room.min(SLICE),
            Ok(_) => {
                streams.reset(Reset::Client);
                break;
            }
            Err(_) => {
                stream.send_reset(Reason::CANCEL);
                streams.reset(Reset::Stalled);
                break;
            }
        };
        if !push(&mut stream, &mut rest, room) {
            streams.reset(Reset::Client);
            break;
        }
        consume_budget().await;
    }
    let fields = received.fields();
    // It has passed before.
    if let Ok(passed) = received.examine(&fields, &shard.app.settings.limits) {
        written.record(&passed, Protocol::Http2, &shard.telemetry, rest.remaining() as u64);
    }
}
