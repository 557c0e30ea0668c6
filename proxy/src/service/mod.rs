//! Hot: Compute over Pingora's proxy, phase by phase. Each phase asks the exchange what to do and does it.
//!
//! ```text
//! on_connection_reuse      the loop's Passage becomes the context of this exchange
//! upstream_peer            the fleet's pick
//! upstream_request_filter  forwarding fields, request id
//! upstream_response_filter the exchange's verdict: forward, withhold (a fallback will answer), tunnel
//! fail_to_connect,
//! error_while_proxy        the exchange's word on asking again
//! fail_to_proxy            nothing is written here: the loop answers, with `reply`
//! ```

mod head;
pub(crate) mod peer;
pub(crate) mod reply;
pub(crate) mod signals;

use std::{any::Any, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use edgeplane_config::Site;
use http::{HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use pingora::{
    Error, ErrorSource, ErrorType, Result,
    http::{RequestHeader, ResponseHeader},
    proxy::{FailToProxy, HttpProxy, ProxyHttp, ProxyWarnLogContext, Session, http_proxy},
    server::configuration::ServerConf,
    upstreams::peer::HttpPeer,
};

use crate::{
    coding::{Compression, Encoder},
    compute::{
        Fleet, InstanceId, Names,
        exchange::{Exchange, Next, Verdict},
        forwarded::{Client, Forwarding},
    },
    edge_cache::{CACHE_STATUS, CacheStatus, Change},
    headers::Overlay,
    service::{peer::Found, signals::Signals},
    site::is_page,
};

/// Whom a request goes to.
#[derive(Clone, Debug)]
pub(crate) enum Whom {
    /// Compute.
    Fleet(Arc<Fleet>),
    /// Another site, over TLS.
    Site(Arc<Site>),
}

impl Whom {
    /// An instance of Compute cannot be reached.
    fn report_failure(&self, id: InstanceId) {
        if let Self::Fleet(fleet) = self {
            fleet.report_failure(id);
        }
    }
}

/// What one request takes with it through Pingora.
#[derive(Debug)]
pub(crate) struct Passage {
    pub(crate) exchange: Arc<Mutex<Exchange>>,
    pub(crate) signals: Arc<Signals>,
    pub(crate) whom: Whom,
    pub(crate) client: Client,
    pub(crate) peer: SocketAddr,
    pub(crate) host: String,
    pub(crate) request_id: String,
    /// The client asked for a WebSocket.
    pub(crate) upgrades: bool,
    /// The custom headers of the answer.
    pub(crate) overlay: Option<Overlay>,
    /// The cookie that pages set.
    pub(crate) cookie: Option<HeaderValue>,
    pub(crate) bounds: Arc<peer::Bounds>,
    /// There is an edge cache, which this way goes past.
    pub(crate) cached: bool,
    /// What the answer makes invalid there.
    pub(crate) change: Option<Arc<Change>>,
    /// The client speaks HTTP/1.1.
    pub(crate) http11: bool,
    pub(crate) compression: Arc<Compression>,
    /// Compresses the answer.
    pub(crate) encoder: Option<Encoder>,
    /// The `strict-transport-security` field, where the answer has none.
    pub(crate) hsts: Option<String>,
}

/// The field in which a request to another site tells through whom it came (RFC 8586), and what we are called there.
pub(crate) const LOOP_FIELD: &str = "cdn-loop";
pub(crate) const LOOP_NAME: &str = "edgeplane";

/// The engine that speaks to upstreams.
pub(crate) type Engine = HttpProxy<Upstreams>;

/// Makes the engine. `pool_size` bounds the idle connections kept to all upstreams together.
pub(crate) fn engine(pool_size: usize) -> Arc<Engine> {
    let conf = ServerConf { upstream_keepalive_pool_size: pool_size, ..ServerConf::default() };
    Arc::new(http_proxy(&Arc::new(conf), Upstreams::default()))
}

/// The proxy's hooks. All state of an exchange is in its [`Passage`].
#[derive(Debug, Default)]
pub(crate) struct Upstreams {
    /// Of other sites.
    names: Names,
}

/// The passage, or an error that can only be our own bug.
fn passage(ctx: &mut Option<Box<Passage>>) -> Result<&mut Passage> {
    ctx.as_deref_mut().ok_or_else(|| Error::explain(ErrorType::InternalError, "an exchange without a passage"))
}

#[async_trait]
impl ProxyHttp for Upstreams {
    type CTX = Option<Box<Passage>>;

    fn new_ctx(&self) -> Self::CTX {
        None
    }

    fn init_downstream_modules(&self, _modules: &mut pingora::modules::http::HttpModules) {}

    fn on_connection_reuse(&self, _session: &mut Session, ctx: &mut Self::CTX, user: Box<dyn Any + Send + Sync>) {
        *ctx = user.downcast::<Passage>().ok();
        if let Some(passage) = ctx {
            // Until here Pingora might have answered a head it does not like by itself; now answers are Compute's.
            passage.signals.release();
        }
    }

    async fn upstream_peer(&self, _session: &mut Session, ctx: &mut Self::CTX) -> Result<Box<HttpPeer>> {
        let passage = passage(ctx)?;
        match peer::find(passage, &self.names).await {
            Found::Peer(peer) => Ok(peer),
            Found::Unresolved(id) => {
                passage.whom.report_failure(id);
                let mut error = Error::explain(ErrorType::ConnectError, "the upstream's name has no address");
                error.set_retry(passage.exchange.lock().could_not_connect() == Next::Retry);
                Err(error)
            }
            Found::Nobody => {
                passage.exchange.lock().found_nobody();
                Err(Error::explain(ErrorType::ConnectError, "no instance is ready"))
            }
        }
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Self::CTX,
    ) -> Result<()> {
        let passage = passage(ctx)?;
        let forwarding = Forwarding {
            client: &passage.client,
            peer: passage.peer,
            host: &passage.host,
            request_id: &passage.request_id,
            shared: false,
        };
        head::forward(request, &forwarding, passage.upgrades)?;
        if matches!(passage.whom, Whom::Site(_)) {
            // RFC 8586: whoever comes by here again is told from those that do not.
            request.append_header(LOOP_FIELD, LOOP_NAME)?;
        }
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Self::CTX,
    ) -> Result<()> {
        let passage = passage(ctx)?;
        if response.status != StatusCode::SWITCHING_PROTOCOLS {
            head::pass_on(response, &passage.request_id, passage.overlay.as_ref()).map_err(|error| error.into_up())?;
            if let Some(hsts) = passage.hsts.as_deref().filter(|_| !response.status.is_informational()) {
                head::promise(response, hsts).map_err(|error| error.into_up())?;
            }
        }
        if let Some(cookie) = &passage.cookie
            && is_page(response.status, response.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes))
        {
            response.append_header(header::SET_COOKIE, cookie).map_err(|error| error.into_up())?;
        }
        if passage.cached && !response.status.is_informational() {
            response.insert_header(CACHE_STATUS, CacheStatus::Bypass.name()).map_err(|error| error.into_up())?;
        }
        if let Some(change) = passage.change.as_ref().filter(|_| !response.status.is_informational()) {
            let named = [header::LOCATION, header::CONTENT_LOCATION];
            let named = named.iter().flat_map(|name| response.headers.get_all(name));
            change.hear(response.status, named.filter_map(|place| place.to_str().ok()));
        }
        let verdict = passage.exchange.lock().answered(response.status);
        match verdict {
            Verdict::Refuse => {
                let error = Error::explain(ErrorType::InvalidHTTPHeader, "a 1xx answer out of place");
                return Err(error.into_up());
            }
            Verdict::Withhold => passage.signals.await_fallback(),
            Verdict::Forward if response.status == StatusCode::SWITCHING_PROTOCOLS => {
                passage.signals.decide();
                passage.signals.open_tunnel();
            }
            Verdict::Forward => {}
        }
        if !response.status.is_informational() {
            passage.signals.decide();
            // What another site answers is its own business.
            passage.encoder = None;
            if verdict == Verdict::Forward && passage.compression.is_on() && matches!(passage.whom, Whom::Fleet(_)) {
                passage.encoder = head::compress(response, session.req_header(), passage)?;
            }
        }
        Ok(())
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Self::CTX,
    ) -> Result<Option<Duration>> {
        let Some(encoder) = &mut passage(ctx)?.encoder else { return Ok(None) };
        let (content, mut made) = (body.take().unwrap_or_default(), Vec::new());
        let went = encoder.push(&content, &mut made);
        // Whether more is at hand nobody says here, so nothing is held back.
        let went = went.and_then(|()| if end_of_stream { encoder.finish(&mut made) } else { encoder.flush(&mut made) });
        went.map_err(|broken| Error::explain(ErrorType::InternalError, broken.to_string()))?;
        // An empty chunk would be the end.
        *body = (!made.is_empty()).then(|| made.into());
        Ok(None)
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Self::CTX,
        mut error: Box<Error>,
    ) -> Box<Error> {
        if let Some(passage) = ctx {
            if let Whom::Site(site) = &passage.whom {
                tracing::warn!(site = site.authority(), %error, "another site cannot be reached");
            }
            let mut exchange = passage.exchange.lock();
            if let Some(id) = exchange.instance() {
                passage.whom.report_failure(id);
            }
            error.set_retry(exchange.could_not_connect() == Next::Retry);
        }
        error
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        ctx: &mut Self::CTX,
        _client_reused: bool,
    ) -> Box<Error> {
        let of_upstream = *error.esource() == ErrorSource::Upstream;
        let body_can_be_repeated = !session.as_ref().retry_buffer_truncated();
        error.set_retry(ctx.as_ref().is_some_and(|passage| {
            let mut exchange = passage.exchange.lock();
            if of_upstream && matches!(error.etype(), ErrorType::ReadTimedout) {
                exchange.timed_out();
            }
            of_upstream && exchange.broke(body_can_be_repeated) == Next::Retry
        }));
        error
    }

    async fn fail_to_proxy(&self, _session: &mut Session, error: &Error, ctx: &mut Self::CTX) -> FailToProxy {
        if let Some(passage) = ctx
            && !passage.signals.has_begun()
        {
            passage.signals.withhold();
            if *error.esource() == ErrorSource::Downstream && *error.etype() == ErrorType::ReadTimedout {
                passage.signals.report_slow();
            }
        }
        FailToProxy { error_code: 0, can_reuse_downstream: false }
    }

    fn suppress_error_log(&self, _session: &Session, _ctx: &Self::CTX, _error: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _ctx: &Self::CTX,
        error: &Error,
        _context: ProxyWarnLogContext,
    ) -> bool {
        tracing::debug!(target: "edgeplane::compute", %error, "exchange with compute failed, asking again or giving up");
        true
    }
}
