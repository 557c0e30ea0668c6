//! Hot: lends the connection to Pingora for one exchange with Compute and reads from the exchange how it ended.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use parking_lot::Mutex;
use pingora::{apps::HttpServerApp, protocols::http::ServerSession};
use tokio::time::timeout;

use super::{
    loan::{self, Connection, Home, Loan},
    rewrite,
    shard::Shard,
};
use crate::{
    answer::Head,
    app::App,
    compute::{
        InstanceId,
        exchange::{Exchange, Failure, Stage},
        forwarded::Client,
    },
    edge_cache::{Change, Lead},
    headers::Overlay,
    service::{
        Passage, Whom,
        reply::{Refusal, Refused},
        signals::Signals,
    },
    telemetry::{Lane, RequestId},
};

/// A whole error page comes much quicker; one that does not costs its connection instead of the visitor's time.
pub(super) const WITHHELD_PATIENCE: Duration = Duration::from_millis(500);

/// What Compute is asked.
pub(crate) struct Request<'a> {
    pub(crate) head: &'a Head<'a>,
    /// The head as it was sent; empty over HTTP/2.
    pub(crate) bytes: &'a [u8],
    /// The target was sent in absolute form.
    pub(crate) absolute: bool,
    /// The head is another than the client sent: a custom rule has rewritten the target, or a field was for us alone.
    pub(crate) rewritten: bool,
    /// A fallback asks without the request's body.
    pub(crate) without_body: bool,
    pub(crate) client: &'a Client,
    pub(crate) peer: SocketAddr,
    pub(crate) request_id: &'a RequestId,
    pub(crate) has_fallback: bool,
    pub(crate) upgrades: bool,
    /// The client waits for `100 Continue` before it sends its body.
    pub(crate) expects_continue: bool,
    pub(crate) close: bool,
    /// The custom headers of the answer.
    pub(crate) overlay: Option<&'a Overlay>,
    /// The cookie that pages set.
    pub(crate) cookie: Option<&'a HeaderValue>,
    /// What its answer makes invalid, where answers are kept.
    pub(crate) change: Option<Arc<Change>>,
}

/// The connection, home again, and how it went.
pub(crate) struct Passed {
    /// None: it is of no use any more.
    pub(crate) connection: Option<Connection>,
    /// Bytes the client got.
    pub(crate) written: u64,
    pub(crate) end: End,
    pub(crate) instance: Option<InstanceId>,
    /// The fetch, where its answer might have been kept.
    pub(crate) lead: Option<Box<Lead>>,
}

/// How an exchange ended.
pub(crate) enum End {
    /// The client has the answer, or as much of it as there was.
    Streamed { status: StatusCode, reusable: bool },
    /// A 404 that the client did not see.
    Withheld,
    /// The client went away.
    ClientLeft,
    /// There is no answer.
    Refused(Refusal),
}

/// Passes one request to Compute, or to another site, and its answer to the client.
pub(crate) async fn pass(shard: &Shard, whom: Whom, connection: Connection, request: Request<'_>) -> Passed {
    let app = &*shard.app;
    shard.telemetry.lane(Lane::Engine);
    let attempts = app.settings.compute.attempts;
    let exchange =
        Arc::new(Mutex::new(Exchange::new(request.head.method, request.has_fallback, request.upgrades, attempts)));
    let signals = Arc::new(Signals::default());
    let home = Arc::new(Home::default());
    let head = head_for(&whom, &request);
    let loan = Loan::new(connection, head, app.settings.limits.request_body, Arc::clone(&home), Arc::clone(&signals));
    let mut session = ServerSession::new_http1(Box::new(loan));
    // Who asks for a WebSocket sends no body, and may be silent for hours after that.
    session.set_read_timeout((!request.upgrades).then_some(app.settings.timeouts.body_read));
    session.set_write_timeout(Some(app.settings.timeouts.write));
    if let ServerSession::H1(session) = &mut session {
        // RFC 9110 15.2: HTTP/1.0 knows no interim answers.
        session.set_ignore_info_resp(!request.head.http11);
    }
    let passage = passage(app, whom, &request, Arc::clone(&exchange), Arc::clone(&signals));
    session.set_connection_user_context(Some(Box::new(passage)));
    let stop = if request.close { &app.closing } else { &app.keeping };
    let mut running = Box::pin(shard.engine.process_new_http(session, stop));
    let bounded = timeout(app.settings.timeouts.request, &mut running);
    let ended = tokio::select! {
        biased;
        ended = bounded => Some(ended),
        () = withheld_for_long(&signals) => None,
    };
    let reused = match ended {
        Some(Ok(reused)) => reused,
        // A tunnel is no request: it lasts as long as its ends want.
        Some(Err(_)) if signals.is_tunnel() => running.as_mut().await,
        Some(Err(_)) => {
            exchange.lock().timed_out();
            None
        }
        None => None,
    };
    let reusable = reused.is_some();
    drop((reused, running));
    let mut connection = home.take();
    let flushed = flush(connection.as_mut(), app.settings.timeouts.write).await;
    // What was gathered counts as written, and is not.
    let sent = |connection: &Connection| connection.written.saturating_sub(connection.out.len() as u64);
    let written = connection.as_ref().map_or(0, sent);
    let connection = connection.filter(|_| flushed);
    let (stage, instance) = {
        let exchange = exchange.lock();
        (exchange.stage(), exchange.instance())
    };
    let ended = connection.as_ref().is_none_or(|connection| connection.ended);
    let end = judge(stage, &signals, ended, reusable);
    Passed { connection, written, end, instance, lead: None }
}

/// What the request takes with it through Pingora.
fn passage(
    app: &App,
    whom: Whom,
    request: &Request<'_>,
    exchange: Arc<Mutex<Exchange>>,
    signals: Arc<Signals>,
) -> Passage {
    let is_ours = matches!(whom, Whom::Fleet(_));
    Passage {
        exchange,
        signals,
        whom,
        client: request.client.clone(),
        peer: request.peer,
        host: request.head.host.to_owned(),
        request_id: request.request_id.as_str().to_owned(),
        upgrades: request.upgrades,
        overlay: request.overlay.cloned(),
        cookie: request.cookie.filter(|_| is_ours).cloned(),
        bounds: Arc::clone(&app.bounds),
        cached: app.edge_cache.is_some(),
        change: request.change.clone(),
        http11: request.head.http11,
        compression: Arc::clone(&app.compression),
        encoder: None,
        hsts: app.hsts(request.client.scheme).map(str::to_owned),
    }
}

/// The head as the other side reads it: as it was sent, unless that would mean something else there.
fn head_for(whom: &Whom, request: &Request<'_>) -> Bytes {
    match whom {
        Whom::Site(site) => {
            let host = site.authority();
            rewrite::head(&Head { host: &host, ..*request.head }, request.without_body)
        }
        // Over HTTP/2 it was sent in other bytes.
        Whom::Fleet(_) if request.without_body || request.absolute || request.rewritten || request.bytes.is_empty() => {
            rewrite::head(request.head, request.without_body)
        }
        Whom::Fleet(_) => Bytes::copy_from_slice(request.bytes),
    }
}

/// Resolves when a withheld 404 has had its time: reading it to its end saves the upstream connection, which is worth
/// a moment, but the client waits for the fallback's answer.
async fn withheld_for_long(signals: &Signals) {
    signals.fallback_awaited().await;
    tokio::time::sleep(WITHHELD_PATIENCE).await;
}

/// What was gathered was perhaps not flushed: an answer that broke off, of which the client shall see as much as there
/// was, and an interim one before an answer of ours.
async fn flush(connection: Option<&mut Connection>, patience: Duration) -> bool {
    let Some(connection) = connection else { return false };
    let gathered = std::future::poll_fn(|cx| loan::poll_gathered(connection, cx));
    matches!(timeout(patience, gathered).await, Ok(Ok(())))
}

fn judge(stage: Stage, signals: &Signals, ended: bool, reusable: bool) -> End {
    if signals.has_begun() {
        return match stage {
            Stage::Begun(status) => End::Streamed { status, reusable },
            _ => End::ClientLeft,
        };
    }
    if signals.is_too_large() {
        return End::Refused(Refusal::BodyTooLarge);
    }
    if signals.is_broken() {
        return End::Refused(Refusal::BodyFraming);
    }
    match stage {
        Stage::Withheld => End::Withheld,
        Stage::Failed(failure) => End::Refused(Refusal::Compute(failure)),
        _ if ended => End::ClientLeft,
        // The gate lets nothing pass that Pingora refuses; should it, the fault is in the head.
        Stage::Waiting if !signals.was_released() => End::Refused(Refusal::Head(Refused::Malformed)),
        Stage::Waiting if signals.is_slow() => End::Refused(Refusal::BodySlow),
        Stage::Waiting | Stage::Begun(_) => End::Refused(Refusal::Compute(Failure::Broken)),
    }
}
