//! Hot: an answer in HTTP/1.1, as every lane writes it, becomes the frames of a stream.
//!
//! What is written in one piece is one DATA frame, and no more is taken than the client's windows have room for: whoever
//! writes waits, as it waits for a socket.

use std::{
    io::{self, ErrorKind, IoSlice},
    task::{Context, Poll},
};

use bytes::{Buf as _, Bytes, BytesMut};
use h2::{Reason, SendStream, server::SendResponse};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::payload::Payload;
use crate::server::framing::Chunks;

/// Content of one DATA frame, and what a stream asks of the connection's window at once: whoever has much to send takes
/// turns with the others.
pub(super) const SLICE: usize = 16 * 1024;
/// More than any lane writes as a head.
const HEAD_MAX: usize = 256 * 1024;

/// How far an answer is.
#[derive(Debug)]
enum State {
    /// So much of a head is here.
    Head(Vec<u8>),
    /// So many bytes of content are to come.
    Length(u64),
    /// Content in chunks.
    Chunked(Chunks),
    /// Content until the writer is done with the connection.
    Open,
    /// It is complete.
    Ended,
}

/// The way out of a stream.
#[derive(Debug)]
pub(super) struct Outgoing {
    respond: SendResponse<Payload>,
    /// Once the head is sent.
    stream: Option<SendStream<Payload>>,
    state: State,
    head_only: bool,
    /// The client has no room, and is waited for.
    waits: bool,
    /// The stream is no more.
    gone: bool,
}

impl Outgoing {
    pub(super) fn new(respond: SendResponse<Payload>, head_only: bool) -> Self {
        Self { respond, stream: None, state: State::Head(Vec::new()), head_only, waits: false, gone: false }
    }

    /// Takes what there is room for.
    ///
    /// # Errors
    /// `WouldBlock` when there is none: [`poll_room`](Self::poll_room) waits for it. `BrokenPipe` when the stream is no more,
    /// `InvalidData` when this is no answer.
    pub(super) fn push(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let total: usize = pieces.iter().map(|piece| piece.len()).sum();
        if self.gone {
            return Err(ErrorKind::BrokenPipe.into());
        }
        self.reserve(total);
        let (mut content, mut taken) = (BytesMut::new(), 0);
        'pieces: for piece in pieces {
            let mut bytes: &[u8] = piece;
            while !bytes.is_empty() {
                let n = self.step(bytes, total, &mut content)?;
                if n == 0 {
                    break 'pieces;
                }
                taken += n;
                bytes = &bytes[n..];
            }
        }
        self.emit(content.freeze())?;
        // What is reserved and not needed would be missed by other streams.
        self.reserve(total - taken);
        self.waits = taken < total;
        if taken == 0 && total > 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }

    /// Takes as much of a content as there is room for, `most` at most, from whoever reads it into memory.
    ///
    /// # Errors
    /// As [`push`](Self::push), and what `read` says.
    pub(super) fn pull(&mut self, most: usize, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        if self.gone {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let State::Length(left) = self.state else { return Err(ErrorKind::InvalidData.into()) };
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(most).min(SLICE);
        self.reserve(most);
        let room = self.room(0).min(most);
        self.waits = room == 0;
        if room == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut content = BytesMut::zeroed(room);
        let n = read(&mut content)?;
        content.truncate(n);
        self.count(n as u64);
        self.emit(content.freeze())?;
        self.reserve(0);
        Ok(n)
    }

    /// Ready when there is room, or never will be.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(()) };
        if self.gone || stream.capacity() > 0 {
            return Poll::Ready(());
        }
        match stream.poll_capacity(cx) {
            Poll::Ready(Some(Ok(_))) => Poll::Ready(()),
            Poll::Ready(_) => {
                self.gone = true;
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Ready when the client has given the stream up, or its connection.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let reset = match &mut self.stream {
            Some(stream) => stream.poll_reset(cx),
            None => self.respond.poll_reset(cx),
        };
        if reset.is_ready() {
            self.gone = true;
        }
        reset.map(|_| ())
    }

    /// The stream is no more.
    pub(super) fn lose(&mut self) {
        self.gone = true;
    }

    /// Nothing more is written: an answer without a length is complete now.
    pub(super) fn finish(&mut self) {
        if let (State::Open, Some(stream)) = (&self.state, &mut self.stream) {
            self.gone |= stream.send_data(Payload::Bytes(Bytes::new()), true).is_err();
            self.state = State::Ended;
        }
    }

    /// Gives the stream up where its answer is not complete, and says why.
    pub(super) fn give_up(&mut self) -> Option<Unfinished> {
        if matches!(self.state, State::Ended) {
            return None;
        }
        if self.gone {
            return Some(Unfinished::Left);
        }
        // RFC 9113 8.1: what would close the connection of an HTTP/1.1 client in the middle of an answer.
        self.respond.send_reset(if self.waits { Reason::CANCEL } else { Reason::INTERNAL_ERROR });
        Some(if self.waits { Unfinished::Stalled } else { Unfinished::Broken })
    }

    /// Takes something from the front of `bytes`; 0 where there is no room.
    fn step(&mut self, bytes: &[u8], total: usize, content: &mut BytesMut) -> io::Result<usize> {
        let room = self.room(content.len());
        match &mut self.state {
            State::Head(head) => {
                let n = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
                head.extend_from_slice(&bytes[..n]);
                if head.ends_with(b"\r\n\r\n") {
                    let head = std::mem::take(head);
                    self.begin(&head, total)?;
                } else if head.len() > HEAD_MAX {
                    return Err(ErrorKind::InvalidData.into());
                }
                Ok(n)
            }
            State::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len()).min(room);
                content.extend_from_slice(&bytes[..n]);
                self.count(n as u64);
                Ok(n)
            }
            State::Chunked(chunks) => {
                let broken = |_| io::Error::from(ErrorKind::InvalidData);
                let piece = chunks.clone().next(bytes, u64::MAX).map_err(broken)?;
                if piece.framing > 0 {
                    // Framing needs no room.
                    chunks.next(&bytes[..piece.framing], u64::MAX).map_err(broken)?;
                    if piece.done {
                        self.state = State::Ended;
                    }
                    return Ok(piece.framing);
                }
                let n = piece.content.min(room);
                chunks.next(&bytes[..n], u64::MAX).map_err(broken)?;
                content.extend_from_slice(&bytes[..n]);
                Ok(n)
            }
            State::Open => {
                let n = bytes.len().min(room);
                content.extend_from_slice(&bytes[..n]);
                Ok(n)
            }
            State::Ended => Err(ErrorKind::InvalidData.into()),
        }
    }

    /// So many bytes of a content of known length are taken.
    fn count(&mut self, n: u64) {
        if let State::Length(left) = &mut self.state {
            *left = left.saturating_sub(n);
            if *left == 0 {
                self.state = State::Ended;
            }
        }
    }

    /// Bytes of content that may be taken beside `gathered` ones.
    fn room(&self, gathered: usize) -> usize {
        let capacity = self.stream.as_ref().map_or(0, SendStream::capacity);
        capacity.min(SLICE).saturating_sub(gathered)
    }

    fn reserve(&mut self, bytes: usize) {
        if let Some(stream) = &mut self.stream {
            stream.reserve_capacity(bytes.min(SLICE));
        }
    }

    /// Sends content, with the end where the answer has come to it.
    fn emit(&mut self, content: Bytes) -> io::Result<()> {
        let ended = matches!(self.state, State::Ended);
        let content = Payload::Bytes(content);
        let sent = match &mut self.stream {
            None => return Ok(()),
            Some(_) if !content.has_remaining() && !ended => return Ok(()),
            Some(stream) => stream.send_data(content, ended),
        };
        if ended {
            self.stream = None;
        }
        sent.map_err(|_| {
            self.gone = true;
            ErrorKind::BrokenPipe.into()
        })
    }

    /// Sends a head.
    fn begin(&mut self, head: &[u8], total: usize) -> io::Result<()> {
        let gone = |_| io::Error::from(ErrorKind::BrokenPipe);
        let Read { status, headers, state } = read(head, self.head_only).ok_or(ErrorKind::InvalidData)?;
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        if status.is_informational() {
            return self.respond.send_informational(response).map_err(gone);
        }
        let ended = matches!(state, State::Ended);
        let sent = self.respond.send_response(response, ended).map_err(gone);
        self.gone |= sent.is_err();
        self.stream = Some(sent?).filter(|_| !ended);
        self.state = state;
        self.reserve(total);
        Ok(())
    }
}

/// Why an answer was not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// The client took the request back, or left.
    Left,
    /// The client took nothing of it for too long.
    Stalled,
    /// Whoever made it broke off.
    Broken,
}

struct Read {
    status: StatusCode,
    headers: HeaderMap,
    state: State,
}

/// Reads a head, without the fields that are of an HTTP/1.1 connection (RFC 9113 8.2.2). None where it is no head, or one of
/// an upgrade.
fn read(head: &[u8], head_only: bool) -> Option<Read> {
    let mut fields = vec![httparse::EMPTY_HEADER; memchr::memchr_iter(b'\n', head).count()];
    let mut parsed = httparse::Response::new(&mut fields);
    let status = match parsed.parse(head) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => StatusCode::from_u16(parsed.code?).ok()?,
        _ => return None,
    };
    let (mut headers, mut chunked) = (HeaderMap::with_capacity(parsed.headers.len()), false);
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        if name == header::TRANSFER_ENCODING {
            chunked = true;
        } else if !is_of_the_connection(&name) {
            let mut value = HeaderValue::from_bytes(field.value).ok()?;
            // What no other answer says is not worth a place in the table that both sides keep (RFC 7541 6.2.3).
            value.set_sensitive(name.as_str() == "x-request-id");
            headers.append(name, value);
        }
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let empty = head_only || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let state = match length {
        _ if status == StatusCode::SWITCHING_PROTOCOLS => return None,
        _ if empty => State::Ended,
        _ if chunked => State::Chunked(Chunks::new()),
        Some(0) => State::Ended,
        Some(length) => State::Length(length),
        None => State::Open,
    };
    Some(Read { status, headers, state })
}

fn is_of_the_connection(name: &HeaderName) -> bool {
    [header::CONNECTION, header::UPGRADE].contains(name) || ["keep-alive", "proxy-connection"].contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(head: &str, head_only: bool) -> Option<(u16, Vec<String>, String)> {
        let read = read(head.as_bytes(), head_only)?;
        let fields = read.headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap_or("?")));
        Some((read.status.as_u16(), fields.collect(), format!("{:?}", read.state).split(['(', ' ']).next()?.to_owned()))
    }

    #[test]
    fn a_head_loses_what_is_of_its_connection() {
        let told = told(
            "HTTP/1.1 200 OK\r\nX-One: 1\r\nConnection: keep-alive, x\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a\r\n\
             set-cookie: b\r\nTransfer-Encoding: chunked\r\nproxy-connection: close\r\nUpgrade: h2c\r\n\r\n",
            false,
        );
        let fields = ["x-one=1", "set-cookie=a", "set-cookie=b"].map(str::to_owned).to_vec();
        assert_eq!(told, Some((200, fields, "Chunked".to_owned())));
    }

    #[test]
    fn a_head_says_what_follows_it() {
        for (head, head_only, state) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", false, Some("Length")),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", true, Some("Ended")),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false, Some("Ended")),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", false, Some("Chunked")),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", true, Some("Ended")),
            ("HTTP/1.1 200 OK\r\n\r\n", false, Some("Open")),
            ("HTTP/1.1 204 No Content\r\n\r\n", false, Some("Ended")),
            ("HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", false, Some("Ended")),
            ("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n", false, None),
            ("HTTP/1.1 200 OK\r\nbad field\r\n\r\n", false, None),
            ("SSH-2.0\r\n\r\n", false, None),
        ] {
            assert_eq!(told(head, head_only).map(|(_, _, state)| state).as_deref(), state, "{head}");
        }
    }
}
