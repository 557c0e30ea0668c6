//! Sources of other hosts, fetched so that no one can make us fetch anything else.
//!
//! The name is resolved once, by us; if any of its addresses is not allowed, none is used, and the connection goes to
//! the addresses that were looked at (no second resolution that could answer differently). Redirects are followed by
//! hand, and each hop passes the patterns and the addresses again. Nothing of the client's request is sent.

use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use reqwest::{
    Client, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use url::{Host, Url};

use super::{
    address::AddressRule,
    refusal::Refusal,
    rules::Rules,
    source::{Fetched, Validators},
    stock::Stock,
};

/// Idle connections kept per host, and for how long: enough for a page full of images, not for a hoard.
const IDLE_PER_HOST: usize = 4;
const IDLE: Duration = Duration::from_secs(30);

/// What we call ourselves.
const USER_AGENT: &str = concat!("edgeplane/", env!("CARGO_PKG_VERSION"));

/// Bounds of one fetch.
#[derive(Clone, Debug)]
pub(super) struct FetchLimits {
    /// From the first lookup to the last byte.
    pub(super) timeout: Duration,
    /// Redirects followed.
    pub(super) redirects: usize,
    /// Where the content is taken in.
    pub(super) stock: Stock,
}

/// The client for remote sources.
#[derive(Debug)]
pub(super) struct Remote {
    /// Absent where TLS could not be set up; then every fetch fails and the rest works.
    client: Option<Client>,
    rule: Arc<AddressRule>,
    limits: FetchLimits,
}

impl Remote {
    pub(super) fn new(rule: AddressRule, limits: FetchLimits) -> Self {
        Self::with_lookup(rule, limits, system())
    }

    fn with_lookup(rule: AddressRule, limits: FetchLimits, lookup: Lookup) -> Self {
        let rule = Arc::new(rule);
        // The provider may be installed already, by whoever serves TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(fields())
            .dns_resolver(Arc::new(Checked { rule: Arc::clone(&rule), lookup }))
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .pool_idle_timeout(IDLE)
            .build();
        let client = client
            .inspect_err(|error| tracing::warn!(error = chain(error), "remote image sources cannot be fetched"))
            .ok();
        Self { client, rule, limits }
    }

    /// Fetches `url`, which `rules` allow. With `validators`, a 304 is a good answer.
    pub(super) async fn fetch(&self, url: Url, validators: &Validators, rules: &Rules) -> Result<Fetched, Refusal> {
        tokio::time::timeout(self.limits.timeout, self.follow(url, validators, rules))
            .await
            .unwrap_or(Err(Refusal::UpstreamTimeout))
    }

    async fn follow(&self, mut url: Url, validators: &Validators, rules: &Rules) -> Result<Fetched, Refusal> {
        let client = self.client.as_ref().ok_or(Refusal::UpstreamFailed)?;
        for _ in 0..=self.limits.redirects {
            self.check_literal(&url)?;
            let request = client.get(url.clone()).headers(validators.conditions());
            let response = request.send().await.map_err(|error| refusal(&error))?;
            let Some(next) = redirect(&url, &response)? else { return self.read(response, validators).await };
            if !may_lead(&url, &next, rules) {
                return Err(Refusal::NotAllowed);
            }
            url = next;
        }
        Err(Refusal::UpstreamFailed)
    }

    /// Hosts written as addresses never reach the resolver.
    fn check_literal(&self, url: &Url) -> Result<(), Refusal> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(Refusal::NotAllowed),
        };
        if self.rule.admits(address) { Ok(()) } else { Err(Refusal::NotAllowed) }
    }

    async fn read(&self, response: Response, asked: &Validators) -> Result<Fetched, Refusal> {
        let status = response.status();
        match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => return Err(Refusal::SourceMissing),
            StatusCode::NOT_MODIFIED if !asked.is_empty() => {}
            status if !status.is_success() => return Err(Refusal::UpstreamFailed),
            _ => {}
        }
        let cache_control = joined(response.headers(), &header::CACHE_CONTROL);
        let validators = Validators::of(response.headers());
        let bytes = self.content(response).await?;
        Ok(Fetched { status, bytes, cache_control, validators })
    }

    /// Reads the body and stops where there is no room for more, whatever length was announced.
    async fn content(&self, mut response: Response) -> Result<Bytes, Refusal> {
        let mut delivery = self.limits.stock.delivery();
        if let Some(announced) = response.content_length() {
            delivery.announce(announced)?;
        }
        while let Some(chunk) = response.chunk().await.map_err(|error| refusal(&error))? {
            delivery.take(&chunk)?;
        }
        Ok(delivery.complete())
    }
}

/// The fields of every request. Content codings are declined: an image is compressed already, and what a decoder would
/// blow up is not what was counted.
fn fields() -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert(header::ACCEPT, HeaderValue::from_static("image/*,*/*;q=0.8"));
    fields.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    fields
}

/// Whether a redirect may lead from `url` to `next`: as far as a request may, and never out of TLS.
fn may_lead(url: &Url, next: &Url, rules: &Rules) -> bool {
    let downgrade = url.scheme() == "https" && next.scheme() != "https";
    !downgrade && rules.patterns.allow(next)
}

/// Where a redirect leads; a redirect that leads nowhere is a failure of the server.
fn redirect(url: &Url, response: &Response) -> Result<Option<Url>, Refusal> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let next = location.and_then(|location| url.join(location).ok()).ok_or(Refusal::UpstreamFailed)?;
    Ok(Some(next))
}

fn joined(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// What finds the addresses of a name.
type Lookup = Arc<dyn Fn(String) -> BoxFuture<io::Result<Vec<SocketAddr>>> + Send + Sync>;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The system's resolver.
fn system() -> Lookup {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect()) }))
}

/// A resolver with its answers checked. The connection goes to one of those it gives, and nobody asks again.
struct Checked {
    rule: Arc<AddressRule>,
    lookup: Lookup,
}

/// A name led to an address that sources must not come from.
#[derive(Debug, thiserror::Error)]
#[error("the name resolves to an address that is not global")]
struct Forbidden;

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (rule, lookup) = (Arc::clone(&self.rule), Arc::clone(&self.lookup));
        Box::pin(async move {
            let found = lookup(name.as_str().to_owned()).await?;
            // One bad address condemns all: the good ones are there to get the bad one used sooner or later.
            if found.iter().any(|address| !rule.admits(address.ip())) {
                return Err(Forbidden.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn refusal(error: &reqwest::Error) -> Refusal {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<Forbidden>() {
            return Refusal::NotAllowed;
        }
        cause = error.source();
    }
    tracing::debug!(error = chain(error), "a remote image source could not be fetched");
    if error.is_timeout() { Refusal::UpstreamTimeout } else { Refusal::UpstreamFailed }
}

/// An error with its causes, for the log.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
