//! Hot: one request and its answer: gate, decision, target, fallback, writing, log line.

use std::{
    borrow::Cow,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Instant,
};

use edgeplane_config::TargetKind;
use http::{HeaderValue, StatusCode, header};

use super::{
    door::Door,
    framing::Framing,
    gate::Passed,
    intake,
    loan::Connection,
    ruled::{self, Readdressed},
    shard::Shard,
    writer::{self, Envelope},
};
use crate::{
    access,
    answer::{Answer, Body, Head},
    app::App,
    compute::{InstanceId, forwarded::Client},
    decide,
    headers::Overlay,
    redirect,
    rewrite::Outcome,
    service::reply::Refusal,
    site::{Deployment, Site, is_page},
    telemetry::{
        RequestId,
        access_log::{Protocol, Record},
    },
};

/// What becomes of the connection.
#[derive(Debug)]
pub(crate) enum After {
    /// It waits for the next request.
    Next(Connection),
    /// The last answer is written; it is to be closed so that the answer arrives.
    Close(Connection),
    /// It is gone.
    Gone,
}

/// What a target gave.
#[derive(Debug)]
pub(super) enum Given {
    /// An answer that is still to be written.
    Answer(Answer),
    /// Nothing is there: a fallback may answer.
    NotFound(Refusal),
    /// An answer that Compute has streamed to the client already.
    Streamed { status: StatusCode, reusable: bool },
    /// The client left before the answer was complete.
    ClientLeft,
}

/// Everything about a request that the steps share.
pub(super) struct Turn<'a> {
    pub(super) shard: &'a Arc<Shard>,
    pub(super) app: &'a App,
    pub(super) site: &'a Site,
    pub(super) deployment: &'a Arc<Deployment>,
    /// As the client sent it.
    pub(super) asked: Head<'a>,
    pub(super) asked_path: &'a [u8],
    /// As it is answered: a custom rule may have put another address in the place of the client's.
    pub(super) head: Head<'a>,
    /// What a rule for what is not found puts there.
    pub(super) last: &'a OnceLock<Readdressed>,
    pub(super) country: Option<&'a str>,
    pub(super) bytes: &'a [u8],
    pub(super) absolute: bool,
    pub(super) upgrades: bool,
    pub(super) path: &'a [u8],
    /// The door has taken away what was for the door alone.
    pub(super) is_changed: bool,
    /// The custom headers of the path that the client asked for.
    pub(super) overlay: Option<Cow<'a, Overlay>>,
    pub(super) client: Client,
    pub(super) peer: SocketAddr,
    pub(super) protocol: Protocol,
    pub(super) request_id: RequestId,
    pub(super) close: bool,
    /// The last look at the clock: nothing took long since then.
    pub(super) now: Instant,
    /// None: a custom rule has answered.
    pub(super) target: Option<TargetKind>,
    pub(super) expects_continue: bool,
    pub(super) instance: Option<InstanceId>,
    /// Bytes the client got from Compute.
    pub(super) written: u64,
}

/// Answers a head that did not pass the gate.
pub(crate) async fn refuse(connection: Connection, refusal: Refusal, shard: &Shard) -> After {
    outright(connection, refusal.answer(), false, shard).await
}

/// The answer to a request for a host that is no site's.
fn without_site(redirected: Option<HeaderValue>, refusal: Option<access::Refusal>) -> Answer {
    match (redirected, refusal) {
        (Some(location), _) => ruled::redirect(redirect::STATUS, location),
        (None, Some(refusal)) => Refusal::Access(refusal).answer(),
        (None, None) => Refusal::Misdirected.answer(),
    }
}

/// Writes an answer that belongs to no site, the last one of its connection.
async fn outright(mut connection: Connection, answer: Answer, head_only: bool, shard: &Shard) -> After {
    let started = Instant::now();
    let (peer, protocol) = (connection.socket.peer(), connection.socket.protocol(true));
    connection.written = 0;
    let request_id = shard.telemetry.request_id();
    let scheme = connection.socket.scheme();
    let status = answer.status;
    let envelope = Envelope {
        head_only,
        keep_alive: false,
        http11: true,
        request_id: request_id.as_str(),
        date: Some(shard.telemetry.clock().date(started)),
        hsts: shard.app.hsts(scheme),
        patience: shard.app.settings.timeouts.write,
    };
    let written = writer::write(&mut connection, answer, envelope).await;
    let time = (started, Instant::now());
    shard.telemetry.record(&Record::of_refused(peer, protocol, status, connection.written, time, &request_id));
    if written.is_ok() { After::Close(connection) } else { After::Gone }
}

/// Answers one request. With `last`, the connection is closed after it.
pub(crate) async fn run(
    mut connection: Connection,
    bytes: &[u8],
    passed: Passed<'_>,
    shard: &Arc<Shard>,
    last: bool,
    door: Door<'_>,
) -> After {
    let started = Instant::now();
    let (app, peer) = (&*shard.app, connection.socket.peer());
    connection.written = 0;
    let Passed { head, framing, keep_alive, upgrades, expects_continue, absolute } = passed;
    connection.framing = framing;

    let client = Client::of(connection.socket.from(), &head, &app.settings.trusted_proxies);
    let redirected = decide::redirect(app.redirects.as_ref(), &head, client.scheme);
    // Who is sent elsewhere is asked there.
    let door = door.unless(redirected.is_some());
    let mut entry = door.enter(&head, &mut connection, started).await;
    let (is_in, refusal) = (redirected.is_none() && entry.is_in(), entry.refusal.take());
    let Some(site) = app.sites.find(head.host) else {
        return outright(connection, without_site(redirected, refusal), head.method == "HEAD", shard).await;
    };
    let head = entry.head(head);
    // Who does not come in learns of no deployment, no rule and no field.
    let deployment = &if is_in { site.choose(&head) } else { site.current() };
    let mut scratch = Vec::new();
    let asked_path = decide::matched_path(&head, &mut scratch);
    let country = decide::country(deployment, &app.settings, peer, &head);
    let redirect = redirected.map(|location| Outcome::Redirect { status: redirect::STATUS, location });
    let rules = || is_in.then(|| ruled::first(&head, asked_path, country, deployment, shard)).flatten();
    let (readdressed, ruled) = Readdressed::by(redirect.or_else(rules));
    let resort = OnceLock::new();
    let request_id = shard.telemetry.request_id_for(client.trusted.then(|| head.field("x-request-id")).flatten());
    let mut turn = Turn {
        shard,
        app,
        site,
        deployment,
        asked: head,
        asked_path,
        head: readdressed.as_ref().map_or(head, |readdressed| readdressed.head(&head)),
        last: &resort,
        country,
        bytes,
        absolute,
        upgrades,
        path: readdressed.as_ref().map_or(asked_path, Readdressed::decoded),
        is_changed: entry.is_changed(),
        overlay: deployment.overlay(asked_path).filter(|_| is_in),
        client,
        peer,
        protocol: connection.socket.protocol(head.http11),
        request_id,
        close: last || !keep_alive,
        now: started,
        target: Some(TargetKind::Static),
        expects_continue,
        instance: None,
        written: 0,
    };
    let given = match refusal {
        None if entry.left => (None, Given::ClientLeft),
        None => turn.answer(connection, ruled, expects_continue).await,
        Some(refusal) => turn.turn_away(connection, refusal),
    };
    turn.finish(given, started).await
}

impl Turn<'_> {
    /// Says why it may not come in.
    fn turn_away(&mut self, connection: Connection, refusal: access::Refusal) -> (Option<Connection>, Given) {
        (self.target, self.now) = (None, Instant::now());
        (Some(connection), Given::Answer(Refusal::Access(refusal).answer()))
    }

    async fn answer(
        &mut self,
        mut connection: Connection,
        ruled: Option<Outcome>,
        expects_continue: bool,
    ) -> (Option<Connection>, Given) {
        if let Err(refusal) = self.receive_body(&mut connection, expects_continue).await {
            self.close = true;
            return (Some(connection), Given::Answer(refusal.answer()));
        }
        if self.head.path == "*" {
            return (Some(connection), Given::Answer(options()));
        }
        let (connection, given) = match ruled {
            None => self.route(connection, expects_continue, false).await,
            Some(outcome) => return self.carry_out(connection, outcome, false).await,
        };
        match (connection, given) {
            (Some(connection), Given::NotFound(refusal)) => self.resort(connection, refusal, expects_continue).await,
            given => given,
        }
    }

    /// Asks the target of the route, and its fallback.
    pub(super) async fn route(
        &mut self,
        connection: Connection,
        expects_continue: bool,
        without_body: bool,
    ) -> (Option<Connection>, Given) {
        let Some(decision) = decide::decide(&self.deployment.automaton, &self.deployment.routes, self.path) else {
            return (Some(connection), Given::NotFound(Refusal::NotFound));
        };
        let target = &decision.route.target;
        let fallback = decision.fallback_for(&self.head);
        let page = decide::has_page(target, &self.deployment.pack.load(), self.path, &self.head, self.files());
        let (connection, given) = self.ask(connection, target, page || fallback.is_some(), without_body).await;
        match (connection, given) {
            (Some(mut connection), Given::NotFound(_)) if page || fallback.is_some() => {
                self.drop_body(&mut connection, expects_continue).await;
                match fallback.filter(|_| !page) {
                    Some(fallback) => self.ask(connection, fallback, false, true).await,
                    None => (Some(connection), self.page()),
                }
            }
            (connection, given) => (connection, given),
        }
    }

    /// "If a body is present, it will be dropped during the fallback": dropped means read and forgotten.
    pub(super) async fn drop_body(&mut self, connection: &mut Connection, expects_continue: bool) {
        let most = self.app.settings.limits.body_hold;
        let patience = self.app.settings.timeouts.body_read;
        if expects_continue || !intake::discard(connection, most, patience).await {
            self.close = true;
            connection.framing = Framing::None;
        }
    }

    /// Bounds the body and holds a small declared one until it is complete.
    async fn receive_body(&mut self, connection: &mut Connection, expects_continue: bool) -> Result<(), Refusal> {
        let limits = &self.app.settings.limits;
        let Some(length) = connection.framing.declared() else { return Ok(()) };
        if length > limits.request_body {
            return Err(Refusal::BodyTooLarge);
        }
        match usize::try_from(length) {
            Ok(length) if length <= limits.body_hold && !expects_continue => {
                let complete = intake::hold(connection, length, self.app.settings.timeouts.body_read).await;
                self.now = Instant::now();
                if complete { Ok(()) } else { Err(Refusal::BodySlow) }
            }
            _ => Ok(()),
        }
    }

    async fn finish(self, (connection, given): (Option<Connection>, Given), started: Instant) -> After {
        let expects_continue = self.expects_continue;
        let mut written = connection.as_ref().map_or(self.written, |connection| connection.written);
        let given = self.absent(given);
        let (status, after) = match (given, connection) {
            (Given::Streamed { status, reusable }, Some(connection)) => {
                (status, if reusable { After::Next(connection) } else { After::Close(connection) })
            }
            (Given::Answer(answer), Some(connection)) => {
                let status = answer.status;
                let (n, after) = self.write(connection, answer, expects_continue).await;
                written = n;
                (status, after)
            }
            (Given::NotFound(refusal), Some(connection)) => {
                let (n, after) = self.write(connection, refusal.answer(), expects_continue).await;
                written = n;
                (StatusCode::NOT_FOUND, after)
            }
            (Given::Streamed { status, .. }, None) => (status, After::Gone),
            // nginx's number for a client that closed the connection first.
            _ => (StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST), After::Gone),
        };
        self.shard.telemetry.record(&Record {
            client: self.client.address,
            method: self.head.method,
            path: self.asked.path,
            query: self.asked.query,
            host: self.asked.host,
            protocol: self.protocol,
            status,
            bytes: written,
            started,
            ended: Instant::now(),
            target: self.target,
            instance: self.instance.and_then(|id| self.deployment.compute.as_ref()?.name(id)),
            user_agent: self.head.field("user-agent"),
            referer: self.head.field("referer"),
            request_id: &self.request_id,
        });
        after
    }

    async fn write(&self, mut connection: Connection, mut answer: Answer, expects_continue: bool) -> (u64, After) {
        if let Some(overlay) = &self.overlay {
            overlay.lay(&mut answer);
        }
        // What is kept is for everybody, and says nothing to one.
        if let Some(cookie) = self.deployment.cookie.as_ref().filter(|_| self.target == Some(TargetKind::Static))
            && is_page(answer.status, answer.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes))
        {
            answer.headers.append(header::SET_COOKIE, cookie.clone());
        }
        let most = self.app.settings.limits.body_hold;
        let patience = self.app.settings.timeouts.body_read;
        // What is left of the request's body would be taken for the next request.
        let clean = connection.framing.is_done()
            || (!expects_continue && !self.close && intake::discard(&mut connection, most, patience).await);
        let keep_alive = clean && !self.close && !connection.ended;
        let envelope = Envelope {
            head_only: self.head.method == "HEAD",
            keep_alive,
            http11: self.head.http11,
            request_id: self.request_id.as_str(),
            // An answer that was kept says itself when it was made (RFC 9110 6.6.1).
            date: (!answer.headers.contains_key(header::DATE)).then(|| self.shard.telemetry.clock().date(self.now)),
            hsts: (!answer.headers.contains_key(header::STRICT_TRANSPORT_SECURITY))
                .then(|| self.app.hsts(self.client.scheme))
                .flatten(),
            patience: self.app.settings.timeouts.write,
        };
        let result = writer::write(&mut connection, answer, envelope).await;
        let written = connection.written;
        match result {
            Ok(()) if keep_alive => (written, After::Next(connection)),
            Ok(()) => (written, After::Close(connection)),
            Err(_) => (written, After::Gone),
        }
    }
}

/// `OPTIONS *` (RFC 9110 9.3.7) asks about the server, not about a route.
fn options() -> Answer {
    let mut headers = http::HeaderMap::new();
    headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    Answer { status: StatusCode::NO_CONTENT, headers, body: Body::Empty }
}
