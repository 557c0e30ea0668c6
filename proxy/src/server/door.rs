//! Hot: the door: whether a request may come in. It is asked once for each, whichever lane comes first.
//!
//! It stands behind what is answered to everybody, and before all that a deployment says.

use std::{cell::OnceCell, future::poll_fn, time::Instant};

use super::loan::{Connection, poll_left};
use crate::{
    access::{Access, Caller, Refusal, Verdict},
    answer::Head,
    app::App,
    compute::forwarded::{Client, Peer},
};

/// The door, for one request.
pub(super) struct Door<'a> {
    pub(super) app: &'a App,
    verdict: OnceCell<Verdict>,
}

/// What is decided without waiting.
pub(super) enum Glance<'h> {
    /// It comes in as it is.
    Open,
    /// It comes in without the `Authorization`, which was for the door.
    Without(Vec<httparse::Header<'h>>),
    /// It does not, or not yet.
    Shut,
}

/// How a request came in, or why it did not.
#[derive(Debug, Default)]
pub(super) struct Entry<'h> {
    /// The fields without an `Authorization` that was for the door.
    fields: Option<Vec<httparse::Header<'h>>>,
    pub(super) refusal: Option<Refusal>,
    /// The client has left before that was decided.
    pub(super) left: bool,
}

impl<'a> Door<'a> {
    pub(super) fn of(app: &'a App) -> Self {
        Self { app, verdict: OnceCell::new() }
    }

    /// The door, for a request about which it was asked already, perhaps.
    pub(super) fn with(app: &'a App, verdict: Option<Verdict>) -> Self {
        Self { app, verdict: verdict.map_or_else(OnceCell::new, OnceCell::from) }
    }

    /// What was decided, if it was asked.
    pub(super) fn into_verdict(self) -> Option<Verdict> {
        self.verdict.into_inner()
    }

    /// Whether a request may come in at once. Where nothing is configured, this is the whole of it.
    #[inline]
    pub(super) fn glance<'h>(&self, head: &Head<'h>, peer: Peer, now: Instant) -> Glance<'h> {
        match &self.app.access {
            None => Glance::Open,
            Some(access) => self.look(access, head, peer, now),
        }
    }

    #[inline(never)]
    fn look<'h>(&self, access: &Access, head: &Head<'h>, peer: Peer, now: Instant) -> Glance<'h> {
        match self.verdict.get_or_init(|| ask(self.app, access, head, peer, now)) {
            Verdict::Welcome { ours: false } => Glance::Open,
            Verdict::Welcome { ours: true } => Glance::Without(without_authorization(head)),
            Verdict::Refused(_) | Verdict::Check(_) => Glance::Shut,
        }
    }

    /// A door that lets everybody in, `open`.
    pub(super) fn unless(self, open: bool) -> Self {
        if open { Self::with(self.app, Some(Verdict::Welcome { ours: false })) } else { self }
    }

    /// Waits until it is decided, or the client leaves.
    pub(super) async fn enter<'h>(self, head: &Head<'h>, connection: &mut Connection, now: Instant) -> Entry<'h> {
        let Some(access) = &self.app.access else { return Entry::default() };
        let peer = connection.socket.from();
        let verdict = match self.verdict.into_inner() {
            Some(verdict) => verdict,
            None => ask(self.app, access, head, peer, now),
        };
        let settled = tokio::select! {
            biased;
            settled = access.settle(verdict, now) => settled,
            () = poll_fn(|cx| poll_left(connection, 0, cx)) => return Entry { left: true, ..Entry::default() },
        };
        match settled {
            Ok(ours) => Entry { fields: ours.then(|| without_authorization(head)), ..Entry::default() },
            Err(refusal) => Entry { refusal: Some(refusal), ..Entry::default() },
        }
    }
}

impl<'h> Entry<'h> {
    /// The request as it came in.
    pub(super) fn head<'e>(&'e self, head: Head<'e>) -> Head<'e>
    where
        'h: 'e,
    {
        match &self.fields {
            Some(fields) => Head { fields, ..head },
            None => head,
        }
    }

    /// Whether it came in.
    pub(super) fn is_in(&self) -> bool {
        self.refusal.is_none() && !self.left
    }

    /// Whether the request is another than the client sent.
    pub(super) fn is_changed(&self) -> bool {
        self.fields.is_some()
    }
}

fn ask(app: &App, access: &Access, head: &Head<'_>, peer: Peer, now: Instant) -> Verdict {
    let client = Client::of(peer, head, &app.settings.trusted_proxies);
    access.enter(head, Caller { address: client.address, named: client.named }, now)
}

fn without_authorization<'h>(head: &Head<'h>) -> Vec<httparse::Header<'h>> {
    head.fields.iter().filter(|field| !field.name.eq_ignore_ascii_case("authorization")).copied().collect()
}
