//! Hot: an answer onto the wire: one head, then the body's pieces as they are, in as few writes as the kernel takes.

use std::{fmt::Write as _, io, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use tokio::{io::AsyncWriteExt, time::timeout};

use super::loan::Connection;
use crate::{
    answer::{Answer, Body},
    telemetry::DateLine,
};

/// What the writer adds to an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope<'a> {
    /// The request was HEAD: no content follows.
    pub(crate) head_only: bool,
    /// The connection may be used again.
    pub(crate) keep_alive: bool,
    /// The request was HTTP/1.1.
    pub(crate) http11: bool,
    /// For the `x-request-id` field.
    pub(crate) request_id: &'a str,
    /// The `date` field.
    pub(crate) date: DateLine,
    /// A write that makes no progress for this long ends the connection.
    pub(crate) patience: Duration,
}

/// Writes `answer` and flushes it.
///
/// # Errors
/// What the socket says, and `TimedOut` when the client takes nothing for too long.
pub(crate) async fn write(
    connection: &mut Connection,
    answer: Answer,
    envelope: Envelope<'_>,
) -> Result<(), io::Error> {
    let has_content = !envelope.head_only && !forbids_content(answer.status);
    let head = serialize(&answer, envelope);
    let mut pieces: Vec<Bytes> = vec![head];
    if has_content {
        match answer.body {
            Body::Empty => {}
            Body::Whole(bytes) => pieces.push(bytes),
            Body::Parts(parts) => pieces.extend(parts),
        }
    }
    write_pieces(connection, &mut pieces, envelope.patience).await
}

async fn write_pieces(connection: &mut Connection, pieces: &mut [Bytes], patience: Duration) -> io::Result<()> {
    /// Linux takes 1024 at once; a page of ranges needs far fewer.
    const SLICES: usize = 16;
    let mut at = 0;
    while at < pieces.len() {
        let mut slices = [io::IoSlice::new(&[]); SLICES];
        let mut n_slices = 0;
        for (slice, piece) in slices.iter_mut().zip(&pieces[at..]) {
            *slice = io::IoSlice::new(piece);
            n_slices += 1;
        }
        let written = timeout(patience, connection.socket.write_vectored(&slices[..n_slices])).await;
        let mut n = written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        connection.written += n as u64;
        if n == 0 && pieces[at..].iter().any(|piece| !piece.is_empty()) {
            return Err(io::ErrorKind::WriteZero.into());
        }
        while at < pieces.len() && n >= pieces[at].len() {
            n -= pieces[at].len();
            at += 1;
        }
        if at < pieces.len() {
            pieces[at].advance(n);
        }
    }
    Ok(())
}

/// RFC 9110 6.4.1: these have no content, whatever the request was.
fn forbids_content(status: StatusCode) -> bool {
    status.is_informational() || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED
}

fn serialize(answer: &Answer, envelope: Envelope<'_>) -> Bytes {
    let mut head = BytesMut::with_capacity(512);
    let reason = answer.status.canonical_reason().unwrap_or("");
    let _ = write!(head, "HTTP/1.1 {} {reason}\r\n", answer.status.as_u16());
    for (name, value) in &answer.headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    if !forbids_content(answer.status) {
        let _ = write!(head, "content-length: {}\r\n", answer.body.len());
    }
    head.extend_from_slice(&envelope.date);
    if !envelope.keep_alive {
        head.extend_from_slice(b"connection: close\r\n");
    } else if !envelope.http11 {
        head.extend_from_slice(b"connection: keep-alive\r\n");
    }
    let _ = write!(head, "x-request-id: {}\r\n\r\n", envelope.request_id);
    head.freeze()
}
