//! Whether an instance answers: asked by a real request, since a port that accepts says nothing of the app.

use std::time::{Duration, Instant};

use bytes::Bytes;
use edgeplane_config::Address;
use http_body_util::Empty;
use hyper::{Request, StatusCode, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time,
};

/// The first pause between two attempts. Small servers listen after some 50 ms.
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// The longest pause: what a start may take longer than necessary.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// The instance did not answer in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Silent {
    /// How long it was waited for.
    pub(super) waited: Duration,
    /// Whether it accepted a connection at least once.
    pub(super) connected: bool,
}

/// Waits until the instance answers a GET for `path` with any status.
///
/// Only connecting is repeated quickly. An accepted request may take all of the remaining time, because the first
/// page of some apps takes seconds, and asking again and again would make it slower still.
pub(super) async fn answer(address: &Address, path: &str, patience: Duration) -> Result<StatusCode, Silent> {
    let start = Instant::now();
    let deadline = time::Instant::now() + patience;
    let mut pause = PAUSE_MIN;
    let mut connected = false;
    let ask = async {
        loop {
            if let Some(status) = attempt(address, path, &mut connected).await {
                return status;
            }
            time::sleep(pause).await;
            pause = (pause * 3 / 2).min(PAUSE_MAX);
        }
    };
    let answered = time::timeout_at(deadline, ask).await;
    answered.map_err(|_| Silent { waited: start.elapsed(), connected })
}

async fn attempt(address: &Address, path: &str, connected: &mut bool) -> Option<StatusCode> {
    match address {
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).await.ok()?;
            *connected = true;
            exchange(stream, path).await
        }
        Address::Unix(socket) => {
            let stream = UnixStream::connect(socket).await.ok()?;
            *connected = true;
            exchange(stream, path).await
        }
        Address::Name(name, port) => {
            let stream = TcpStream::connect((name.as_str(), *port)).await.ok()?;
            *connected = true;
            exchange(stream, path).await
        }
    }
}

/// One request on its own connection; `None` when no complete head came back.
async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin, path: &str) -> Option<StatusCode> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    // The forwarded fields are what the proxy always sends; SvelteKit builds its URL from them.
    let request = Request::get(path)
        .header(header::HOST, "localhost")
        .header(header::USER_AGENT, "edgeplane-readiness")
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .header("x-forwarded-proto", "http")
        .header("x-forwarded-host", "localhost")
        .header("x-forwarded-for", "127.0.0.1")
        .body(Empty::<Bytes>::new())
        .ok()?;
    let mut response = std::pin::pin!(sender.send_request(request));
    let response = tokio::select! {
        response = &mut response => response,
        // A server that closes at once: the head may have come with the end.
        _ = connection => response.await,
    };
    Some(response.ok()?.status())
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A server that answers every connection with these bytes, once it has read something.
    async fn server(answer: &'static [u8]) -> Address {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 1024];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer).await;
            }
        });
        Address::Tcp(address)
    }

    #[tokio::test]
    async fn any_status_is_an_answer() {
        for (bytes, status) in [
            (&b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..], 200),
            (b"HTTP/1.1 404 Page not found: /\r\ntransfer-encoding: chunked\r\n\r\n", 404),
            (b"HTTP/1.1 500 \r\n\r\nhalf a bo", 500),
        ] {
            let found = answer(&server(bytes).await, "/", Duration::from_secs(5)).await;
            assert_eq!(found.unwrap().as_u16(), status);
        }
    }

    #[tokio::test]
    async fn an_accepted_connection_is_no_answer() {
        let silent = answer(&server(b"").await, "/", Duration::from_millis(300)).await.unwrap_err();
        assert!(silent.connected, "it accepted");
        assert!(silent.waited >= Duration::from_millis(300));
        let garbage = answer(&server(b"220 smtp ready\r\n").await, "/", Duration::from_millis(300)).await;
        assert!(garbage.is_err(), "what is not HTTP is no answer");
    }

    #[tokio::test]
    async fn nobody_there_is_told_apart() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let silent = answer(&Address::Tcp(free), "/", Duration::from_millis(30)).await.unwrap_err();
        assert!(!silent.connected);
    }
}
