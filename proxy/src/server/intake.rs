//! Hot: reading from a client between and within requests: heads, held bodies, leftovers. Every wait has a limit.

use std::{io, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use edgeplane_config::{Limits, Timeouts};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout, timeout_at},
};

use super::{framing::Framing, lifecycle::Drain, loan::Connection};
use crate::service::reply::Refused;

/// Room made before each read.
const READ_SIZE: usize = 8 * 1024;
/// Empty lines before a request; old clients sent one after a body.
const EMPTY_LINES_MAX: usize = 8;
/// After the last answer on a connection, so much of what the client still sends is read and thrown away, so that
/// the answer is not lost to a reset (RFC 9112 9.6).
const LINGER_BYTES: usize = 256 * 1024;
const LINGER: Duration = Duration::from_secs(2);

/// The next request head, up to and with its empty line, and how many lines it has; none when the client left, was
/// idle for too long, or we are draining.
///
/// # Errors
/// [`Refused`], to be answered before the connection is closed.
pub(crate) async fn head(
    connection: &mut Connection,
    limits: &Limits,
    timeouts: &Timeouts,
    drain: &mut Drain,
) -> Result<Option<(Bytes, usize)>, Refused> {
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
            if end > limits.request_head {
                return Err(Refused::HeadTooLarge);
            }
            return Ok(Some((connection.ahead.split_to(end).freeze(), scan.lines)));
        }
        if connection.ahead.len() > limits.request_head || scan.lines > limits.request_fields + 1 {
            return Err(if scan.lines == 0 { Refused::TargetTooLong } else { Refused::HeadTooLarge });
        }
        let read = if connection.ahead.is_empty() {
            // An idle connection holds no buffers: most connections are idle most of the time.
            connection.ahead = BytesMut::new();
            connection.out = BytesMut::new();
            tokio::select! {
                biased;
                read = timeout(timeouts.idle, receive_later(connection)) => match read {
                    Ok(read) => read,
                    Err(_) => return Ok(None),
                },
                () = drain.begun() => return Ok(None),
            }
        } else {
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + timeouts.head);
            timeout_at(deadline, receive(connection)).await.map_err(|_| Refused::Slow)?
        };
        match read {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
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
        while let Some(offset) = bytes[self.at..].iter().position(|&byte| byte == b'\n') {
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

async fn receive(connection: &mut Connection) -> io::Result<usize> {
    connection.ahead.reserve(READ_SIZE);
    let n = connection.socket.read_buf(&mut connection.ahead).await?;
    connection.ended |= n == 0;
    Ok(n)
}

/// Takes memory only once there is something to receive.
async fn receive_later(connection: &mut Connection) -> io::Result<usize> {
    connection.socket.readable().await?;
    receive(connection).await
}

/// Waits until a declared body is here as a whole. False when it does not come.
pub(crate) async fn hold(connection: &mut Connection, length: usize, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while connection.ahead.len() < length {
        match timeout_at(deadline, receive(connection)).await {
            Ok(Ok(n)) if n > 0 => {}
            _ => return false,
        }
    }
    true
}

/// Throws away what is left of a small body that is of no use any more. False when the rest is too much to wait for.
pub(crate) async fn discard(connection: &mut Connection, most: usize, patience: Duration) -> bool {
    match connection.framing {
        Framing::None => true,
        Framing::Length(left) if left <= most as u64 => {
            let Ok(left) = usize::try_from(left) else { return false };
            if !hold(connection, left, patience).await {
                return false;
            }
            connection.ahead.advance(left);
            connection.framing = Framing::None;
            true
        }
        _ => false,
    }
}

/// Ends a connection so that the last answer arrives.
pub(crate) async fn close(mut connection: Connection) {
    if connection.socket.shutdown().await.is_err() || connection.ended {
        return;
    }
    let drained = async {
        let mut left = LINGER_BYTES;
        while left > 0 {
            connection.ahead.clear();
            match receive(&mut connection).await {
                Ok(n) if n > 0 => left = left.saturating_sub(n),
                _ => break,
            }
        }
    };
    // Whether the client was done or time was up, the socket is dropped now.
    let _ = timeout(LINGER, drained).await;
}
