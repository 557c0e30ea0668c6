//! The admin endpoints: `/healthz`, `/readyz`, `/metrics`. They only read, so they answer whoever reaches the address.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::net::TcpListener;

use crate::desk::{self, Bounds};

/// Scrapers and probes are few, which bounds whoever else finds the port; a probe sends its head at once; no request takes
/// a minute, and no idle connection needs to stay.
const BOUNDS: Bounds = Bounds { connections: 64, head: Duration::from_secs(5), connection: Duration::from_secs(60) };

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
        desk::serve(self.0, BOUNDS, move |request| {
            let response = answer(&request, report.as_ref());
            async move { response }
        })
        .await;
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
