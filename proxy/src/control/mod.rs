//! The control socket: what changes a running server. It lies in the state directory, where only its owner gets at it.
//!
//! `POST /purge?url=PREFIX&tag=TAG&site=SITE` forgets images and pages, and says so only where none can be left. Loopback is no proof of who asks, and a browser on the same machine
//! can be made to ask anything; so there is no such endpoint on an address, and a request that a page could have sent
//! (one with an `Origin`, or with a `Host` other than `localhost`) is refused here, too. What can be done with deployments
//! is told in [`deployments`].

mod call;
mod deployments;
mod wire;

use std::{
    error::Error,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::net::UnixListener;
use url::Url;

use crate::{
    app::App,
    deploy::Steward,
    desk::{self, Bounds},
    edge_cache, image,
};

pub(crate) use call::{Answered, CallError, purge, send};

/// Operators are few, and a command sends its head at once; but the longest purge looks at every file of a large cache, and
/// a deploy waits for Node.
const BOUNDS: Bounds = Bounds { connections: 8, head: Duration::from_secs(5), connection: Duration::from_secs(3600) };

/// Where the socket of a state directory is.
pub(crate) fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join("admin.sock")
}

/// The socket, bound.
#[derive(Debug)]
pub(crate) struct ControlSocket(UnixListener);

impl ControlSocket {
    /// Binds the socket of `state_dir`, which is locked: a socket that is there was left by a run before. Must run inside
    /// a runtime.
    pub(crate) fn bind(state_dir: &Path) -> io::Result<Self> {
        // Made where nobody else can look, closed, and only then put into its place.
        let folder = tempfile::Builder::new().prefix(".admin").tempdir_in(state_dir)?;
        let unfinished = folder.path().join("s");
        let listener = UnixListener::bind(&unfinished)?;
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600))?;
        fs::rename(&unfinished, socket_path(state_dir))?;
        Ok(Self(listener))
    }

    /// Answers until it is dropped.
    pub(crate) async fn serve(self, app: Arc<App>, steward: Arc<Steward>) {
        desk::serve(self.0, BOUNDS, move |request| {
            let (app, steward) = (Arc::clone(&app), Arc::clone(&steward));
            async move { answer(request, &app, steward).await }
        })
        .await;
    }
}

async fn answer(request: Request<Incoming>, app: &Arc<App>, steward: Arc<Steward>) -> Response<Full<Bytes>> {
    let fields = request.headers();
    let local = fields.get(header::HOST).is_none_or(|host| host == "localhost");
    if fields.contains_key(header::ORIGIN) || !local {
        return response(StatusCode::FORBIDDEN, "{\"error\":\"this is no place for web pages\"}\n".to_owned());
    }
    let allowed = match request.uri().path() {
        "/purge" | "/deploy" | "/rollback" => "POST",
        "/status" => "GET",
        _ => {
            let error = "{\"error\":\"try POST /purge?url=PREFIX, /deploy or /rollback, or GET /status\"}\n";
            return response(StatusCode::NOT_FOUND, error.to_owned());
        }
    };
    if request.method() != allowed {
        let mut response = response(StatusCode::METHOD_NOT_ALLOWED, format!("{{\"error\":\"only {allowed}\"}}\n"));
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
        return response;
    }
    let (status, told) = match request.uri().path() {
        "/deploy" => deployments::deploy(request, steward).await,
        "/rollback" => deployments::roll_back(request.uri().query(), steward).await,
        "/status" => deployments::status(&steward),
        _ => return forget(&request, app).await,
    };
    response(status, told)
}

/// Forgets images and pages.
async fn forget(request: &Request<Incoming>, app: &Arc<App>) -> Response<Full<Bytes>> {
    match what(request.uri().query().unwrap_or_default()) {
        Some(purge) => {
            tracing::info!(prefix = purge.prefix, tag = purge.tag, site = purge.site, "images and pages are purged");
            // A caller who goes away does not end it halfway.
            let app = Arc::clone(app);
            match tokio::spawn(async move { (pages(&app, &purge).await, images(&app, purge).await) }).await {
                Ok((pages, images)) => told(images, pages),
                Err(_) => {
                    let error = "{\"error\":\"the purge came to no end; the log says why\"}\n";
                    response(StatusCode::INTERNAL_SERVER_ERROR, error.to_owned())
                }
            }
        }
        None => {
            let error = "{\"error\":\"url must be the beginning of a path or of an http(s) URL, or * for all; or there must be a tag\"}\n";
            response(StatusCode::BAD_REQUEST, error.to_owned())
        }
    }
}

/// Forgets images, which have no tags.
async fn images(app: &App, Asked { prefix, tag, site }: Asked) -> image::Purged {
    match tag {
        Some(_) => image::Purged::default(),
        None => app.images.purge(image::Purge { prefix, site }).await,
    }
}

/// Forgets pages, where any are kept.
async fn pages(app: &App, Asked { prefix, tag, site }: &Asked) -> (u64, io::Result<()>) {
    let Some(cache) = &app.edge_cache else { return (0, Ok(())) };
    let (prefix, tag, site) = (prefix.clone(), tag.clone(), site.clone());
    cache.purge(&edge_cache::Purge { prefix, tag, site }).await
}

fn response(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What became of a purge: 503 where something may be left.
fn told(mut purged: image::Purged, (pages, left): (u64, io::Result<()>)) -> Response<Full<Bytes>> {
    for failure in &purged.failures {
        tracing::warn!(
            error = failure as &dyn Error,
            level = failure.level(),
            "images that were to be purged may be left"
        );
    }
    let left = left.err();
    if let Some(error) = &left {
        tracing::warn!(error = error as &dyn Error, "pages that were to be purged may be left on disk");
    }
    purged.images += pages;
    let complete = purged.failures.is_empty() && left.is_none();
    let status = if complete { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    response(status, wire::purged(&purged, left.as_ref()))
}

/// What is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    prefix: String,
    tag: Option<String>,
    site: Option<String>,
}

/// What a query asks to purge: a beginning, a tag, or what has both.
fn what(query: &str) -> Option<Asked> {
    let (mut prefix, mut tag, mut site) = (None, None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "url" => prefix = Some(beginning(&value)?),
            "tag" if !value.is_empty() => tag = Some(value.into_owned()),
            "site" => site = Some(value.into_owned()),
            _ => return None,
        }
    }
    let prefix = if tag.is_some() { prefix.unwrap_or_default() } else { prefix? };
    Some(Asked { prefix, tag, site })
}

/// A prefix in the spelling that sources have: that of the URL standard. Of a URL the whole host must be there, so that
/// `https://example.co` does not mean `https://example.com`.
fn beginning(text: &str) -> Option<String> {
    if text == "*" {
        return Some(String::new());
    }
    let path = text.starts_with('/') && !text.starts_with("//");
    let url = if path { Url::parse("http://local").ok()?.join(text).ok()? } else { Url::parse(text).ok()? };
    match url.scheme() {
        "http" | "https" if path => Some(url[url::Position::BeforePath..].to_owned()),
        "http" | "https" => Some(url.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_a_beginning_as_sources_are_written() {
        let purge =
            |prefix: &str, site: Option<&str>| Asked { prefix: prefix.into(), tag: None, site: site.map(Into::into) };
        let tagged = |prefix: &str, tag: &str| Asked { tag: Some(tag.into()), ..purge(prefix, None) };
        for (query, expected) in [
            ("url=/a", Some(purge("/a", None))),
            ("url=%2Fmy%20photo&site=shop", Some(purge("/my%20photo", Some("shop")))),
            ("url=/a?b=c", Some(purge("/a?b=c", None))),
            ("url=https://CDN.example", Some(purge("https://cdn.example/", None))),
            ("url=https://cdn.example/x/", Some(purge("https://cdn.example/x/", None))),
            ("url=*", Some(purge("", None))),
            ("tag=a%20b", Some(tagged("", "a b"))),
            ("url=/a&tag=b", Some(tagged("/a", "b"))),
            ("tag=", None),
            ("site=shop", None),
            ("", None),
            ("url=", None),
            ("url=a", None),
            ("url=//evil/x", None),
            ("url=file:///etc", None),
            ("url=/a&sites=typo", None),
        ] {
            assert_eq!(what(query), expected, "{query}");
        }
    }
}
