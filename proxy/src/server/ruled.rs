//! Hot: what becomes of a request that a custom rule takes.

use std::sync::Arc;

use edgeplane_config::{Site, TargetKind};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{
    loan::Connection,
    shard::Shard,
    turn::{Given, Turn},
    upstream,
};
use crate::{
    answer::{Answer, Body, Head},
    assets::{self, Policy},
    decide::{self, Ruled},
    rewrite::{List, Outcome, Taken},
    route,
    service::{LOOP_FIELD, LOOP_NAME, Whom, reply::Refusal},
    site::Deployment,
};

impl Turn<'_> {
    /// Nothing was found: the rules for that have the last word.
    pub(super) async fn resort(
        &mut self,
        mut connection: Connection,
        refusal: Refusal,
        expects_continue: bool,
    ) -> (Option<Connection>, Given) {
        let ruled = decide::rule(self.deployment, List::Last, &self.asked, self.asked_path, self.country);
        let Some(outcome) = counted(ruled, self.deployment, self.shard) else {
            return (Some(connection), Given::NotFound(refusal));
        };
        self.drop_body(&mut connection, expects_continue).await;
        match outcome {
            Outcome::Page { path: wanted } => {
                self.target = Some(TargetKind::Static);
                let wanted = Readdressed::new(wanted, None);
                let policy = Policy::new(&self.app.settings.assets, &self.app.default_cache_control);
                let answer = assets::page(&self.deployment.pack.load(), wanted.decoded(), &self.head, &policy);
                (Some(connection), answer.map_or(Given::NotFound(refusal), Given::Answer))
            }
            Outcome::Rewrite { path, query } => {
                let last = self.last.get_or_init(|| Readdressed::new(path, query));
                (self.head, self.path) = (last.head(&self.asked), last.decoded());
                self.route(connection, expects_continue, true).await
            }
            outcome => self.carry_out(connection, outcome, true).await,
        }
    }

    /// Does what needs no route.
    pub(super) async fn carry_out(
        &mut self,
        connection: Connection,
        outcome: Outcome,
        without_body: bool,
    ) -> (Option<Connection>, Given) {
        self.target = None;
        match outcome {
            Outcome::Redirect { status, location } => (Some(connection), Given::Answer(redirect(status, location))),
            Outcome::Proxy { site, path, query } => {
                let address = Readdressed::new(path, query);
                self.ask_site(connection, site, &address, without_body).await
            }
            // These are answered where their lists are asked.
            Outcome::Rewrite { .. } | Outcome::Page { .. } => (Some(connection), Given::NotFound(Refusal::NotFound)),
        }
    }

    /// Asks another site, as the client has asked us.
    async fn ask_site(
        &mut self,
        connection: Connection,
        site: Site,
        address: &Readdressed,
        without_body: bool,
    ) -> (Option<Connection>, Given) {
        if hops(&self.asked) >= self.app.settings.rewrite.hops_max {
            return (Some(connection), Given::Answer(Refusal::Loop.answer()));
        }
        let head = address.head(&self.asked);
        let Some(_leave) = self.shard.exchange().await else {
            return (Some(connection), Given::Answer(Refusal::Crowded.answer()));
        };
        let request = self.request(&head, false, without_body);
        let passed = upstream::pass(self.shard, Whom::Site(Arc::new(site)), connection, request).await;
        self.given(passed)
    }
}

/// A path and query that took the place of those the client sent.
#[derive(Debug)]
pub(super) struct Readdressed {
    path: String,
    query: Option<String>,
    /// The path without its percent-encoding.
    decoded: Vec<u8>,
}

impl Readdressed {
    pub(super) fn new(path: String, query: Option<String>) -> Self {
        let mut decoded = Vec::new();
        let decoded = route::decode(&path, &mut decoded).to_vec();
        Self { path, query, decoded }
    }

    /// The address that a rule has put in the place of the client's; anything else that it wants is given back.
    pub(super) fn by(ruled: Option<Outcome>) -> (Option<Self>, Option<Outcome>) {
        match ruled {
            Some(Outcome::Rewrite { path, query }) => (Some(Self::new(path, query)), None),
            ruled => (None, ruled),
        }
    }

    /// The request, for this address.
    pub(super) fn head<'a>(&'a self, head: &Head<'a>) -> Head<'a> {
        Head { path: &self.path, query: self.query.as_deref(), ..*head }
    }

    /// The path that patterns are matched against.
    pub(super) fn decoded(&self) -> &[u8] {
        &self.decoded
    }
}

/// What the rules that come before the routes want done.
pub(super) fn first(
    head: &Head<'_>,
    path: &[u8],
    country: Option<&str>,
    deployment: &Deployment,
    shard: &Shard,
) -> Option<Outcome> {
    counted(decide::rule(deployment, List::First, head, path, country), deployment, shard)
}

/// Tells what rules did, and gives what is to be done.
pub(super) fn counted(ruled: Ruled, deployment: &Deployment, shard: &Shard) -> Option<Outcome> {
    if ruled.given_up > 0 {
        shard.telemetry.given_up(ruled.given_up);
    }
    let Taken { index, outcome } = ruled.taken?;
    if let Some(action) = deployment.custom_rules.as_ref().and_then(|rules| rules.action(index)) {
        shard.telemetry.ruled(action);
    }
    Some(outcome)
}

/// Sends the client elsewhere.
pub(super) fn redirect(status: StatusCode, location: HeaderValue) -> Answer {
    let mut headers = HeaderMap::with_capacity(1);
    headers.insert(header::LOCATION, location);
    Answer { status, headers, body: Body::Empty }
}

/// How many servers of this kind a request came through.
pub(super) fn hops(head: &Head<'_>) -> usize {
    let listed = head.fields(LOOP_FIELD).flat_map(|value| value.split(','));
    // RFC 8586: a name may be followed by parameters.
    listed.filter(|hop| hop.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(LOOP_NAME))).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_are_counted_over_all_fields() {
        let fields = [("CDN-Loop", "other, edgeplane"), ("x", "edgeplane"), ("cdn-loop", "Edgeplane; v=1,edge")];
        let fields = fields.map(|(name, value)| httparse::Header { name, value: value.as_bytes() });
        let head = Head { method: "GET", path: "/", query: None, fields: &fields, http11: true, host: "h" };
        assert_eq!(hops(&head), 2);
    }
}
