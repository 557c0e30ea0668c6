//! One keep-alive connection: writes a request, reads the answer, compares it with what is expected.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    answer::{Answer, Framing, Head},
    request::{Body, Request},
};
use crate::failure::Failure;

/// What is read at once: a body of 100 KB with one call.
const BUFFER_BYTES: usize = 128 * 1024;

/// A connection to one server, opened again when the server said it would close.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    closes: bool,
    buffer: Vec<u8>,
    /// What of the buffer is read and not yet used.
    start: usize,
    end: usize,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = connect(address).await?;
        Ok(Self { address, stream, closes: false, buffer: vec![0; BUFFER_BYTES], start: 0, end: 0 })
    }

    /// Asks and checks; the length of the body.
    pub(crate) async fn exchange(&mut self, request: &Request) -> Result<u64, Failure> {
        let head = self.ask(request, false).await?;
        let mut at = 0;
        let mut length = 0;
        let mut encoded = Vec::new();
        let (expected, is_encoded) = match &request.expect.body {
            Body::Exact(bytes) => (Some(bytes), false),
            Body::Length(_) | Body::Any => (None, false),
            Body::Encoded(..) => (None, true),
        };
        self.body(head.framing, |piece| {
            length += piece.len() as u64;
            if is_encoded {
                encoded.extend_from_slice(piece);
            }
            let Some(expected) = expected else { return true };
            let same = expected.get(at..at + piece.len()).is_some_and(|part| part == piece);
            at += piece.len();
            same
        })
        .await
        .map_err(|error| broken(request, &error))?;
        let complete = match &request.expect.body {
            Body::Exact(bytes) => bytes.len() as u64 == length,
            Body::Length(right) => *right == length,
            Body::Any => true,
            Body::Encoded(..) => request.expect.body.is(&encoded),
        };
        if !complete {
            return Err(Failure::void(format!("`{}` was answered with {length} bytes, which is wrong", request.path)));
        }
        Ok(length)
    }

    /// Asks and keeps the answer.
    pub(crate) async fn answer(&mut self, request: &Request) -> Result<Answer, Failure> {
        let head = self.ask(request, true).await?;
        let mut body = Vec::new();
        let keep = |piece: &[u8]| {
            body.extend_from_slice(piece);
            true
        };
        self.body(head.framing, keep).await.map_err(|error| broken(request, &error))?;
        if !request.expect.body.is(&body) {
            return Err(Failure::void(format!("`{}` was answered with wrong bytes", request.path)));
        }
        Ok(Answer { status: head.status, fields: head.fields, body })
    }

    /// Asks for what has a length, and leaves it to be read with [`Self::piece`].
    pub(super) async fn begin(&mut self, request: &Request) -> Result<u64, Failure> {
        let head = self.ask(request, false).await?;
        match (head.framing, &request.expect.body) {
            (Framing::Length(length), Body::Length(expected)) if length == *expected => Ok(length),
            (framing, _) => Err(Failure::void(format!("`{}` comes with {framing:?}", request.path))),
        }
    }

    /// Reads the next of `left` bytes; how many.
    pub(super) async fn piece(&mut self, request: &Request, left: u64) -> Result<u64, Failure> {
        if self.start == self.end {
            self.fill().await.map_err(|error| broken(request, &error))?;
        }
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(self.end - self.start);
        self.start += n;
        Ok(n as u64)
    }

    /// Writes the request and reads the head of the answer, whose status must be the expected one.
    async fn ask(&mut self, request: &Request, keep: bool) -> Result<Head, Failure> {
        if self.closes {
            self.stream = connect(self.address).await?;
            self.closes = false;
            (self.start, self.end) = (0, 0);
        }
        self.stream.write_all(&request.bytes).await.map_err(|error| broken(request, &error))?;
        let head = loop {
            let filled = self.buffer.get(self.start..self.end).unwrap_or_default();
            if !filled.is_empty()
                && let Some(head) = Head::parse(filled, request.head, keep)?
            {
                break head;
            }
            self.fill().await.map_err(|error| broken(request, &error))?;
        };
        self.start += head.length;
        self.closes = head.closes || head.framing == Framing::UntilClosed;
        if request.expect.status.is_some_and(|status| status != head.status) {
            return Err(Failure::void(format!("`{}` was answered with {}", request.path, head.status)));
        }
        Ok(head)
    }

    /// Gives every piece of the body to `take`, which says whether it is right.
    async fn body(&mut self, framing: Framing, mut take: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
        match framing {
            Framing::Length(length) => self.pieces(length, &mut take).await,
            Framing::Chunked => loop {
                let length = self.chunk_length().await?;
                self.pieces(length, &mut take).await?;
                self.line_end().await?;
                if length == 0 {
                    return Ok(());
                }
            },
            Framing::UntilClosed => loop {
                match self.pieces(u64::MAX, &mut take).await {
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                    other => other?,
                }
            },
        }
    }

    /// The next `length` bytes.
    async fn pieces(&mut self, mut length: u64, take: &mut impl FnMut(&[u8]) -> bool) -> io::Result<()> {
        while length > 0 {
            if self.start == self.end {
                self.fill().await?;
            }
            let n = usize::try_from(length).unwrap_or(usize::MAX).min(self.end - self.start);
            let piece = self.buffer.get(self.start..self.start + n).unwrap_or_default();
            if !take(piece) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "wrong bytes"));
            }
            self.start += n;
            length -= n as u64;
        }
        Ok(())
    }

    /// The length before a chunk.
    async fn chunk_length(&mut self) -> io::Result<u64> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "a chunk without a length");
        loop {
            let filled = self.buffer.get(self.start..self.end).unwrap_or_default();
            match httparse::parse_chunk_size(filled).map_err(|_| invalid())? {
                httparse::Status::Complete((used, length)) => {
                    self.start += used;
                    return Ok(length);
                }
                httparse::Status::Partial => self.fill().await?,
            }
        }
    }

    /// CR LF after a chunk. Trailers are not expected of anybody.
    async fn line_end(&mut self) -> io::Result<()> {
        while self.end - self.start < 2 {
            self.fill().await?;
        }
        let line_end = self.buffer.get(self.start..self.start + 2) == Some(b"\r\n");
        self.start += 2;
        if line_end { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "a chunk that does not end")) }
    }

    /// Reads what there is, at least a byte.
    async fn fill(&mut self) -> io::Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let free = self.buffer.get_mut(self.end..).unwrap_or_default();
        match self.stream.read(free).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                self.end += n;
                Ok(())
            }
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(address).await.map_err(Failure::system("connect to the server"))?;
    stream.set_nodelay(true).map_err(Failure::system("set up a connection"))?;
    Ok(stream)
}

fn broken(request: &Request, error: &io::Error) -> Failure {
    Failure::void(format!("`{}` was not answered: {error}", request.path))
}
