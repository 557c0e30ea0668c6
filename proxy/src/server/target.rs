//! Hot: what the target of a route gives: a file, a picture, or an answer of Compute.

use std::{
    future::{Future as _, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Instant,
};

use edgeplane_config::{StaticSettings, Target, TargetKind};

use super::{
    loan::{Connection, poll_left},
    page::{Looked, Looking},
    relay,
    turn::{Given, Turn},
    upstream,
};
use crate::{
    answer::Head,
    assets, decide,
    edge_cache::{self, Asked},
    headers::Overlay,
    image::{Answered, ImageRequest, Refusal as ImageRefusal},
    service::{Whom, reply::Refusal},
};

impl Turn<'_> {
    pub(super) async fn ask(
        &mut self,
        connection: Connection,
        target: &Target,
        has_fallback: bool,
        without_body: bool,
    ) -> (Option<Connection>, Given) {
        self.target = Some(target.kind());
        if let Some(given) = self.file(target) {
            return (Some(connection), given);
        }
        match target {
            Target::Static { .. } => (Some(connection), Given::NotFound(Refusal::NotFound)),
            Target::Image { cache_control } => {
                let mut connection = connection;
                let given = {
                    let mut asked = pin!(self.ask_image(cache_control.as_ref()));
                    // The answer first: one that is kept already needs no look at the client.
                    poll_fn(|cx| match asked.as_mut().poll(cx) {
                        Poll::Pending => poll_left(&mut connection, 0, cx).map(|()| Given::ClientLeft),
                        given @ Poll::Ready(_) => given,
                    })
                    .await
                };
                self.now = Instant::now();
                (Some(connection).filter(|_| !matches!(given, Given::ClientLeft)), given)
            }
            Target::Compute => self.ask_compute(connection, has_fallback, without_body).await,
        }
    }

    /// What the files answer, where they are asked.
    pub(super) fn file(&mut self, target: &Target) -> Option<Given> {
        let policy = decide::files(target, &self.head, self.files(), &self.app.default_cache_control)?;
        let policy = policy.under(self.overlay.as_deref());
        let policy = if self.is_readdressed() { policy.without_redirects() } else { policy };
        let pack = self.deployment.pack.load();
        match assets::answer(&pack, self.path, &self.head, &policy) {
            assets::Outcome::Answer(answer) => {
                self.target = Some(TargetKind::Static);
                Some(Given::Answer(answer))
            }
            assets::Outcome::Missing => None,
        }
    }

    pub(super) fn files(&self) -> &StaticSettings {
        &self.app.settings.assets
    }

    /// The prerendered page, where Compute has said 404.
    pub(super) fn page(&mut self) -> Given {
        self.target = Some(TargetKind::Static);
        let policy = assets::Policy::new(self.files(), &self.app.default_cache_control).by(assets::Lookup::PAGES);
        let policy = policy.under(self.overlay.as_deref());
        match assets::answer(&self.deployment.pack.load(), self.path, &self.head, &policy) {
            assets::Outcome::Answer(answer) => Given::Answer(answer),
            assets::Outcome::Missing => Given::NotFound(Refusal::NotFound),
        }
    }

    /// What is missing in a bundle without Compute, answered by the page that it has for that.
    pub(super) fn absent(&self, given: Given) -> Given {
        if !self.deployment.is_static || !matches!(given, Given::NotFound(_)) {
            return given;
        }
        let policy = assets::Policy::new(self.files(), &self.app.default_cache_control).under(self.overlay.as_deref());
        let page = assets::absent(&self.deployment.pack.load(), self.path, &self.head, self.files(), &policy);
        page.map_or(given, Given::Answer)
    }

    async fn ask_image(&self, cache_control: Option<&http::HeaderValue>) -> Given {
        let Some(rules) = &self.deployment.image_rules else { return Given::NotFound(Refusal::NotFound) };
        let overlay = self.overlay.as_deref();
        let request = ImageRequest::of(&self.head, overlay.and_then(Overlay::cache_control).or(cache_control));
        let origin = self.app.origin(self.site, self.deployment);
        match self.app.images.answer(&request, rules, origin).await {
            Ok(Answered { answer, lasting }) => {
                // What is at hand is found by the address as it was sent.
                if let Some(lasting) = lasting.filter(|_| !self.is_readdressed()) {
                    self.shard.front.lock().keep(&self.head, rules, &answer, overlay, lasting);
                }
                Given::Answer(answer)
            }
            Err(refusal @ ImageRefusal::SourceMissing) => Given::NotFound(Refusal::Image(refusal)),
            Err(refusal) => Given::Answer(Refusal::Image(refusal).answer()),
        }
    }

    async fn ask_compute(
        &mut self,
        mut connection: Connection,
        has_fallback: bool,
        without_body: bool,
    ) -> (Option<Connection>, Given) {
        let Some(fleet) = &self.deployment.compute else {
            return (Some(connection), Given::NotFound(Refusal::NotFound));
        };
        let _use = fleet.enter();
        let mut request = self.request(&self.head, has_fallback, without_body);
        let relays = relay::takes(&request, &connection);
        // Another protocol is asked of Compute, whatever is kept.
        let cache = self.app.edge_cache.as_ref().filter(|_| !self.upgrades);
        // The operator's word comes before the application's.
        let word = self.overlay.as_deref().and_then(Overlay::cache_control);
        let cache = cache.filter(|_| !word.is_some_and(edge_cache::forbids));
        let looking = cache.map(|cache| Looking {
            shard: self.shard,
            cache,
            fleet,
            asked: self.asked(),
            client: &self.client,
            overlay: self.overlay.as_deref(),
            as_sent: !self.is_readdressed(),
            has_fallback,
            can_keep: relays,
        });
        request.change = looking.and_then(|looking| looking.cache.change(&looking.asked));
        let lead = match looking {
            None => None,
            Some(looking) => match looking.look(&mut connection).await {
                Looked::Answer(answer) => return (Some(connection), Given::Answer(answer)),
                Looked::Left => return (None, Given::ClientLeft),
                Looked::Ask(lead) => lead,
            },
        };
        let Some(_leave) = self.shard.exchange().await else {
            return (Some(connection), Given::Answer(Refusal::Crowded.answer()));
        };
        let mut passed = if relays {
            relay::pass(self.shard, fleet, Some(connection), request, lead).await
        } else {
            upstream::pass(self.shard, Whom::Fleet(Arc::clone(fleet)), connection, request).await
        };
        // What is kept may be given instead of what came, or of what did not come.
        let kept = match &looking {
            Some(looking) => looking.passed(&mut passed).await,
            None => None,
        };
        self.instance = passed.instance;
        let (connection, given) = self.given(passed);
        (connection, kept.map_or(given, Given::Answer))
    }

    /// Whether a custom rule put another address in the place of the client's.
    fn is_readdressed(&self) -> bool {
        !std::ptr::eq(self.head.path, self.asked.path)
    }

    /// The question, for whoever answers it.
    pub(super) fn request<'r>(
        &'r self,
        head: &'r Head<'r>,
        has_fallback: bool,
        without_body: bool,
    ) -> upstream::Request<'r> {
        upstream::Request {
            head,
            bytes: self.bytes,
            absolute: self.absolute,
            rewritten: self.is_changed || !std::ptr::eq(head.path, self.asked.path),
            without_body,
            client: &self.client,
            peer: self.peer,
            request_id: &self.request_id,
            has_fallback,
            upgrades: self.upgrades,
            expects_continue: self.expects_continue,
            close: self.close,
            overlay: self.overlay.as_deref(),
            cookie: self.deployment.cookie.as_ref(),
            change: None,
        }
    }

    pub(super) fn given(&mut self, passed: upstream::Passed) -> (Option<Connection>, Given) {
        self.written = passed.written;
        self.now = Instant::now();
        let given = match passed.end {
            upstream::End::Streamed { status, reusable } => Given::Streamed { status, reusable },
            upstream::End::Withheld => Given::NotFound(Refusal::NotFound),
            upstream::End::ClientLeft => Given::ClientLeft,
            upstream::End::Refused(refusal) => Given::Answer(refusal.answer()),
        };
        (passed.connection, given)
    }

    /// What decides about an answer from the edge cache.
    fn asked(&self) -> Asked<'_> {
        Asked {
            head: &self.head,
            site: &self.site.name,
            deployment: &self.deployment.activation,
            scheme: self.client.scheme,
            trusted: self.client.trusted,
        }
    }
}
