//! Hot: an answer onto the wire: one head, then the body's pieces as they are.

use std::{io, mem, time::Duration};

use bytes::{Bytes, BytesMut};

use super::{loan::Connection, send};
use crate::{
    answer::{Answer, Body, Piece},
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
    /// The `date` field; none where the answer says itself when it was made.
    pub(crate) date: Option<DateLine>,
    /// The `strict-transport-security` field; none where the answer has one, or is not over https.
    pub(crate) hsts: Option<&'a str>,
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
    let has_content = !envelope.head_only && !answer.forbids_content();
    let head = serialize(&answer, envelope);
    let mut pieces = vec![Piece::Text(head)];
    if has_content {
        match answer.body {
            Body::Empty => {}
            Body::Whole(bytes) => pieces.push(Piece::Text(bytes)),
            Body::File(content) => pieces.push(Piece::File(content)),
            Body::Parts(parts) => pieces.extend(parts),
        }
    }
    send::pieces(connection, &pieces, envelope.patience).await
}

/// Writes what was gathered of answers to pipelined requests.
///
/// # Errors
/// As [`write`].
pub(super) async fn flush(connection: &mut Connection, patience: Duration) -> io::Result<()> {
    // Taken as a whole, so that the connection does not keep the memory.
    let gathered = mem::take(&mut connection.out).freeze();
    send::pieces(connection, &[Piece::Text(gathered)], patience).await
}

/// Writes the rest of an answer, after what is in `connection.out`, and says how many bytes of it could not be written.
pub(super) async fn write_rest(connection: &mut Connection, rest: Piece, patience: Duration) -> u64 {
    let pieces = [Piece::Text(mem::take(&mut connection.out).freeze()), rest];
    let left: u64 = pieces.iter().map(Piece::len).sum();
    connection.written = 0;
    // Whatever the error is, the client does not get the rest, or the end of what was encrypted for it.
    match send::pieces(connection, &pieces, patience).await {
        Ok(()) => 0,
        Err(_) => (left - connection.written).max(1),
    }
}

fn serialize(answer: &Answer, envelope: Envelope<'_>) -> Bytes {
    let mut head = BytesMut::with_capacity(512);
    answer.write_head(&mut head);
    envelope.write(&mut head);
    head.freeze()
}

impl Envelope<'_> {
    /// Writes the fields that every answer on this connection gets, and the line that ends a head.
    pub(crate) fn write(&self, head: &mut BytesMut) {
        if let Some(date) = &self.date {
            head.extend_from_slice(date);
        }
        if let Some(hsts) = self.hsts {
            head.extend_from_slice(b"strict-transport-security: ");
            head.extend_from_slice(hsts.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        if !self.keep_alive {
            head.extend_from_slice(b"connection: close\r\n");
        } else if !self.http11 {
            head.extend_from_slice(b"connection: keep-alive\r\n");
        }
        head.extend_from_slice(b"x-request-id: ");
        head.extend_from_slice(self.request_id.as_bytes());
        head.extend_from_slice(b"\r\n\r\n");
    }
}
