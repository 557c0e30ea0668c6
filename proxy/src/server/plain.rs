//! Hot: the lane of plain requests for files, and for pictures and pages at hand: decided, written and sent without
//! waiting, allocating or sharing.
//!
//! It takes a strict subset of what the gate lets through: GET or HEAD over HTTP/1.1, in origin form, without body,
//! escapes in the path or wishes about the connection, for a file that exists or an answer that is kept. It decides by the functions that every
//! other request is decided by; what it does not take goes the long way (`turn`) and gets the same answer.

use std::{
    fs::File,
    io::{self, ErrorKind, IoSlice},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use edgeplane_config::{Target, TargetKind};
use http::{HeaderValue, StatusCode};
use memchr::memmem;
use parking_lot::Mutex;

use super::{
    door::{Door, Glance},
    gate::{self, Passed},
    loan::Connection,
    send::LARGE_BYTES,
    shard::Shard,
    socket::Socket,
    writer::Envelope,
};
use crate::{
    answer::{Head, Held, Piece},
    app::App,
    assets::{self, Content, Prepared},
    compute::forwarded::{Client, Peer},
    decide,
    edge_cache::{self, Asked},
    image::Front,
    rewrite::List,
    site::Deployment,
    telemetry::{
        self, Lane, RequestId,
        access_log::{Protocol, Record},
    },
};

/// Answers to pipelined requests are gathered up to this size and sent together.
const GATHER_MAX: usize = 16 * 1024;
/// Room for the lines that are written for each request.
const LINES: usize = 256;

/// An answer that was written, perhaps not to its end.
#[derive(Debug)]
pub(super) struct Sent {
    written: Written,
    /// What the socket did not take at once, after what is in `connection.out`; or, when the client is gone, how many
    /// bytes it did not get.
    pub(super) rest: Result<Option<Piece>, u64>,
}

/// What is told of an answer.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) target: TargetKind,
    pub(super) status: StatusCode,
    pub(super) started: Instant,
    pub(super) client: Client,
    pub(super) request_id: RequestId,
    pub(super) n_bytes: u64,
}

/// A content, wherever it is kept.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    /// A file of the pack.
    File(&'a Content),
    /// A picture or a page in memory and, where a picture is large, the file that it is as well.
    Kept(&'a Bytes, Option<&'a Arc<File>>),
}

impl Body<'_> {
    pub(super) fn len(self) -> usize {
        match self {
            Self::File(content) => content.len(),
            Self::Kept(bytes, _) => bytes.len(),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::File(content) => content.bytes(),
            Self::Kept(bytes, _) => bytes,
        }
    }

    /// Without what was sent already.
    pub(super) fn rest(self, n_sent: usize) -> Piece {
        match self {
            Self::File(content) => Piece::File(content.slice(n_sent..content.len())),
            Self::Kept(bytes, file) => {
                let n_sent = n_sent.min(bytes.len());
                let bytes = bytes.slice(n_sent..);
                match file {
                    Some(file) => Piece::Held(Held { bytes, file: Arc::clone(file), offset: n_sent as u64 }),
                    None => Piece::Text(bytes),
                }
            }
        }
    }
}

/// What an answer is made of beside the fields that every one has.
pub(super) struct Made<'a> {
    pub(super) target: TargetKind,
    pub(super) status: StatusCode,
    /// The status line and the fields that are always the same.
    pub(super) head: &'a [u8],
    /// These fields, where they are kept as such, too.
    pub(super) prepared: Option<&'a Prepared>,
    pub(super) cache_control: Option<&'a HeaderValue>,
    pub(super) age: Option<u64>,
    /// The head says itself when the answer was made.
    pub(super) dated: bool,
    pub(super) body: Option<Body<'a>>,
}

/// What one thread has at hand beside files.
pub(super) struct AtHand<'a> {
    pictures: &'a Mutex<Front>,
    pages: Option<&'a Mutex<edge_cache::Front>>,
}

impl<'a> AtHand<'a> {
    pub(super) fn of(shard: &'a Shard) -> Self {
        Self { pictures: &shard.front, pages: shard.pages.as_ref() }
    }
}

/// Answers a plain request for a file, or for a picture that is at hand. None for every other one, and nothing is
/// written then.
pub(super) fn answer(connection: &mut Connection, passed: &Passed<'_>, shard: &Shard, door: &Door<'_>) -> Option<Sent> {
    let Connection { socket, ahead, out, .. } = connection;
    let more_follows = !ahead.is_empty();
    let peer = socket.from();
    let send = |out: &mut BytesMut, body: Option<Body<'_>>| send(socket, out, body, more_follows);
    let (written, rest) = find(passed, peer, door, &AtHand::of(shard), |made, client, started| {
        made.write(out, &passed.head, client, started, (door.app, &shard.telemetry), send)
    })?;
    Some(Sent { written, rest })
}

/// The lane without its socket, for measurements.
#[derive(Debug)]
pub struct Rehearsal {
    app: App,
    telemetry: telemetry::Shard,
    front: Mutex<Front>,
}

impl Rehearsal {
    /// Of an app, on one thread.
    pub fn new(app: App, telemetry: telemetry::Shard) -> Self {
        Self { app, telemetry, front: Mutex::default() }
    }

    /// Examines a request head, appends the head of its answer to `out` and tells what happened. Gives the length of the
    /// content; none when the request is not plain.
    pub fn answer(&self, request: &[u8], out: &mut BytesMut) -> Option<usize> {
        let Self { app, telemetry, front } = self;
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let passed = gate::examine(request, &mut fields, app.settings.limits.request_target).ok()?;
        let peer = Peer { address: SocketAddr::from(([127, 0, 0, 1], 1)), scheme: "http" };
        let length = |_: &mut BytesMut, body: Option<Body<'_>>| body.map_or(0, Body::len);
        let at_hand = AtHand { pictures: front, pages: None };
        let (written, n_content) = find(&passed, peer, &Door::of(app), &at_hand, |made, client, started| {
            made.write(out, &passed.head, client, started, (app, telemetry), length)
        })?;
        written.record(&passed, Protocol::Http11, telemetry, 0);
        Some(n_content)
    }
}

/// Decides, and gives the answer to `deliver`.
pub(super) fn find<T>(
    passed: &Passed<'_>,
    peer: Peer,
    door: &Door<'_>,
    at_hand: &AtHand<'_>,
    deliver: impl FnOnce(Made<'_>, Client, Instant) -> T,
) -> Option<T> {
    if !is_plain(passed) {
        return None;
    }
    let started = Instant::now();
    let (app, head) = (door.app, &passed.head);
    if app.redirects.is_some() && is_redirected(app, head, peer) {
        return None;
    }
    let (fields, inside);
    let head = match door.glance(head, peer, started) {
        Glance::Open => head,
        Glance::Without(others) => {
            fields = others;
            inside = Head { fields: &fields, ..*head };
            &inside
        }
        Glance::Shut => return None,
    };
    let site = app.sites.find(head.host)?;
    let line = site.line();
    let deployment = line.choose(head);
    let path = head.path.as_bytes();
    if deployment.custom_rules.is_some() && is_ruled(app, deployment, head, peer.address) {
        return None;
    }
    let decision = decide::decide(&deployment.automaton, &deployment.routes, path)?;
    let client = || Client::of(peer, head, &app.settings.trusted_proxies);
    let target = &decision.route.target;
    if let Some(policy) = decide::files(target, head, &app.settings.assets, &app.default_cache_control) {
        let (overlay, pack) = (deployment.overlay(path), deployment.pack.load());
        let policy = policy.under(overlay.as_deref());
        if let Some(ready) = assets::ready(&pack, path, head, &policy) {
            // A page that sets a cookie is written anew.
            if deployment.cookie.is_some() && memmem::find(ready.head.lines(), b"content-type: text/html").is_some() {
                return None;
            }
            return Some(deliver(Made::file(&ready, policy.cache_control), client(), started));
        }
    }
    match target {
        Target::Static { .. } => None,
        Target::Image { .. } => {
            let rules = deployment.image_rules.as_ref()?;
            let mut front = at_hand.pictures.lock();
            let ready = front.ready(head, rules, &app.images)?;
            let body = ready.content.map(|content| Body::Kept(content, ready.file));
            let made = Made::kept(TargetKind::Image, ready.status, ready.head, ready.age, body);
            Some(deliver(made, client(), started))
        }
        Target::Compute => {
            let mut pages = at_hand.pages?.lock();
            let client = client();
            let (site, deployment, scheme) = (&*site.name, &*deployment.activation, client.scheme);
            let asked = Asked { head, site, deployment, scheme, trusted: client.trusted };
            let ready = pages.ready(&asked, started)?;
            let body = ready.content.map(|content| Body::Kept(content, None));
            let made = Made::kept(TargetKind::Compute, ready.status, ready.head, Some(ready.age), body);
            Some(deliver(Made { dated: true, ..made }, client, started))
        }
    }
}

/// Whether a custom rule takes the request, or one was given up: what comes of either is told by `turn`.
#[inline(never)]
fn is_ruled(app: &App, deployment: &Deployment, head: &Head<'_>, peer: SocketAddr) -> bool {
    let country = decide::country(deployment, &app.settings, peer, head);
    !decide::rule(deployment, List::First, head, head.path.as_bytes(), country).is_nothing()
}

/// Whether the client is sent to another host or scheme, which `turn` does.
#[inline(never)]
fn is_redirected(app: &App, head: &Head<'_>, peer: Peer) -> bool {
    let client = Client::of(peer, head, &app.settings.trusted_proxies);
    decide::redirect(app.redirects.as_ref(), head, client.scheme).is_some()
}

impl<'a> Made<'a> {
    /// A file.
    fn file(ready: &assets::Ready<'a>, cache_control: Option<&'a HeaderValue>) -> Self {
        Self {
            target: TargetKind::Static,
            status: ready.status,
            head: ready.head.lines(),
            prepared: Some(ready.head),
            cache_control,
            age: None,
            dated: false,
            body: ready.content.map(Body::File),
        }
    }

    /// What is kept as a whole, but for its age.
    fn kept(target: TargetKind, status: StatusCode, head: &'a [u8], age: Option<u64>, body: Option<Body<'a>>) -> Self {
        Self { target, status, head, prepared: None, cache_control: None, age, dated: false, body }
    }

    fn write<T>(
        self,
        out: &mut BytesMut,
        head: &Head<'_>,
        client: Client,
        started: Instant,
        (app, telemetry): (&App, &telemetry::Shard),
        send: impl FnOnce(&mut BytesMut, Option<Body<'_>>) -> T,
    ) -> (Written, T) {
        let Self { target, status, head: lines, cache_control, age, dated, body, .. } = self;
        let request_id = telemetry.request_id_for(client.trusted.then(|| head.field("x-request-id")).flatten());
        let n_before = out.len();
        out.reserve(lines.len() + cache_control.map_or(0, HeaderValue::len) + LINES);
        out.put_slice(lines);
        if let Some(cache_control) = cache_control {
            out.put_slice(b"cache-control: ");
            out.put_slice(cache_control.as_bytes());
            out.put_slice(b"\r\n");
        }
        if let Some(age) = age {
            out.put_slice(b"age: ");
            out.put_slice(itoa::Buffer::new().format(age).as_bytes());
            out.put_slice(b"\r\n");
        }
        let envelope = Envelope {
            head_only: false,
            keep_alive: true,
            http11: true,
            request_id: request_id.as_str(),
            date: (!dated).then(|| telemetry.clock().date(started)),
            hsts: app.hsts(client.scheme).filter(|_| !promises(lines)),
            patience: Duration::ZERO,
        };
        envelope.write(out);
        let n_bytes = (out.len() - n_before + body.map_or(0, Body::len)) as u64;
        let sent = send(out, body);
        (Written { target, status, started, client, request_id, n_bytes }, sent)
    }
}

/// Whether a head says already that a host is to be asked over https only.
fn promises(lines: &[u8]) -> bool {
    memmem::find(lines, b"\nstrict-transport-security:").is_some()
}

/// What this lane takes.
fn is_plain(passed: &Passed<'_>) -> bool {
    passed.head.http11
        && passed.head.is_read()
        && passed.keep_alive
        && passed.framing.is_done()
        && !passed.absolute
        && !passed.upgrades
        && !passed.expects_continue
        && !passed.head.path.as_bytes().contains(&b'%')
}

/// How a content goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Copied, in one write with its head.
    Together,
    /// Out of the file, by a second call.
    Spliced,
    /// By `send`, which reads what is not in memory on another thread, and takes turns with others between windows.
    Later,
}

impl Way {
    /// Nothing is sent out of a file where all is `copied` anyway.
    pub(super) fn of(body: Body<'_>, copied: bool) -> Self {
        let spliced = if copied { Self::Together } else { Self::Spliced };
        match body {
            Body::Kept(_, file) => file.map_or(Self::Together, |_| spliced),
            Body::File(content) if content.len() < LARGE_BYTES => Self::Together,
            Body::File(content)
                if content.window(0).len() == content.len() && content.is_resident(0..content.len()) =>
            {
                spliced
            }
            Body::File(_) => Self::Later,
        }
    }
}

/// Sends what is in `out` and the content, or gathers both while the next request is here already. Gives back what the
/// socket did not take or, when the client is gone, how many bytes it did not get.
fn send(
    socket: &mut Socket,
    out: &mut BytesMut,
    body: Option<Body<'_>>,
    more_follows: bool,
) -> Result<Option<Piece>, u64> {
    let copied = socket.copies();
    let way = body.map_or(Way::Together, |body| Way::of(body, copied));
    let bytes = body.as_ref().filter(|_| way == Way::Together).map_or(&[][..], Body::bytes);
    if more_follows && way == Way::Together && out.len() + bytes.len() <= GATHER_MAX {
        out.put_slice(bytes);
        return Ok(None);
    }
    let n_content = body.map_or(0, Body::len);
    let pieces = [IoSlice::new(out), IoSlice::new(bytes)];
    let n = taken(socket.try_send(&pieces, way != Way::Together)).ok_or((out.len() + n_content) as u64)?;
    let Some(mut n_taken) = n.checked_sub(out.len()) else {
        out.advance(n);
        let rest = body.map_or_else(|| Piece::Text(Bytes::new()), |body| body.rest(0));
        return Ok(Some(rest));
    };
    out.clear();
    // What was encrypted and not taken is flushed after an empty rest.
    let unsent = |socket: &Socket| socket.is_unsent().then(|| Piece::Text(Bytes::new()));
    let Some(body) = body else { return Ok(unsent(socket)) };
    let file = match body {
        Body::File(content) => Some((content.file(), content.offset())),
        Body::Kept(_, file) => file.map(|file| (&**file, 0)),
    };
    if let (Way::Spliced, Some((file, offset))) = (way, file) {
        n_taken = taken(socket.try_send_file(file, offset, body.bytes())).ok_or(n_content as u64)?;
    } else if copied && way == Way::Together && n_taken < n_content {
        // One turn more, for files that are not much larger than what is encrypted at once.
        let rest = IoSlice::new(&body.bytes()[n_taken..]);
        n_taken += taken(socket.try_send(&[rest], false)).ok_or((n_content - n_taken) as u64)?;
    }
    let rest = (n_taken < n_content).then(|| body.rest(n_taken));
    Ok(rest.or_else(|| unsent(socket)))
}

/// Bytes that a socket took; none when the client is gone.
fn taken(tried: io::Result<usize>) -> Option<usize> {
    match tried {
        Ok(n) => Some(n),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
        Err(_) => None,
    }
}

impl Sent {
    /// Tells what happened, and when it was over. `n_unsent` bytes were lost of this answer and those gathered before it.
    pub(super) fn record(&self, passed: &Passed<'_>, telemetry: &telemetry::Shard, n_unsent: u64) -> Instant {
        self.written.record(passed, Protocol::Http11, telemetry, n_unsent)
    }
}

impl Written {
    pub(super) fn record(
        &self,
        passed: &Passed<'_>,
        protocol: Protocol,
        telemetry: &telemetry::Shard,
        n_unsent: u64,
    ) -> Instant {
        let (head, ended) = (&passed.head, Instant::now());
        telemetry.lane(Lane::Plain);
        telemetry.record(&Record {
            client: self.client.address,
            method: head.method,
            path: head.path,
            query: head.query,
            host: head.host,
            protocol,
            status: self.status,
            bytes: self.n_bytes.saturating_sub(n_unsent),
            started: self.started,
            ended,
            target: Some(self.target),
            instance: None,
            user_agent: head.field("user-agent"),
            referer: head.field("referer"),
            request_id: &self.request_id,
        });
        ended
    }
}
