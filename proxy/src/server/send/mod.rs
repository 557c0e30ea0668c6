//! Hot: bytes to the client, in as few writes as the kernel takes: small pieces together, large files by `sendfile`, or
//! out of their mapping where they are encrypted.
//!
//! A thread carries all of its connections and should not wait for the disk. A large file is therefore sent in windows,
//! and a window that is not in memory is read by another thread first, with the next one while this one is sent.

use std::{
    io::{self, IoSlice},
    ops::Range,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::{JoinHandle, spawn_blocking, yield_now},
    time::timeout,
};

use super::loan::Connection;
use crate::{
    answer::{Held, Piece},
    assets::Content,
};

#[cfg(test)]
mod tests;

/// Bytes of a file from which on it is sent by `sendfile`. Below, copying it along with its head costs less than a
/// second call. CPU per request of a server that does nothing else, `writev` to `sendfile`: 0.98 at 8 KiB, 1.02 at
/// 16 KiB, 1.08 at 20 and at 32 KiB, 1.70 at 48 KiB, 2.64 at 64 KiB.
pub(super) const LARGE_BYTES: usize = 16 * 1024;

/// Slices of one write. Linux takes 1024 at once; a page of ranges needs far fewer.
const SLICES: usize = 16;

/// Bytes of a window that came from the disk which are sent before other connections have their turn. What is read from
/// a disk is in no hurry, and sending a whole window holds up the others for 150 us and more.
const TURN_BYTES: usize = 128 * 1024;

/// After a client took nothing for so long, what was in memory then is looked for again.
const RESIDENCE: Duration = Duration::from_secs(1);

/// Windows read from the disk at once, by all threads together: enough to keep a disk busy, while the clients of a
/// thousand cold files wait here and not in a thousand threads.
static LOADS: Semaphore = Semaphore::const_new(8);

/// Writes pieces in their order.
///
/// # Errors
/// What the socket or the disk says, and `TimedOut` when the client takes nothing for as long as `patience`.
pub(super) async fn pieces(connection: &mut Connection, pieces: &[Piece], patience: Duration) -> io::Result<()> {
    let mut groups = pieces.chunk_by(|one, other| !is_large(one) && !is_large(other)).peekable();
    while let Some(group) = groups.next() {
        match group {
            [piece @ Piece::File(content)] if is_large(piece) => file(connection, content, patience).await?,
            [piece @ Piece::Held(in_memory)] if is_large(piece) => held(connection, in_memory, patience).await?,
            _ => small(connection, group, groups.peek().is_some(), patience).await?,
        }
    }
    finish(connection, patience).await
}

/// Waits until the kernel has taken all that counts as written.
async fn finish(connection: &mut Connection, patience: Duration) -> io::Result<()> {
    while let Err(error) = connection.socket.push() {
        room(connection, error, patience).await?;
    }
    Ok(())
}

/// Whether a piece is of a file that may be anywhere but in memory, however small the piece is, or dear to copy.
fn is_large(piece: &Piece) -> bool {
    match piece {
        Piece::File(content) => content.file_len() >= LARGE_BYTES,
        Piece::Held(held) => held.bytes.len() >= LARGE_BYTES,
        Piece::Text(_) => false,
    }
}

/// Writes pieces together. With `more`, a large one follows.
async fn small(connection: &mut Connection, pieces: &[Piece], more: bool, patience: Duration) -> io::Result<()> {
    for batch in pieces.chunks(SLICES) {
        let mut slices = [IoSlice::new(&[]); SLICES];
        for (slice, piece) in slices.iter_mut().zip(batch) {
            *slice = IoSlice::new(piece.as_ref());
        }
        let mut left = &mut slices[..batch.len()];
        // Nothing is written of empty pieces.
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            match connection.socket.try_send(left, more) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    connection.written += n as u64;
                    IoSlice::advance_slices(&mut left, n);
                }
                Err(error) => room(connection, error, patience).await?,
            }
        }
    }
    Ok(())
}

/// Sends a content without copying it, and without waiting for the disk on this thread.
pub(super) async fn file(connection: &mut Connection, content: &Content, patience: Duration) -> io::Result<()> {
    let mut reader = Reader { content, ahead: None };
    let (mut at, mut resident, mut most, mut turn) = (0, 0, usize::MAX, 0);
    while at < content.len() {
        if at == resident {
            let window = content.window(at);
            resident = window.end;
            let loaded = timeout(patience, reader.bring(window)).await.map_err(|_| io::ErrorKind::TimedOut)??;
            // Encrypting it takes time of this thread, which sending it out of a file does not.
            most = if loaded || connection.socket.copies() { TURN_BYTES } else { usize::MAX };
            turn = 0;
        }
        let bytes = content.bytes().get(at..at + (most - turn).min(resident - at)).unwrap_or_default();
        match connection.socket.try_send_file(content.file(), content.offset() + at as u64, bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                connection.written += n as u64;
                at += n;
                turn += n;
                if at < content.len() && (at == resident || turn == most) {
                    turn = 0;
                    yield_now().await;
                }
            }
            Err(error) => {
                turn = 0;
                let since = Instant::now();
                room(connection, error, patience).await?;
                if since.elapsed() > RESIDENCE {
                    resident = at;
                }
            }
        }
    }
    Ok(())
}

/// Sends what is in memory as a file without copying it.
async fn held(connection: &mut Connection, held: &Held, patience: Duration) -> io::Result<()> {
    let mut at = 0;
    while at < held.bytes.len() {
        match connection.socket.try_send_file(&held.file, held.offset + at as u64, &held.bytes[at..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                connection.written += n as u64;
                at += n;
            }
            Err(error) => room(connection, error, patience).await?,
        }
    }
    Ok(())
}

/// Waits for room in the socket, if that is what the last write failed for.
async fn room(connection: &Connection, error: io::Error, patience: Duration) -> io::Result<()> {
    if error.kind() != io::ErrorKind::WouldBlock {
        return Err(error);
    }
    timeout(patience, connection.socket.writable()).await.map_err(|_| io::ErrorKind::TimedOut)?
}

/// Brings the windows of a content into memory, one after the other.
struct Reader<'a> {
    content: &'a Content,
    /// The window after the last one, when that one was not in memory either.
    ahead: Option<(Range<usize>, JoinHandle<io::Result<()>>)>,
}

impl Reader<'_> {
    /// Returns when a window is in memory: whether it had to be read for that.
    async fn bring(&mut self, window: Range<usize>) -> io::Result<bool> {
        let mut loaded = false;
        if let Some((_, loading)) = self.ahead.take_if(|(ahead, _)| *ahead == window) {
            loading.await.map_err(io::Error::other)??;
            loaded = true;
        }
        if self.content.is_resident(window.clone()) {
            // Also where it was read ahead: a client may have slept since then.
        } else {
            let permit = LOADS.acquire().await.map_err(io::Error::other)?;
            self.load(window.clone(), permit).await.map_err(io::Error::other)??;
            loaded = true;
        }
        let next = self.content.window(window.end);
        if !next.is_empty() && !self.content.is_resident(next.clone()) {
            // Where others wait for the disk, they come first.
            self.ahead = LOADS.try_acquire().ok().map(|permit| (next.clone(), self.load(next, permit)));
        }
        Ok(loaded)
    }

    /// Reads a window on a thread that may wait. It goes on when nobody waits for it any more, which ends soon.
    fn load(&self, window: Range<usize>, permit: SemaphorePermit<'static>) -> JoinHandle<io::Result<()>> {
        let content = self.content.clone();
        spawn_blocking(move || {
            let _permit = permit;
            content.load(window)
        })
    }
}
