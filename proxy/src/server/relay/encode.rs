//! Hot: an answer that is compressed on its way.
//!
//! What the upstream sent is with the client before anything else is waited for: the encoder is flushed when there is
//! nothing more to read, and not before, because every flush costs bytes. At most two reads' worth is compressed between
//! two looks at other connections, however much is at hand.

use std::{future::poll_fn, task::Poll};

use super::{
    Cut, Passing,
    body::{Body, SizeLine},
    link::Link,
    response::Head,
};
use crate::coding::{Broken, Encoder};

/// So much is written while there is more to read.
const WRITE_BYTES: usize = 16 * 1024;
/// After so much, others are looked at while there is more to read: as much as one read gives.
const TURN_BYTES: usize = 32 * 1024;

impl Passing<'_> {
    /// Passes an answer on, in fewer bytes. `out` is for the client as it is; `input` is of the body. True when the
    /// upstream's connection may be used again.
    pub(super) async fn encode(
        &mut self,
        link: &mut Link,
        head: &Head,
        mut body: Body,
        mut encoder: Encoder,
        [mut out, mut input]: [Vec<u8>; 2],
    ) -> Result<bool, Cut> {
        let (mut made, mut at_once) = (self.shard.pool.lend(), 0);
        loop {
            let taken = body.take_content(&mut input);
            at_once += taken.content.len();
            encoder.push(&input[taken.content], &mut made)?;
            if taken.broken {
                // The client sees that it was cut off: what it has is not ended.
                encoder.flush(&mut made)?;
                self.write_chunk(link, &mut out, &mut made, false).await?;
                return Err(Cut::Upstream);
            }
            if taken.done {
                self.give_back(Some(input));
                encoder.finish(&mut made)?;
                self.write_chunk(link, &mut out, &mut made, true).await?;
                self.give_back(Some(made));
                return Ok(head.keeps && !taken.poisoned);
            }
            if link.is_over() {
                return Err(Cut::Time);
            }
            input.clear();
            let mut lent = Some(input);
            let at_hand = self.receive_at_hand(link, &mut lent).await;
            if !matches!(at_hand, Ok(Some(1..))) {
                encoder.flush(&mut made)?;
                self.write_chunk(link, &mut out, &mut made, false).await?;
            }
            let n = match at_hand? {
                Some(n) => n,
                None => {
                    // While nothing comes, no buffer is held.
                    self.give_back(Some(std::mem::take(&mut made)));
                    let n = self.receive(link, &mut lent).await?;
                    at_once = 0;
                    made = self.shard.pool.lend();
                    n
                }
            };
            input = lent.unwrap_or_default();
            if n == 0 {
                if !body.ends_with_the_connection() {
                    return Err(Cut::Upstream);
                }
                encoder.finish(&mut made)?;
                self.write_chunk(link, &mut out, &mut made, true).await?;
                return Ok(false);
            }
            if made.len() >= WRITE_BYTES {
                self.write_chunk(link, &mut out, &mut made, false).await?;
            }
            if at_once >= TURN_BYTES {
                // The runtime would let it go on for a hundred reads.
                tokio::task::yield_now().await;
                at_once = 0;
            }
        }
    }

    /// Writes what is for the client as it is, and what the encoder made as a chunk.
    async fn write_chunk(
        &mut self,
        link: &mut Link,
        out: &mut Vec<u8>,
        made: &mut Vec<u8>,
        done: bool,
    ) -> Result<(), Cut> {
        let line = SizeLine::of(made.len());
        let line = line.as_ref().map_or(&[][..], SizeLine::as_bytes);
        let tail: &[u8] = match (made.is_empty(), done) {
            (true, false) => b"",
            (true, true) => b"0\r\n\r\n",
            (false, false) => b"\r\n",
            (false, true) => b"\r\n0\r\n\r\n",
        };
        self.write(link, [out, line, made, tail]).await?;
        made.clear();
        if !out.is_empty() {
            self.give_back(Some(std::mem::take(out)));
        }
        Ok(())
    }

    /// The bytes that the upstream has sent already, appended to `input`; none where it has sent nothing more.
    async fn receive_at_hand(&mut self, link: &mut Link, input: &mut Option<Vec<u8>>) -> Result<Option<usize>, Cut> {
        poll_fn(|cx| {
            self.poll_unsent(link, cx);
            let pool = &self.shard.pool;
            Poll::Ready(match link.poll_receive(cx, input, || pool.lend()) {
                Poll::Ready(Ok(n)) => Ok(Some(n)),
                Poll::Ready(Err(_)) => Err(Cut::Upstream),
                Poll::Pending => Ok(None),
            })
        })
        .await
    }
}

impl From<Broken> for Cut {
    /// The answer cannot go on, whoever is to blame; and its upstream is none.
    fn from(_: Broken) -> Self {
        Self::Deaf
    }
}
