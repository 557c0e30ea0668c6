//! Hot: where a request's body ends. Bytes after it belong to the next request and stay with us.

/// How the body of a request is delimited, and how far we have come in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none (left).
    None,
    /// So many bytes are left.
    Length(u64),
    /// Chunked (RFC 9112 7.1).
    Chunked(Chunks),
    /// After `101 Switching Protocols`: everything until the end of the connection.
    Tunnel,
}

impl Framing {
    /// A chunked body at its start.
    pub(crate) fn chunked() -> Self {
        Self::Chunked(Chunks::new())
    }

    /// Whether nothing of the body is left to be read.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The declared length, where there is one.
    pub(crate) fn declared(&self) -> Option<u64> {
        match self {
            Self::Length(length) => Some(*length),
            _ => None,
        }
    }
}

/// A strict scanner over chunked framing, of requests and of answers: it tells framing from content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunks {
    state: State,
    /// Bytes of the current size line, or of the whole trailer section.
    line: usize,
    /// Bytes of content so far.
    data: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Size { value: u64, digits: u8 },
    Extension { value: u64 },
    SizeLf { value: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
    End,
}

/// A size line with its extensions, and a trailer section, are no place to hide megabytes.
const LINE_MAX: usize = 4096;

/// Digits of a size: more is no size that anything could have.
const DIGITS_MAX: usize = 15;

/// The framing is broken; where the body ends cannot be known any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A byte that cannot stand there.
    Chunk,
    /// More content than the limit.
    TooLarge,
}

/// What lies at the front of the bytes that were scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Bytes of framing...
    pub(crate) framing: usize,
    /// ...and bytes of content after them.
    pub(crate) content: usize,
    /// The body ended with them.
    pub(crate) done: bool,
}

impl Chunks {
    /// A body at its start.
    pub(crate) fn new() -> Self {
        Self { state: State::Size { value: 0, digits: 0 }, line: 0, data: 0 }
    }

    /// The next piece of content with the framing before it. Called again with the bytes after it until there are none
    /// or the body is done.
    pub(crate) fn next(&mut self, bytes: &[u8], content_max: u64) -> Result<Piece, Broken> {
        let mut at = self.usual(bytes, content_max);
        while at < bytes.len() {
            if let State::Data { left } = &mut self.state {
                let content = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                *left -= content as u64;
                if *left == 0 {
                    self.state = State::DataCr;
                }
                return Ok(Piece { framing: at, content, done: false });
            }
            self.step(bytes[at], content_max)?;
            at += 1;
            if self.state == State::End {
                return Ok(Piece { framing: at, content: 0, done: true });
            }
        }
        Ok(Piece { framing: at, content: 0, done: false })
    }

    /// Takes what belongs to this body from the front of `bytes`: how many, and whether the body ended with them.
    pub(crate) fn take(&mut self, bytes: &[u8], content_max: u64) -> Result<(usize, bool), Broken> {
        let mut at = 0;
        loop {
            let piece = self.next(&bytes[at..], content_max)?;
            at += piece.framing + piece.content;
            if piece.done || at == bytes.len() {
                return Ok((at, piece.done));
            }
        }
    }

    /// Takes whole chunks that are as plain as they mostly are, if that is all there is: what begins with a size line,
    /// ends with a chunk's last byte and could be sent to anybody as it is. Whether the body ended with them. None, and
    /// nothing is taken, for every other bytes.
    pub(crate) fn take_whole(&mut self, bytes: &[u8]) -> Option<bool> {
        if self.line != 0 || self.state != (State::Size { value: 0, digits: 0 }) {
            return None;
        }
        let (mut at, mut data) = (0, self.data);
        while at < bytes.len() {
            let (size, line) = size_line(&bytes[at..])?;
            if size == 0 {
                (bytes[at + line..] == *b"\r\n").then(|| self.state = State::End)?;
                return Some(true);
            }
            let end = (at + line).checked_add(usize::try_from(size).ok()?)?;
            bytes.get(end..)?.starts_with(b"\r\n").then_some(())?;
            (at, data) = (end + 2, data.saturating_add(size));
        }
        self.data = data;
        Some(false)
    }

    /// Takes the framing between two chunks if it is all here and as plain as it mostly is: how many bytes. Nothing is
    /// taken of any other, which goes byte by byte.
    fn usual(&mut self, bytes: &[u8], content_max: u64) -> usize {
        let end_of_last = match self.state {
            State::DataCr if bytes.starts_with(b"\r\n") => 2,
            State::Size { digits: 0, .. } if self.line == 0 => 0,
            _ => return 0,
        };
        let Some((left, length)) = size_line(&bytes[end_of_last..]) else { return 0 };
        let data = self.data.saturating_add(left);
        if left == 0 || data > content_max {
            return 0;
        }
        (self.state, self.data, self.line) = (State::Data { left }, data, length);
        end_of_last + length
    }

    fn step(&mut self, byte: u8, content_max: u64) -> Result<(), Broken> {
        self.line += 1;
        if self.line > LINE_MAX {
            return Err(Broken::Chunk);
        }
        let next = match (&self.state, byte) {
            (State::Size { value, digits }, byte) if byte.is_ascii_hexdigit() => {
                if usize::from(*digits) == DIGITS_MAX {
                    return Err(Broken::Chunk);
                }
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                State::Size { value: value * 16 + u64::from(digit), digits: digits + 1 }
            }
            (State::Size { digits: 0, .. }, _) => return Err(Broken::Chunk),
            (State::Size { value, .. }, b'\r') => State::SizeLf { value: *value },
            // RFC 9112 7.1.1: BWS may stand before the `;` of an extension; recipients ignore extensions.
            (State::Size { value, .. }, b';' | b' ' | b'\t') => State::Extension { value: *value },
            (State::Extension { value }, b'\r') => State::SizeLf { value: *value },
            (State::Extension { value }, b'\t' | b' '..=b'~' | 0x80..) => State::Extension { value: *value },
            (State::SizeLf { value: 0 }, b'\n') => self.line_end(State::TrailerStart),
            (State::SizeLf { value }, b'\n') => {
                let left = *value;
                self.data = self.data.saturating_add(left);
                if self.data > content_max {
                    return Err(Broken::TooLarge);
                }
                State::Data { left }
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => self.line_end(State::Size { value: 0, digits: 0 }),
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::EndLf, b'\n') => State::End,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::TrailerStart | State::Trailer, b'\t' | b' '..=b'~' | 0x80..) => State::Trailer,
            _ => return Err(Broken::Chunk),
        };
        self.state = next;
        Ok(())
    }

    fn line_end(&mut self, next: State) -> State {
        self.line = 0;
        next
    }
}

/// The size in a line that has nothing else in it, and the length of the line. None when it is not complete or too long.
fn size_line(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().enumerate().take(DIGITS_MAX + 1) {
        let Some(digit) = char::from(byte).to_digit(16) else {
            return (at > 0 && bytes[at..].starts_with(b"\r\n")).then_some((value, at + 2));
        };
        value = value * 16 + u64::from(digit);
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take(body: &[u8]) -> Result<(usize, bool), Broken> {
        let Framing::Chunked(mut chunks) = Framing::chunked() else { unreachable!() };
        chunks.take(body, 1000)
    }

    #[test]
    fn the_end_is_found_and_nothing_after_it_is_taken() {
        for (body, n) in [
            (&b"0\r\n\r\nGET"[..], 5),
            (b"5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1", 15),
            (b"5;a=b\r\nhello\r\n0\r\n\r\n", 19),
            (b"0\r\nx-trailer: 1\r\n\r\nrest", 19),
            (b"00a\r\n0123456789\r\n0\r\n\r\n", 22),
        ] {
            assert_eq!(take(body), Ok((n, true)), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn what_is_not_chunked_framing_is_refused() {
        for body in [
            &b"\r\n"[..],
            b"g\r\n",
            b"5\nhello\r\n",
            b"5\r\nhelloX",
            b"5\r\nhello\n",
            b"-1\r\n",
            b"+5\r\nhello",
            b"0x5\r\nhello",
            b"5\r\nhello\r\n\r\n",
            b"1234567890abcdef0\r\n",
            b"5\rhello",
            b"0\r\n\n",
            b"0\r\nx\ny\r\n\r\n",
            b"5;\0\r\nhello\r\n",
        ] {
            assert_eq!(take(body), Err(Broken::Chunk), "{}", body.escape_ascii());
        }
        assert_eq!(take(&[b'1'; 5000]), Err(Broken::Chunk));
        assert_eq!(take(&[&b"1;"[..], &[b'x'; 5000]].concat()), Err(Broken::Chunk));
    }

    #[test]
    fn content_above_the_limit_is_refused_at_its_size_line() {
        assert_eq!(take(b"3e8\r\n").map(|(_, done)| done), Ok(false));
        assert_eq!(take(b"3e9\r\n"), Err(Broken::TooLarge));
    }

    proptest! {
        #[test]
        fn splitting_the_bytes_anywhere_changes_nothing(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6), cut in 0_usize..400, rest in "[A-Z ]{0,9}",
        ) {
            let mut body = Vec::new();
            for chunk in &chunks {
                body.extend(format!("{:x}\r\n", chunk.len()).bytes());
                body.extend(chunk);
                body.extend(b"\r\n");
            }
            body.extend(b"0\r\n\r\n");
            let end = body.len();
            body.extend(rest.bytes());
            let cut = cut.min(end - 1);
            let Framing::Chunked(mut scanner) = Framing::chunked() else { unreachable!() };
            prop_assert_eq!(scanner.take(&body[..cut], 1000), Ok((cut, false)));
            prop_assert_eq!(scanner.take(&body[cut..], 1000), Ok((end - cut, true)));
        }

        #[test]
        fn byte_by_byte_or_at_once_is_the_same(body in prop::collection::vec(
            prop::sample::select(b"00123aF\r\r\n\n; xG".to_vec()), 0..40), usual in any::<bool>()) {
            let body = if usual { [b"3\r\nabc\r\n".as_slice(), &body].concat() } else { body };
            let Framing::Chunked(mut scanner) = Framing::chunked() else { unreachable!() };
            let at_once = scanner.take(&body, 1000);
            let Framing::Chunked(mut scanner) = Framing::chunked() else { unreachable!() };
            let mut slowly = Ok((0, false));
            for (at, byte) in body.iter().enumerate() {
                match scanner.take(&[*byte], 1000) {
                    Ok((_, done)) => slowly = Ok((at + 1, done)),
                    Err(broken) => slowly = Err(broken),
                }
                if !matches!(slowly, Ok((_, false))) {
                    break;
                }
            }
            prop_assert_eq!(at_once, slowly);
        }
    }
}
