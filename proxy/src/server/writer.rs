//! Hot: an answer onto the wire: one head, then the body's pieces as they are, in as few writes as the kernel takes.

use std::{io, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
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
    let has_content = !envelope.head_only && !answer.forbids_content();
    let head = serialize(&answer, envelope);
    let mut pieces: Vec<Bytes> = vec![connection.out.split().freeze(), head];
    if has_content {
        match answer.body {
            Body::Empty => {}
            Body::Whole(bytes) => pieces.push(bytes),
            Body::Parts(parts) => pieces.extend(parts),
        }
    }
    write_pieces(connection, &mut pieces, envelope.patience).await
}

/// Writes what was gathered of answers to pipelined requests.
///
/// # Errors
/// As [`write`].
pub(super) async fn flush(connection: &mut Connection, patience: Duration) -> io::Result<()> {
    let gathered = connection.out.split().freeze();
    write_pieces(connection, &mut [gathered], patience).await
}

/// Writes the rest of an answer, after what is in `connection.out`, and says how many bytes of it could not be written.
pub(super) async fn write_rest(connection: &mut Connection, rest: Bytes, patience: Duration) -> u64 {
    let gathered = connection.out.split().freeze();
    let left = (gathered.len() + rest.len()) as u64;
    connection.written = 0;
    // Whatever the error is, the client does not get the rest.
    let _ = write_pieces(connection, &mut [gathered, rest], patience).await;
    left - connection.written
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

fn serialize(answer: &Answer, envelope: Envelope<'_>) -> Bytes {
    let mut head = BytesMut::with_capacity(512);
    answer.write_head(&mut head);
    envelope.write(&mut head);
    head.freeze()
}

impl Envelope<'_> {
    /// Writes the fields that every answer on this connection gets, and the line that ends a head.
    pub(crate) fn write(&self, head: &mut BytesMut) {
        head.extend_from_slice(&self.date);
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
