//! Frames, byte by byte: what no library would send (RFC 9113 4.1, RFC 7541).

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use crate::support::wait::PATIENCE;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

pub(super) const NO_ERROR: u32 = 0;
pub(super) const PROTOCOL_ERROR: u32 = 1;
pub(super) const FRAME_SIZE_ERROR: u32 = 6;
pub(super) const CANCEL: u32 = 8;
pub(super) const ENHANCE_YOUR_CALM: u32 = 11;

/// One frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field that is said in letters and remembered by nobody (RFC 7541 6.2.2).
pub(super) fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        // RFC 7541 5.1: seven bits, then seven more at a time.
        match text.len() {
            short @ 0..=126 => field.push(u8::try_from(short).unwrap()),
            long => {
                field.push(127);
                let mut rest = long - 127;
                while rest >= 128 {
                    field.push(u8::try_from(rest % 128).unwrap() | 128);
                    rest /= 128;
                }
                field.push(u8::try_from(rest).unwrap());
            }
        }
        field.extend(text.as_bytes());
    }
    field
}

/// The fields of a request.
pub(super) fn request(method: &str, path: &str) -> Vec<u8> {
    let pseudo = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "h.example")];
    pseudo.iter().flat_map(|(name, value)| field(name, value)).collect()
}

/// The frame of a GET.
pub(super) fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &request("GET", path))
}

/// A setting (RFC 9113 6.5.2).
pub(super) fn setting(identifier: u16, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&identifier.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    /// The error that RST_STREAM and GOAWAY name.
    pub(super) fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        self.payload.get(at..at + 4).map_or(u32::MAX, |code| u32::from_be_bytes(code.try_into().unwrap()))
    }

    fn is(&self, kind: u8, stream: u32) -> bool {
        self.kind == kind && self.stream == stream
    }
}

/// A connection on which anything can be said. What comes is read all the time.
pub(super) struct Wire {
    stream: TcpStream,
    frames: Receiver<Frame>,
    /// All frames so far.
    pub(super) seen: Vec<Frame>,
}

impl Wire {
    /// Connects and sends the preface.
    pub(super) fn open(address: SocketAddr) -> Self {
        let mut wire = Self::silent(address);
        wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        // No table of fields to remember, so that every answer says all of its own.
        wire.send(setting(1, 0));
        wire
    }

    /// Connects and says nothing.
    pub(super) fn silent(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let (reader, (told, frames)) = (stream.try_clone().unwrap(), channel());
        thread::spawn(move || read(reader, |frame| told.send(frame).is_ok()));
        Self { stream, frames, seen: Vec::new() }
    }

    /// Connects and reads nothing, ever.
    pub(super) fn deaf(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).unwrap(), frames: channel().1, seen: Vec::new() }
    }

    /// Sends bytes, or as many as the server takes before it hangs up.
    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _gone = self.stream.write_all(bytes.as_ref());
    }

    /// Waits for a frame; none at the end of the connection.
    pub(super) fn next(&mut self) -> Option<Frame> {
        let frame = self.frames.recv_timeout(PATIENCE).ok()?;
        self.seen.push(frame.clone());
        Some(frame)
    }

    /// Waits for a frame of this kind on this stream.
    #[track_caller]
    pub(super) fn expect(&mut self, kind: u8, stream: u32) -> Frame {
        let began = Instant::now();
        loop {
            match self.next() {
                Some(frame) if frame.is(kind, stream) => return frame,
                Some(_) if began.elapsed() < PATIENCE => {}
                _ => panic!("no frame {kind} of stream {stream} in {:?}", self.shown()),
            }
        }
    }

    /// The status of a stream's answer, which must be one of those that RFC 7541's table has, or be said in letters.
    #[track_caller]
    pub(super) fn status(&mut self, stream: u32) -> u16 {
        let head = self.expect(HEADERS, stream);
        self.status_of(&head)
    }

    /// The same, of a head that came. What both sides remember (RFC 7541 2.3.2) is what was said before.
    pub(super) fn status_of(&mut self, head: &Frame) -> u16 {
        let mut said = &head.payload[..];
        // A change of the size of that memory comes first (RFC 7541 6.3).
        while let [update, rest @ ..] = said
            && update & 0xe0 == 0x20
        {
            said = if update & 0x1f == 0x1f {
                &rest[rest.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1..]
            } else {
                rest
            };
        }
        match said.first() {
            Some(indexed @ 0x88..=0x8e) => [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)],
            // `:status` with another value.
            Some(0x48 | 0x08 | 0x18) => digits(&said[1..]),
            _ => panic!("no status in {head:?}"),
        }
    }

    /// Reads to the end of the connection and gives the error of the last GOAWAY.
    #[track_caller]
    pub(super) fn goaway(&mut self) -> u32 {
        while self.next().is_some() {}
        let goaway = self.seen.iter().rev().find(|frame| frame.kind == GOAWAY);
        goaway.unwrap_or_else(|| panic!("no GOAWAY in {:?}", self.shown())).code()
    }

    /// Whether the server ends the connection within so long.
    pub(super) fn ends_within(&mut self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        loop {
            match self.frames.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(frame) => self.seen.push(frame),
                Err(error) => return error == std::sync::mpsc::RecvTimeoutError::Disconnected,
            }
        }
    }

    fn shown(&self) -> Vec<(u8, u32, usize)> {
        self.seen.iter().map(|frame| (frame.kind, frame.stream, frame.payload.len())).collect()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let _gone = self.stream.shutdown(Shutdown::Both);
    }
}

/// Three digits, plain or in the code of RFC 7541, where those from 0 to 2 have five bits and the others six.
fn digits(said: &[u8]) -> u16 {
    let length = usize::from(said[0] & 0x7f);
    let text = &said[1..=length];
    if said[0] & 0x80 == 0 {
        return std::str::from_utf8(text).unwrap().parse().unwrap();
    }
    let bits: String = text.iter().map(|byte| format!("{byte:08b}")).collect();
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let five = u16::from_str_radix(&bits[at..at + 5], 2).unwrap();
        let digit = if five <= 2 {
            at += 5;
            five
        } else {
            at += 6;
            u16::from_str_radix(&bits[at - 6..at], 2).unwrap() - 0x19 + 3
        };
        number = number * 10 + digit;
    }
    number
}

fn read(mut stream: TcpStream, mut told: impl FnMut(Frame) -> bool) {
    let (mut unread, mut piece) = (Vec::new(), vec![0; 65536]);
    loop {
        let count = match stream.read(&mut piece) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        unread.extend_from_slice(&piece[..count]);
        let mut at = 0;
        while let Some(head) = unread.get(at..at + 9) {
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let Some(payload) = unread.get(at + 9..at + 9 + length) else { break };
            let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
            let frame = Frame { kind: head[3], flags: head[4], stream, payload: payload.to_vec() };
            at += 9 + length;
            if !told(frame) {
                return;
            }
        }
        unread.drain(..at);
    }
}

#[test]
fn statuses_are_read_in_every_spelling() {
    for (status, said) in [
        (431, &[0x48, 0x03, b'4', b'3', b'1'][..]),
        // 413 and 501 in the code: 011010 00001 011001, and 011011 00000 00001, filled up with ones.
        (413, &[0x48, 0x83, 0b0110_1000, 0b0010_1100, 0b1111_1111]),
        (501, &[0x48, 0x82, 0b0110_1100, 0b0000_0001]),
    ] {
        assert_eq!(digits(&said[1..]), status);
    }
}
