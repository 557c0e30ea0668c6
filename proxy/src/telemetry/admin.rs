//! The admin endpoints: `/healthz`, `/readyz`, `/metrics`. They only read, so they answer whoever reaches the address.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::Semaphore};

/// Scrapers and probes are few; this bounds whoever else finds the port.
const CONNECTIONS: usize = 64;
/// A probe sends its head at once.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// No request takes longer, and no idle connection needs to stay.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

/// What the endpoints read.
pub trait Report: Send + Sync + 'static {
    /// Whether requests can be answered now, and a line per part that says so.
    fn readiness(&self) -> (bool, String);

    /// The metrics, as Prometheus reads them.
    fn metrics(&self) -> String;
}

/// The admin listener, bound.
#[derive(Debug)]
pub struct AdminListener(TcpListener);

impl AdminListener {
    /// Binds `address`; must run inside a runtime.
    ///
    /// # Errors
    /// What the kernel says.
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        TcpListener::bind(address).await.map(Self)
    }

    /// The address with its real port.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Answers until it is dropped.
    pub async fn serve(self, report: Arc<dyn Report>) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            let Ok((stream, _)) = self.0.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let report = Arc::clone(&report);
            tokio::spawn(async move {
                let _slot = slot;
                let answer = service_fn(move |request| {
                    let response = answer(&request, report.as_ref());
                    async move { Ok::<_, Infallible>(response) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), answer);
                // A prober that goes away is none of our business.
                let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
            });
        }
    }
}

fn answer(request: &Request<Incoming>, report: &dyn Report) -> Response<Full<Bytes>> {
    let plain = "text/plain; charset=utf-8";
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = response(StatusCode::METHOD_NOT_ALLOWED, plain, "only GET and HEAD\n".to_owned());
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        "/healthz" => response(StatusCode::OK, plain, "ok\n".to_owned()),
        "/readyz" => {
            let (ready, lines) = report.readiness();
            response(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, plain, lines)
        }
        "/metrics" => response(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", report.metrics()),
        _ => response(StatusCode::NOT_FOUND, plain, "try /healthz, /readyz or /metrics\n".to_owned()),
    }
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
