//! A client that knows HTTP/2 beforehand, and sends the requests that other tests send over HTTP/1.1.

use std::{
    future::poll_fn,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use h2::{RecvStream, SendStream, client::SendRequest};
use tokio::{
    net::TcpStream,
    runtime::{Builder, Runtime},
    time::timeout,
};

use crate::support::{client::Request, reply::Reply, wait::PATIENCE};

/// Pieces that arrive closer together than this count as one arrival.
const GAP: Duration = Duration::from_millis(40);

/// A connection to the server under test.
pub(super) struct Client {
    runtime: Runtime,
    requests: SendRequest<Bytes>,
    address: SocketAddr,
}

impl Client {
    /// Connects.
    pub(super) fn open(address: SocketAddr) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let requests = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (requests, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            requests
        });
        Self { runtime, requests, address }
    }

    /// Sends a request and reads its answer; status 0 where none came.
    pub(super) fn send(&self, request: &Request) -> Reply {
        self.send_all(std::slice::from_ref(request)).pop().unwrap()
    }

    /// Sends requests at once and reads all answers.
    pub(super) fn send_all(&self, requests: &[Request]) -> Vec<Reply> {
        let exchanges: Vec<_> = requests
            .iter()
            .map(|request| {
                let exchange = exchange(self.requests.clone(), request.clone(), self.address);
                self.runtime.spawn(async { timeout(PATIENCE, exchange).await })
            })
            .collect();
        let answers = exchanges.into_iter().map(|exchange| self.runtime.block_on(exchange).unwrap());
        answers.map(|answer| answer.expect("an answer in time")).collect()
    }
}

async fn exchange(mut requests: SendRequest<Bytes>, request: Request, address: SocketAddr) -> Reply {
    let mut reply = Reply::default();
    let began = Instant::now();
    let ((method, target), fields, body) = (request.line(), request.fields(), request.body());
    let host = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, value)| value.clone());
    let uri = format!("http://{}{target}", host.unwrap_or_else(|| address.to_string()));
    let mut built = http::Request::builder().method(method).uri(uri);
    for (name, value) in fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
        built = built.header(name, value);
    }
    if let Some(length) = request.declared_length() {
        built = built.header("content-length", length);
    }
    if poll_fn(|cx| requests.poll_ready(cx)).await.is_err() {
        return reply;
    }
    let Ok((response, stream)) = requests.send_request(built.body(()).unwrap(), body.is_none()) else { return reply };
    let sending = upload(stream, Bytes::copy_from_slice(body.unwrap_or_default()), body.is_some());
    let receiving = async {
        let Ok(response) = response.await else { return reply };
        reply.status = response.status().as_u16();
        for (name, value) in response.headers() {
            reply.fields.push((name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        }
        download(response.into_body(), &mut reply, began).await;
        reply.total = began.elapsed();
        reply
    };
    tokio::join!(sending, receiving).1
}

async fn upload(mut stream: SendStream<Bytes>, mut body: Bytes, has_body: bool) {
    if !has_body {
        return;
    }
    loop {
        stream.reserve_capacity(body.len());
        let room = match stream.capacity() {
            0 if body.is_empty() => 0,
            0 => match poll_fn(|cx| stream.poll_capacity(cx)).await {
                Some(Ok(room)) => room,
                _ => return,
            },
            room => room,
        };
        let piece = body.split_to(room.min(body.len()));
        let is_last = body.is_empty();
        if stream.send_data(piece, is_last).is_err() || is_last {
            return;
        }
    }
}

async fn download(mut body: RecvStream, reply: &mut Reply, began: Instant) {
    while let Some(piece) = body.data().await {
        let Ok(piece) = piece else { return };
        let now = began.elapsed();
        if reply.arrivals.last().is_none_or(|last| now - *last > GAP) {
            reply.arrivals.push(now);
        }
        let _gone = body.flow_control().release_capacity(piece.len());
        reply.body.extend_from_slice(&piece);
    }
    reply.complete = true;
}
