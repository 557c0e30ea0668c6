//! Hot: an answer that is being kept: read as fast as the upstream gives it, and written as fast as the client takes it.
//!
//! Others may wait for the same answer. A client that reads slowly, or leaves, is not to hold them up: what it has not
//! taken yet waits here, and no more of it than is kept anyway (`edge-cache.entry-bytes`).

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::AsyncWrite as _;

use super::{
    Cut, Passing,
    body::{Body, SizeLine, Taken},
    link::Link,
};
use crate::{
    coding::{Broken, Encoder},
    server::framing::Chunks,
};

/// How far it came.
#[derive(Debug)]
pub(super) enum Kept {
    /// The client has all of it, if there is one. `clean` where the upstream's connection may be used again.
    Whole { clean: bool },
    /// It is too long to be kept: what the client has not got yet, and a buffer to read on with.
    TooLong { unsent: Vec<u8>, read: Vec<u8> },
}

/// What is on its way to the client.
#[derive(Debug)]
struct Backlog {
    bytes: Vec<u8>,
    sent: usize,
    /// Compresses what is for the client; what is kept is kept as it came.
    encoder: Option<Encoder>,
}

impl Passing<'_> {
    /// Reads an answer, keeps it and passes it on. `head` is for the client; `input` from `at` on is of the body.
    pub(super) async fn keep(
        &mut self,
        link: &mut Link,
        body: &mut Body,
        head: Vec<u8>,
        mut input: Vec<u8>,
        mut at: usize,
    ) -> Result<Kept, Cut> {
        let mut backlog = Backlog { bytes: head, sent: 0, encoder: self.encoder.take() };
        loop {
            let unframed = backlog.encoder.is_some();
            let taken = if unframed { body.take_content(&mut input[at..]) } else { body.take(&mut input[at..]) };
            let content = &input[at..][taken.content.clone()];
            backlog.add(body, content, &taken)?;
            self.push(content, taken.framed);
            if taken.broken {
                self.flush(link, backlog).await?;
                return Err(Cut::Upstream);
            }
            if taken.done {
                self.give_back(Some(input));
                self.finish(link, backlog).await?;
                return Ok(Kept::Whole { clean: !taken.poisoned });
            }
            if link.is_over() {
                return Err(Cut::Time);
            }
            input.clear();
            if !self.lead.as_ref().is_some_and(|lead| lead.is_keeping()) {
                backlog.bytes.drain(..backlog.sent);
                self.encoder = backlog.encoder;
                // Nobody waits for it, and nobody will find it.
                let wanted = self.connection.is_some();
                return if wanted { Ok(Kept::TooLong { unsent: backlog.bytes, read: input }) } else { Err(Cut::Left) };
            }
            let mut lent = Some(input);
            let n = self.receive_and_send(link, &mut lent, &mut backlog).await?;
            (input, at) = (lent.unwrap_or_default(), 0);
            if n == 0 {
                let complete = body.ends_with_the_connection();
                if !complete {
                    self.flush(link, backlog).await?;
                    return Err(Cut::Upstream);
                }
                backlog.end(body)?;
                self.finish(link, backlog).await?;
                return Ok(Kept::Whole { clean: false });
            }
        }
    }

    fn push(&mut self, content: &[u8], framed: bool) {
        let Some(lead) = &mut self.lead else { return };
        if !framed {
            return lead.push(content);
        }
        let (mut chunks, mut at) = (Chunks::new(), 0);
        // They are whole chunks, so this ends with them.
        while let Ok(piece) = chunks.next(&content[at..], u64::MAX) {
            let from = at + piece.framing;
            at = from + piece.content;
            lead.push(&content[from..at]);
            if piece.done || at >= content.len() {
                break;
            }
        }
    }

    /// All of it is here: others find it before this client has it.
    async fn finish(&mut self, link: &mut Link, backlog: Backlog) -> Result<(), Cut> {
        if let Some(lead) = &mut self.lead {
            lead.finish();
        }
        self.flush(link, backlog).await
    }

    async fn flush(&mut self, link: &mut Link, mut backlog: Backlog) -> Result<(), Cut> {
        backlog.flush()?;
        self.write(link, [&backlog.bytes[backlog.sent..], &[], &[], &[]]).await?;
        self.give_back(Some(backlog.bytes));
        Ok(())
    }

    /// Waits for bytes from the upstream, and writes meanwhile what the client takes.
    async fn receive_and_send(
        &mut self,
        link: &mut Link,
        input: &mut Option<Vec<u8>>,
        backlog: &mut Backlog,
    ) -> Result<usize, Cut> {
        poll_fn(|cx| {
            self.poll_unsent(link, cx);
            self.poll_backlog(backlog, cx);
            let pool = &self.shard.pool;
            match link.poll_receive(cx, input, || pool.lend()) {
                Poll::Ready(Ok(n)) => return Poll::Ready(Ok(n)),
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Cut::Upstream)),
                Poll::Pending => {}
            }
            // Nothing more is here: what is must not wait for it.
            backlog.flush()?;
            self.poll_backlog(backlog, cx);
            if self.poll_client_left(cx).is_ready() {
                self.lose_client();
            }
            link.poll_deadline(cx).map(|()| Err(Cut::Time))
        })
        .await
    }

    fn poll_backlog(&mut self, backlog: &mut Backlog, cx: &mut Context<'_>) {
        while backlog.sent < backlog.bytes.len() {
            let Some(connection) = &mut self.connection else {
                backlog.sent = backlog.bytes.len();
                backlog.encoder = None;
                break;
            };
            match Pin::new(&mut connection.socket).poll_write(cx, &backlog.bytes[backlog.sent..]) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    backlog.sent += n;
                    connection.written += n as u64;
                }
                Poll::Ready(_) => self.lose_client(),
                Poll::Pending => return,
            }
        }
        backlog.bytes.clear();
        backlog.sent = 0;
    }

    /// The client is gone; others may want what it asked for.
    pub(super) fn lose_client(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.written = connection.written;
        }
    }
}

impl Backlog {
    /// Adds what was read, as the client gets it.
    fn add(&mut self, body: &Body, content: &[u8], taken: &Taken) -> Result<(), Broken> {
        if let Some(encoder) = &mut self.encoder {
            let mut made = Vec::new();
            encoder.push(content, &mut made)?;
            self.add_chunk(&made);
            return if taken.done { self.end(body) } else { Ok(()) };
        }
        let rewrites = body.is_chunked_for_the_client() && !taken.framed;
        if rewrites && let Some(line) = SizeLine::of(content.len()) {
            self.bytes.extend_from_slice(line.as_bytes());
        }
        self.bytes.extend_from_slice(content);
        if !taken.framed {
            self.bytes.extend_from_slice(body.tail(!content.is_empty(), taken.done));
        }
        Ok(())
    }

    /// Adds what has been pushed and is still with the encoder.
    fn flush(&mut self) -> Result<(), Broken> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        let mut made = Vec::new();
        encoder.flush(&mut made)?;
        self.add_chunk(&made);
        Ok(())
    }

    /// Adds the end of the answer, which has no length.
    fn end(&mut self, body: &Body) -> Result<(), Broken> {
        let Some(mut encoder) = self.encoder.take() else {
            self.bytes.extend_from_slice(body.tail(false, true));
            return Ok(());
        };
        let mut made = Vec::new();
        encoder.finish(&mut made)?;
        self.add_chunk(&made);
        self.bytes.extend_from_slice(b"0\r\n\r\n");
        Ok(())
    }

    fn add_chunk(&mut self, made: &[u8]) {
        if let Some(line) = SizeLine::of(made.len()) {
            for piece in [line.as_bytes(), made, b"\r\n"] {
                self.bytes.extend_from_slice(piece);
            }
        }
    }
}
