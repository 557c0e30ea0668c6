//! What the image primitive may ask of its deployment: a static file, or Compute's answer to a plain GET.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use edgeplane_config::{Address, Settings, TargetKind};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Body as _, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use crate::{
    image::{ComputeFailure, Delivery, Fetched, LocalFile, Origin, Validators},
    route,
    site::Deployment,
};

/// One deployment, as the image primitive sees it.
pub(crate) struct LocalOrigin {
    site: String,
    deployment: Arc<Deployment>,
    settings: Arc<Settings>,
}

impl LocalOrigin {
    pub(crate) fn new(site: &str, deployment: Arc<Deployment>, settings: Arc<Settings>) -> Self {
        Self { site: site.to_owned(), deployment, settings }
    }

    async fn fetch(
        &self,
        path_and_query: &str,
        validators: &Validators,
        delivery: &mut Delivery,
    ) -> Result<Fetched, ComputeFailure> {
        let fleet = self.deployment.compute.as_ref().ok_or(ComputeFailure::Absent)?;
        let _use = fleet.enter();
        let deadline = Instant::now() + self.settings.compute.ready_wait;
        let pick = fleet.pick_by(&[], deadline).await.ok_or(ComputeFailure::Unreachable)?;
        let connect = self.settings.timeouts.connect;
        match pick.address {
            Address::Tcp(address) => {
                exchange(dial(connect, TcpStream::connect(*address)).await?, path_and_query, validators, delivery).await
            }
            Address::Unix(path) => {
                exchange(dial(connect, UnixStream::connect(path)).await?, path_and_query, validators, delivery).await
            }
            Address::Name(name, port) => {
                let stream = dial(connect, TcpStream::connect((name.as_str(), *port))).await?;
                exchange(stream, path_and_query, validators, delivery).await
            }
        }
    }
}

async fn dial<S>(limit: Duration, connecting: impl Future<Output = std::io::Result<S>>) -> Result<S, ComputeFailure> {
    match timeout(limit, connecting).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(_)) => Err(ComputeFailure::Unreachable),
        Err(_) => Err(ComputeFailure::Timeout),
    }
}

/// One GET on a connection of its own: rare enough, because the answer is kept, and it cannot disturb the pool.
async fn exchange<S>(
    stream: S,
    path_and_query: &str,
    validators: &Validators,
    delivery: &mut Delivery,
) -> Result<Fetched, ComputeFailure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let unreachable = |_| ComputeFailure::Unreachable;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    let driver = tokio::spawn(connection);
    let mut request = Request::get(path_and_query)
        // No host of the client's: what is cached for everybody must not depend on what one of them sent.
        .header(header::HOST, "localhost")
        .header(header::ACCEPT, "image/*,*/*;q=0.8")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|_| ComputeFailure::Unreachable)?;
    request.headers_mut().extend(validators.conditions());
    let response = sender.send_request(request).await.map_err(unreachable)?;
    let field = |name: header::HeaderName| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let cache_control = field(header::CACHE_CONTROL);
    let validators = Validators::of(response.headers());
    let status = response.status();
    let bytes = if status == StatusCode::OK { collect(response.into_body(), delivery).await? } else { Bytes::new() };
    driver.abort();
    Ok(Fetched { status, bytes, cache_control, validators })
}

async fn collect(mut body: hyper::body::Incoming, delivery: &mut Delivery) -> Result<Bytes, ComputeFailure> {
    if let Some(announced) = body.size_hint().exact() {
        delivery.announce(announced)?;
    }
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| ComputeFailure::Unreachable)?.into_data() else { continue };
        delivery.take(&data)?;
    }
    Ok(delivery.complete())
}

#[async_trait]
impl Origin for LocalOrigin {
    fn site(&self) -> &str {
        &self.site
    }

    fn deployment(&self) -> &str {
        &self.deployment.activation
    }

    fn is_image_route(&self, path: &str) -> bool {
        let mut scratch = Vec::new();
        let found = self.deployment.automaton.find(route::decode(path, &mut scratch));
        found
            .and_then(|index| self.deployment.routes.get(index))
            .is_some_and(|route| route.target.kind() == TargetKind::Image)
    }

    fn file(&self, path: &str) -> Option<LocalFile> {
        let mut scratch = Vec::new();
        let (bytes, hash) = self.deployment.pack.load().source(route::decode(path, &mut scratch))?;
        Some(LocalFile { bytes, hash })
    }

    async fn compute(
        &self,
        path_and_query: &str,
        validators: &Validators,
        delivery: &mut Delivery,
    ) -> Result<Fetched, ComputeFailure> {
        match timeout(self.settings.image.fetch_timeout, self.fetch(path_and_query, validators, delivery)).await {
            Ok(fetched) => fetched,
            Err(_) => Err(ComputeFailure::Timeout),
        }
    }
}
