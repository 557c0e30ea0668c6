//! Between a connection and its first request: who the client is, where a balancer says so, and the TLS handshake.
//!
//! Both have a deadline, and neither begins for a client that says nothing.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use super::{
    intake,
    lifecycle::Drain,
    loan::Connection,
    proxy_protocol::{self, HEADER_MAX},
    shard::Shard,
    socket::Socket,
    tls::Tls,
};
use crate::telemetry::Handshake;

/// What is spoken on an address before HTTP.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    /// TLS, and how.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// The PROXY protocol.
    pub(crate) proxy_protocol: bool,
}

/// For browsers and people: what nginx says to whom speaks HTTP where it speaks TLS, and how to mend it.
const PLAIN_HTTP: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 51\r\n\
    connection: close\r\n\r\nthis port speaks HTTPS; ask it with https:// again\n";

impl Manner {
    /// Makes of a connection one that speaks HTTP; none when it is no use.
    pub(super) async fn receive(&self, socket: Socket, shard: &Shard, drain: &Drain) -> Option<Socket> {
        if self.tls.is_none() && !self.proxy_protocol {
            return Some(socket);
        }
        let beginning = drain.beginning();
        if drain.has_begun() {
            return None;
        }
        // Rare in the life of a connection, and large: not kept in its task.
        let arriving = Box::pin(self.arrive(socket, shard));
        tokio::select! {
            socket = arriving => socket,
            // Nobody has asked for anything yet.
            () = beginning => None,
        }
    }

    async fn arrive(&self, mut socket: Socket, shard: &Shard) -> Option<Socket> {
        let settings = &shard.app.settings;
        if self.proxy_protocol {
            let told = timeout(settings.proxy_protocol.timeout, hear_of_client(&mut socket, shard));
            if let Err(error) = told.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                shard.telemetry.introduction_failed();
                tracing::debug!(peer = %socket.peer(), %error, "no word about the client");
                return None;
            }
        }
        match &self.tls {
            None => Some(socket),
            Some(config) => secure(socket, config, shard, settings.tls.handshake_timeout).await,
        }
    }
}

/// Reads what a balancer says about its client, and not a byte more.
async fn hear_of_client(socket: &mut Socket, shard: &Shard) -> io::Result<()> {
    let sources = &shard.app.settings.proxy_protocol.sources;
    let peer = socket.peer().ip().to_canonical();
    // Whoever may open a socket file of ours is on this machine, and was let in by its mode.
    let is_known = |peer: IpAddr| sources.iter().any(|network| network.contains(&peer));
    if !socket.is_local() && !is_known(peer) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut said = Vec::new();
    let mut piece = [0; 512];
    loop {
        let n = socket.peek(&mut piece).await?;
        let before = said.len();
        said.extend_from_slice(&piece[..n]);
        let header = proxy_protocol::read(&said).map_err(|_| io::ErrorKind::InvalidData)?;
        let length = header.map_or(said.len(), |header| header.length);
        if n == 0 || length > HEADER_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // What was looked at is there to be taken, and belongs to the header.
        socket.read_exact(&mut piece[..length - before]).await?;
        if let Some(header) = header {
            if let Some(client) = header.client {
                socket.stands_for(client);
            }
            return Ok(());
        }
    }
}

/// Shakes hands, within `patience`, and tells how that went.
async fn secure(socket: Socket, config: &Arc<ServerConfig>, shard: &Shard, patience: Duration) -> Option<Socket> {
    let (peer, deadline) = (socket.peer(), Instant::now() + patience);
    let mut first = [0];
    let begun = timeout_at(deadline, socket.peek(&mut first)).await;
    let refused = match begun {
        Err(_) => Some(Handshake::Slow),
        Ok(Err(_) | Ok(0)) => Some(Handshake::Left),
        // A handshake begins with 22, a request with a letter.
        Ok(Ok(_)) if first[0].is_ascii_uppercase() => {
            shard.telemetry.handshake(Handshake::PlainHttp);
            answer_plainly(socket).await;
            return None;
        }
        Ok(Ok(_)) => None,
    };
    if let Some(refused) = refused {
        shard.telemetry.handshake(refused);
        return None;
    }
    let stream = socket.into_tcp()?;
    let (outcome, tls) = match timeout_at(deadline, shake_hands(stream, config, shard)).await {
        Ok(Ok(tls)) => (if tls.is_resumed() { Handshake::Resumed } else { Handshake::Full }, Some(tls)),
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no handshake");
            (if error.kind() == io::ErrorKind::InvalidData { Handshake::Failed } else { Handshake::Left }, None)
        }
        Err(_) => (Handshake::Slow, None),
    };
    shard.telemetry.handshake(outcome);
    tls.map(|tls| Socket::tls(tls, peer))
}

/// Waits for its turn first: the memory of handshakes is bounded, and that of those who wait is next to nothing.
async fn shake_hands(stream: TcpStream, config: &Arc<ServerConfig>, shard: &Shard) -> io::Result<Tls> {
    let _turn = shard.handshakes.acquire().await.map_err(io::Error::other)?;
    Tls::accept(stream, Arc::clone(config)).await
}

/// Tells somebody who speaks HTTP to speak TLS. Nothing that was sent is read, so it names no address.
async fn answer_plainly(mut socket: Socket) {
    if socket.write_all(PLAIN_HTTP).await.is_ok() {
        intake::close(Connection::new(socket)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_answer_says_how_long_it_is() {
        let text = std::str::from_utf8(PLAIN_HTTP).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{head} {}", body.len());
    }
}
