//! Hot: what an exchange waits for, all at once: the upstream, the client, the time.

use std::{
    future::poll_fn,
    io::IoSlice,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::AsyncWrite as _,
    time::{Sleep, sleep},
};

use super::{Cut, Passing, link::Link};
use crate::{compute::exchange::Stage, server::loan::poll_left};

/// A request on its way.
#[derive(Debug)]
pub(super) struct Unsent {
    pub(super) head: Vec<u8>,
    /// Bytes of head and body that were sent.
    pub(super) at: usize,
}

impl Passing<'_> {
    /// Sends what is unsent and waits for bytes from the upstream, which are appended to `input`; 0 at the end. An
    /// answer may come before the request was sent completely. While nothing is there, no buffer is held.
    pub(super) async fn receive(&mut self, link: &mut Link, input: &mut Option<Vec<u8>>) -> Result<usize, Cut> {
        poll_fn(|cx| {
            self.poll_unsent(link, cx);
            let pool = &self.shard.pool;
            match link.poll_receive(cx, input, || pool.lend()) {
                Poll::Ready(Ok(n)) => return Poll::Ready(Ok(n)),
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Cut::Upstream)),
                Poll::Pending => {}
            }
            if let Some(empty) = input.take_if(|input| input.is_empty()) {
                pool.give_back(empty);
            }
            // A withheld answer is of no use to the client, who waits for the fallback's.
            if self.exchange.stage() != Stage::Withheld && self.poll_client_left(cx).is_ready() {
                if !self.lead.as_ref().is_some_and(|lead| lead.is_awaited()) {
                    return Poll::Ready(Err(Cut::Left));
                }
                self.lose_client();
            }
            link.poll_deadline(cx).map(|()| Err(Cut::Time))
        })
        .await
    }

    /// Ready when there is a client and it has left.
    pub(super) fn poll_client_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(connection) = &mut self.connection else { return Poll::Pending };
        poll_left(connection, self.body, cx)
    }

    pub(super) fn poll_unsent(&mut self, link: &mut Link, cx: &mut Context<'_>) {
        let Some(unsent) = &mut self.unsent else { return };
        let body = self.connection.as_ref().map_or(&[][..], |connection| &connection.ahead[..self.body]);
        let length = unsent.head.len() + body.len();
        while unsent.at < length && !self.torn {
            let head = unsent.head.get(unsent.at..).unwrap_or_default();
            let body = &body[unsent.at.saturating_sub(unsent.head.len())..];
            match link.poll_send(cx, head, body) {
                Poll::Ready(Ok(n)) => unsent.at += n,
                // It may have answered all the same, before it closed the connection.
                Poll::Ready(Err(_)) => self.torn = true,
                Poll::Pending => return,
            }
        }
        if let Some(sent) = self.unsent.take() {
            self.shard.pool.give_back(sent.head);
        }
    }

    /// Writes all pieces to the client, together.
    pub(super) async fn write(&mut self, link: &mut Link, pieces: [&[u8]; 4]) -> Result<(), Cut> {
        let patience = self.shard.app.settings.timeouts.write;
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let mut written = 0;
        let mut waiting: Option<Pin<Box<Sleep>>> = None;
        poll_fn(|cx| {
            loop {
                let mut slices = [IoSlice::new(&[]); 4];
                let n_slices = remaining(&pieces, written, &mut slices);
                let socket = Pin::new(&mut connection.socket);
                let sent = match &slices[..n_slices] {
                    [] => socket.poll_flush(cx).map_ok(|()| 0),
                    [one] => socket.poll_write(cx, one),
                    several => socket.poll_write_vectored(cx, several),
                };
                match sent {
                    Poll::Ready(Ok(_)) if n_slices == 0 => return Poll::Ready(Ok(())),
                    Poll::Ready(Ok(n)) if n > 0 => {
                        written += n;
                        connection.written += n as u64;
                        waiting = None;
                    }
                    Poll::Ready(_) => return Poll::Ready(Err(Cut::Deaf)),
                    Poll::Pending => {
                        let waiting = waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
                        if waiting.as_mut().poll(cx).is_ready() {
                            return Poll::Ready(Err(Cut::Deaf));
                        }
                        return link.poll_deadline(cx).map(|()| Err(Cut::Time));
                    }
                }
            }
        })
        .await
    }
}

/// What is left of the pieces after so many bytes of them, as slices; how many slices there are.
fn remaining<'a>(pieces: &[&'a [u8]; 4], mut written: usize, slices: &mut [IoSlice<'a>; 4]) -> usize {
    let mut n_slices = 0;
    for piece in pieces {
        let skipped = written.min(piece.len());
        written -= skipped;
        if skipped < piece.len() {
            slices[n_slices] = IoSlice::new(&piece[skipped..]);
            n_slices += 1;
        }
    }
    n_slices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_not_written_again() {
        let pieces: [&[u8]; 4] = [b"head", b"", b"content", b"tail"];
        let all = pieces.concat();
        for written in 0..=all.len() {
            let mut slices = [IoSlice::new(&[]); 4];
            let n_slices = remaining(&pieces, written, &mut slices);
            assert!(slices[..n_slices].iter().all(|slice| !slice.is_empty()));
            assert_eq!(slices[..n_slices].iter().flat_map(|slice| slice.to_vec()).collect::<Vec<u8>>(), all[written..]);
        }
    }
}
