//! A client that sends exactly the bytes it is given: no library between the test and the wire.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

use super::{reply::Reply, tls, wait::PATIENCE};

/// Pieces that arrive closer together than this count as one arrival.
const GAP: Duration = Duration::from_millis(40);

/// A connection to the server under test.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Wire,
    unread: Vec<u8>,
    began: Instant,
    ended: bool,
}

/// The wire, with TLS on it or without.
#[derive(Debug)]
enum Wire {
    Plain(TcpStream),
    Tls(Box<tls::Stream>),
}

impl Wire {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl Connection {
    /// Connects, and speaks TLS with a server that does.
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = Self::connect(address);
        if tls::is_spoken(address) { Self::over(tls::wrap(stream)) } else { Self::of(Wire::Plain(stream)) }
    }

    /// Connects from that address of this machine.
    pub(crate) fn open_from(client: IpAddr, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(client, 0).into()).unwrap();
        socket.connect(&address.into()).unwrap_or_else(|error| panic!("from {client} to {address}: {error}"));
        Self::of(Wire::Plain(socket.into()))
    }

    /// Connects without TLS, whatever the server speaks.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self::of(Wire::Plain(Self::connect(address)))
    }

    /// Speaks over a connection with TLS.
    pub(crate) fn over(stream: tls::Stream) -> Self {
        Self::of(Wire::Tls(Box::new(stream)))
    }

    fn of(stream: Wire) -> Self {
        Self { stream, unread: Vec::new(), began: Instant::now(), ended: false }
    }

    /// A connection on which nothing was said yet.
    pub(crate) fn connect(address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("connecting to {address}: {error}"));
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Sends bytes; a server that hung up already is no error here, its answer is what counts.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.began = Instant::now();
        let _gone = self.stream.write_all(bytes.as_ref()).and_then(|()| self.stream.flush());
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&self) {
        let _gone = self.stream.tcp().shutdown(Shutdown::Write);
    }

    /// Waits at most this long for each read from now on.
    pub(crate) fn patience(&self, limit: Duration) {
        self.stream.tcp().set_read_timeout(Some(limit)).unwrap();
    }

    /// Reads the answer to a request with this method.
    pub(crate) fn receive(&mut self, method: &str) -> Reply {
        let mut reply = Reply::default();
        loop {
            let Some(end) = self.find_head_end() else {
                reply.total = self.began.elapsed();
                return reply;
            };
            let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
            self.unread.drain(..end + 4);
            parse_head(&head, &mut reply);
            // 101 is final for HTTP: what follows is another protocol.
            if !(100..200).contains(&reply.status) || reply.status == 101 {
                break;
            }
            reply.interim.push(reply.status);
            reply.fields.clear();
        }
        self.receive_body(method, &mut reply);
        reply.total = self.began.elapsed();
        reply
    }

    /// Whether the server closes the connection, without a further byte, before patience ends.
    pub(crate) fn is_closed(&mut self) -> bool {
        !self.more() && self.ended && self.unread.is_empty()
    }

    /// The bytes that came and were not part of an answer yet, after waiting for at least `count`.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count && self.more() {}
        let count = count.min(self.unread.len());
        self.unread.drain(..count).collect()
    }

    fn find_head_end(&mut self) -> Option<usize> {
        loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                return Some(end);
            }
            if !self.more() {
                return None;
            }
        }
    }

    fn receive_body(&mut self, method: &str, reply: &mut Reply) {
        if !self.unread.is_empty() {
            reply.arrivals.push(self.began.elapsed());
        }
        let coding = reply.values("transfer-encoding").join(",").to_ascii_lowercase();
        let length = reply.values("content-length").first().and_then(|text| text.parse::<usize>().ok());
        if method == "HEAD" || matches!(reply.status, 101 | 204 | 304) {
            reply.complete = true;
        } else if coding.contains("chunked") {
            self.receive_chunks(reply);
        } else if let Some(length) = length {
            while self.unread.len() < length && self.more_of(reply) {}
            reply.complete = self.unread.len() >= length;
            reply.body = self.unread.drain(..length.min(self.unread.len())).collect();
        } else {
            while self.more_of(reply) {}
            reply.complete = self.ended;
            reply.body = std::mem::take(&mut self.unread);
        }
    }

    fn receive_chunks(&mut self, reply: &mut Reply) {
        loop {
            let Some(line) = find(&self.unread, b"\r\n") else {
                if self.more_of(reply) {
                    continue;
                }
                return;
            };
            let size = String::from_utf8_lossy(&self.unread[..line]).into_owned();
            let size = usize::from_str_radix(size.split(';').next().unwrap_or("").trim(), 16).expect("a chunk size");
            while self.unread.len() < line + 2 + size + 2 {
                if !self.more_of(reply) {
                    reply.body.extend_from_slice(self.unread.get(line + 2..).unwrap_or_default());
                    return;
                }
            }
            reply.body.extend_from_slice(&self.unread[line + 2..line + 2 + size]);
            self.unread.drain(..line + 2 + size + 2);
            if size == 0 {
                reply.complete = true;
                return;
            }
        }
    }

    fn more_of(&mut self, reply: &mut Reply) -> bool {
        let more = self.more();
        let now = self.began.elapsed();
        if more && reply.arrivals.last().is_none_or(|last| now - *last > GAP) {
            reply.arrivals.push(now);
        }
        more
    }

    fn more(&mut self) -> bool {
        let mut piece = [0; 65536];
        match self.stream.read(&mut piece) {
            Ok(0) => self.ended = true,
            Ok(count) => {
                self.unread.extend_from_slice(&piece[..count]);
                return true;
            }
            // Any child of the tests may end at this moment, and a read with a limit is not begun again by itself.
            Err(error) if error.kind() == ErrorKind::Interrupted => return self.more(),
            // A reset is an end too, but silence is not.
            Err(error) => self.ended = !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
        false
    }
}

/// A well-formed request, written field by field; `Host` is added where none is given.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    chunked: bool,
}

impl Request {
    /// A request without a body.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), fields: Vec::new(), body: None, chunked: false }
    }

    /// A GET.
    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A request with a body of known length.
    pub(crate) fn with_body(method: &str, target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: Some(body.into()), ..Self::new(method, target) }
    }

    /// A POST with a body of known length.
    pub(crate) fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::with_body("POST", target, body)
    }

    /// Adds a field.
    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Sends the body in chunks instead of naming its length.
    pub(crate) fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// Method and target.
    pub(crate) fn line(&self) -> (&str, &str) {
        (&self.method, &self.target)
    }

    /// The fields, without those that are added to every request.
    pub(crate) fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// The body, if there is one.
    pub(crate) fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// The length of the body, where it is named.
    pub(crate) fn declared_length(&self) -> Option<usize> {
        self.body.as_ref().filter(|_| !self.chunked).map(Vec::len)
    }

    /// The bytes on the wire.
    pub(crate) fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let mut field = |name: &str, value: &str| head.push_str(&[name, ": ", value, "\r\n"].concat());
        if !self.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            field("Host", &address.to_string());
        }
        for (name, value) in &self.fields {
            field(name, value);
        }
        let body = self.body.as_deref().unwrap_or_default();
        if self.chunked {
            field("Transfer-Encoding", "chunked");
        } else if self.body.is_some() {
            field("Content-Length", &body.len().to_string());
        }
        let mut bytes = [head.as_bytes(), b"\r\n"].concat();
        if self.chunked {
            for piece in body.chunks(65536) {
                bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                bytes.extend_from_slice(piece);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        } else {
            bytes.extend_from_slice(body);
        }
        bytes
    }

    /// Sends it on a connection of its own and reads the answer.
    pub(crate) fn send(&self, address: SocketAddr) -> Reply {
        let mut connection = Connection::open(address);
        self.send_on(&mut connection, address)
    }

    /// Sends it on an open connection and reads the answer.
    pub(crate) fn send_on(&self, connection: &mut Connection, address: SocketAddr) -> Reply {
        connection.send(self.bytes(address));
        connection.receive(&self.method)
    }
}

fn parse_head(head: &str, reply: &mut Reply) {
    let mut lines = head.split("\r\n");
    let mut status = lines.next().unwrap_or("").splitn(3, ' ');
    assert!(status.next().unwrap_or("").starts_with("HTTP/1."), "no HTTP answer: {head:?}");
    reply.status = status.next().and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no status: {head:?}"));
    reply.reason = status.next().unwrap_or("").to_owned();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
        reply.fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
