//! A desk: HTTP for few callers, each of whom gets a bounded time. The admin endpoints stand behind one, and the control
//! socket behind another.

use std::{convert::Infallible, future::Future, io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::Semaphore,
};

/// What callers may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Callers at once; further ones wait.
    pub(crate) connections: usize,
    /// From the beginning of a connection, or the end of the last answer, to the end of a head.
    pub(crate) head: Duration,
    /// A whole connection.
    pub(crate) connection: Duration,
}

/// The pause after a failure to accept, of which the usual reason is a lack of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Where callers come from.
pub(crate) trait Door: Send + Sync {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next caller.
    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Door for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn next(&self) -> io::Result<Self::Stream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

impl Door for UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn next(&self) -> io::Result<Self::Stream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

/// Answers whoever comes, until it is dropped.
pub(crate) async fn serve<A, F>(door: impl Door, bounds: Bounds, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(bounds.connections));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok(stream) = door.next().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let answer = answer.clone();
        tokio::spawn(async move {
            let _slot = slot;
            let service = service_fn(move |request| {
                let answering = answer(request);
                async move { Ok::<_, Infallible>(answering.await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(bounds.head)
                .serve_connection(TokioIo::new(stream), service);
            // Whoever goes away does not want to know.
            let _ = tokio::time::timeout(bounds.connection, connection).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::UnixStream,
        time::timeout,
    };

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(20);

    /// A desk that answers with the path, after a pause of so many milliseconds where the query names them.
    fn open(bounds: Bounds) -> (tempfile::TempDir, impl Fn() -> std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("s");
        let door = UnixListener::bind(&path).expect("bind");
        tokio::spawn(serve(door, bounds, |request: Request<Incoming>| async move {
            let pause = request.uri().query().and_then(|query| query.parse().ok()).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            Response::new(Full::new(Bytes::from(request.uri().path().to_owned())))
        }));
        (folder, move || path.clone())
    }

    async fn ask(path: std::path::PathBuf, request: &str) -> String {
        let mut stream = UnixStream::connect(path).await.expect("connect");
        stream.write_all(request.as_bytes()).await.expect("write");
        let mut answer = String::new();
        timeout(LONG, stream.read_to_string(&mut answer)).await.expect("an end").expect("text");
        answer
    }

    #[tokio::test]
    async fn one_caller_too_many_waits_for_another_to_leave() {
        let (_folder, path) = open(Bounds { connections: 1, head: LONG, connection: LONG });
        let silent = UnixStream::connect(path()).await.expect("connect");
        let request = "GET /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let mut second = Box::pin(ask(path(), request));
        assert!(timeout(SHORT, &mut second).await.is_err(), "answered beside the first");
        drop(silent);
        assert!(second.await.ends_with("\r\n\r\n/a"));
    }

    #[tokio::test]
    async fn whoever_takes_too_long_is_shown_the_door() {
        let (_folder, path) = open(Bounds { connections: 2, head: SHORT, connection: LONG });
        assert!(!ask(path(), "GET /a HT").await.contains("200"), "half a head");
        let (_folder, path) = open(Bounds { connections: 2, head: LONG, connection: SHORT });
        assert_eq!(ask(path(), "GET /a?60000 HTTP/1.1\r\nhost: x\r\n\r\n").await, "", "half an answer");
    }
}
