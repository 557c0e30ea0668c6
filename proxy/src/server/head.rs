//! Hot: reading one request head. Every wait has a limit, and a connection that waits holds next to no memory.

use bytes::{Buf, BytesMut};
use edgeplane_config::{Limits, Timeouts};
use tokio::time::Instant;

use super::{
    loan::Connection,
    patience::{Patience, Woken, receive_by},
    writer,
};
use crate::service::reply::Refused;

/// Bytes that a connection keeps for the head of its next answer, or of its next request, while it waits: what browsers
/// send, cookies included.
pub(super) const RETAINED_MAX: usize = 2 * 1024;
/// Empty lines before a request; old clients sent one after a body.
const EMPTY_LINES_MAX: usize = 8;

/// Reads the next request head into `head`, up to and with its empty line, and says how many lines it has; none when
/// the client left, was idle for too long, or we are draining.
///
/// # Errors
/// [`Refused`], to be answered before the connection is closed.
pub(super) async fn receive(
    connection: &mut Connection,
    patience: &mut Patience,
    head: &mut Vec<u8>,
    limits: &Limits,
    timeouts: &Timeouts,
) -> Result<Option<usize>, Refused> {
    head.clear();
    let mut scan = Scan::default();
    let mut deadline = None;
    let mut empty_left = EMPTY_LINES_MAX;
    loop {
        // RFC 9112 2.2: an empty line before the request line is ignored. A row of them would be a way to stay for ever.
        while scan.at == 0 && connection.ahead.starts_with(b"\r\n") {
            if empty_left == 0 {
                return Err(Refused::RequestLine);
            }
            empty_left -= 1;
            connection.ahead.advance(2);
        }
        if let Some(end) = scan.run(&connection.ahead)? {
            head.extend_from_slice(&connection.ahead[..end]);
            connection.ahead.advance(end);
            return if end > limits.request_head { Err(Refused::HeadTooLarge) } else { Ok(Some(scan.lines)) };
        }
        if connection.ahead.len() > limits.request_head || scan.lines > limits.request_fields + 1 {
            return Err(if scan.lines == 0 { Refused::TargetTooLong } else { Refused::HeadTooLarge });
        }
        if !connection.out.is_empty() && writer::flush(connection, timeouts.write).await.is_err() {
            return Ok(None);
        }
        if !connection.ahead.is_empty() {
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + timeouts.head);
            let ahead = &mut connection.ahead;
            let received = receive_by(&mut connection.socket, deadline, |bytes| {
                ahead.extend_from_slice(bytes);
                bytes.is_empty()
            });
            match received.await {
                None => return Err(Refused::Slow),
                Some(Ok(false)) => continue,
                Some(Ok(true) | Err(_)) => return Ok(left(connection)),
            }
        }
        connection.ahead = BytesMut::new();
        if connection.out.capacity() > RETAINED_MAX {
            connection.out = BytesMut::new();
        }
        let ahead = &mut connection.ahead;
        // Nearly always one whole head comes at once and nothing else: it then never is in a buffer of the connection.
        let woken = patience.receive(&mut connection.socket, |bytes| {
            if let Some((whole, lines)) = only_head(bytes) {
                head.extend_from_slice(whole);
                return Some(lines);
            }
            ahead.extend_from_slice(bytes);
            (!bytes.is_empty()).then_some(0)
        });
        match woken.await {
            Woken::Received(Ok(Some(0))) => {}
            Woken::Received(Ok(Some(_))) if head.len() > limits.request_head => return Err(Refused::HeadTooLarge),
            Woken::Received(Ok(Some(lines))) => return Ok(Some(lines)),
            Woken::Received(Ok(None) | Err(_)) => return Ok(left(connection)),
            Woken::Silent | Woken::Ending => return Ok(None),
        }
    }
}

fn left(connection: &mut Connection) -> Option<usize> {
    connection.ended = true;
    None
}

/// The bytes as one head and nothing after it, and its lines.
fn only_head(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let mut scan = Scan::default();
    match scan.run(bytes) {
        Ok(Some(end)) if end == bytes.len() && scan.lines > 0 => Some((bytes, scan.lines)),
        _ => None,
    }
}

/// Finds the empty line without looking at any byte twice, and refuses lines that end in a bare LF.
#[derive(Debug, Default)]
struct Scan {
    at: usize,
    lines: usize,
    line_start: usize,
}

impl Scan {
    fn run(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refused> {
        while let Some(offset) = memchr::memchr(b'\n', &bytes[self.at..]) {
            let lf = self.at + offset;
            self.at = lf + 1;
            if lf == 0 || bytes[lf - 1] != b'\r' {
                return Err(Refused::LineEnd);
            }
            if lf - 1 == self.line_start {
                return Ok(Some(self.at));
            }
            self.lines += 1;
            self.line_start = self.at;
        }
        self.at = bytes.len();
        Ok(None)
    }
}
