//! Hot: reading what follows a head: held bodies, leftovers. Every wait has a limit.

use std::{io, time::Duration};

use bytes::Buf;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout, timeout_at},
};

use super::{framing::Framing, loan::Connection};

/// Room made before each read.
const READ_SIZE: usize = 8 * 1024;
/// After the last answer on a connection, so much of what the client still sends is read and thrown away, so that
/// the answer is not lost to a reset (RFC 9112 9.6).
const LINGER_BYTES: usize = 256 * 1024;
const LINGER: Duration = Duration::from_secs(2);

async fn receive(connection: &mut Connection) -> io::Result<usize> {
    connection.ahead.reserve(READ_SIZE);
    let n = connection.socket.read_buf(&mut connection.ahead).await?;
    connection.ended |= n == 0;
    Ok(n)
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
    let drained = async {
        if connection.socket.shutdown().await.is_err() || connection.ended {
            return;
        }
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
