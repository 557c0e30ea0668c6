//! What the upstream of the tests answers: the wire, as the number of the case says.

use super::chance::Chance;

/// An answer on the wire.
#[derive(Debug)]
pub(crate) struct Script {
    /// Written one after the other.
    pub(crate) pieces: Vec<Vec<u8>>,
    /// The connection is closed after it.
    pub(crate) closes: bool,
}

const STATUSES: [&str; 14] = [
    "200 OK",
    "200 OK",
    "200 Just Fine",
    "200 ",
    "201 Created",
    "204 No Content",
    "206 Partial Content",
    "302 Found",
    "304 Not Modified",
    "404 Not Found",
    "404 Nothing Here",
    "410 Gone",
    "500 Internal Server Error",
    "799 Odd",
];

/// Fields of every sort: of the connection, of the answer, said twice, oddly written.
const FIELDS: [&str; 25] = [
    "Server: upstream",
    "X-POWERED-by: Something",
    "Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2",
    "set-cookie: lower=1",
    "Keep-Alive: timeout=5",
    "Proxy-Authenticate: Basic",
    "proxy-connection: keep-alive",
    "X-Request-Id: theirs",
    "Date: Sun, 06 Nov 1994 08:49:37 GMT",
    "Vary: Accept\r\nvary: Cookie",
    "ETag: W/\"x\"",
    "ETag: \"x\"",
    "Accept-Ranges: bytes",
    "Content-Type: text/html",
    "content-type: text/html; charset=utf-8",
    "Content-Type: Application/JSON",
    "Content-Type: image/png",
    "Content-Encoding: identity",
    "Cache-Control: no-transform",
    "Vary: Accept-Encoding",
    "Cache-Control: private,  max-age=0",
    "X-Empty:",
    "X-Obs: caf\u{e9}",
    "Upgrade: h2c",
    "Trailer: x-sum",
];

const CONNECTIONS: [&str; 6] = [
    "Connection: keep-alive",
    "connection: close",
    "Connection: X-Hop\r\nX-Hop: 1",
    "Connection: keep-alive, x-hop\r\nX-Hop: 2\r\nConnection: ETag",
    "Connection: Transfer-Encoding",
    "X-Hop: stays",
];

const INTERIMS: [&str; 3] = [
    "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\nX-Step: 1\r\n\r\n",
];

/// How the body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Sized,
    Chunked,
    Close,
    Empty,
    Twice,
    Listed,
    Both,
    Old,
    OldKept,
    OldChunked,
    ShortSized,
    ShortChunked,
    Long,
    BrokenChunk,
    Differing,
    NotANumber,
    Coding,
    NoHttp,
    Nothing,
}

/// The usual ones are drawn more often.
const FORMS: [Form; 30] = {
    use Form::*;
    [
        Sized,
        Sized,
        Sized,
        Sized,
        Sized,
        Sized,
        Chunked,
        Chunked,
        Chunked,
        Chunked,
        Chunked,
        Chunked,
        Close,
        Close,
        Empty,
        Twice,
        Listed,
        Both,
        Old,
        OldKept,
        OldChunked,
        ShortSized,
        ShortChunked,
        Long,
        BrokenChunk,
        Differing,
        NotANumber,
        Coding,
        NoHttp,
        Nothing,
    ]
};

/// The answer of a case to a request.
pub(crate) fn answer(case: u64, method: &str) -> Script {
    let mut chance = Chance::of(case);
    let form = chance.one(&FORMS);
    let status = chance.one(&STATUSES);
    let old = matches!(form, Form::Old | Form::OldKept | Form::OldChunked);
    let interim = if !old && chance.once_in(6) { chance.one(&INTERIMS) } else { "" };
    let mut fields = String::new();
    for _ in 0..chance.below(5) {
        fields.push_str(chance.one(&FIELDS));
        fields.push_str("\r\n");
    }
    let mut closes = false;
    if form != Form::OldKept && chance.once_in(3) {
        let connection = chance.one(&CONNECTIONS);
        closes = connection.ends_with("close");
        fields.push_str(connection);
        fields.push_str("\r\n");
    }
    let size = chance.one(&[1, 26, 26, 1000, 10_000, 70_000]);
    let content = chance.bytes(size);
    let has_body = method != "HEAD" && !status.starts_with("204") && !status.starts_with("304");
    let (framing, body, ends) = frame(form, &content, &mut chance);
    let version = if old { "HTTP/1.0" } else { "HTTP/1.1" };
    let head = format!("{interim}{version} {status}\r\n{fields}{framing}\r\n");
    // Latin-1 on the wire, so that there are bytes that are no UTF-8.
    let mut wire: Vec<u8> = head.chars().map(|char| u8::try_from(char).unwrap()).collect();
    if form == Form::Nothing {
        wire.clear();
    } else if form == Form::NoHttp {
        wire = b"this is no HTTP at all\r\n\r\n".to_vec();
    } else if has_body {
        wire.extend(body);
    }
    let mut pieces = vec![wire];
    if chance.once_in(3) && pieces[0].len() > 1 {
        let cut = 1 + chance.below(pieces[0].len() - 1);
        let rest = pieces[0].split_off(cut);
        pieces.push(rest);
    }
    // Without its body, such an answer is a whole one, after which nobody closes.
    let ends_by_its_body =
        matches!(form, Form::Close | Form::ShortSized | Form::ShortChunked | Form::BrokenChunk) && !has_body;
    Script { pieces, closes: closes || (ends && !ends_by_its_body) }
}

/// The fields that frame it, the body on the wire, and whether the connection is closed after it.
fn frame(form: Form, content: &[u8], chance: &mut Chance) -> (String, Vec<u8>, bool) {
    let size = content.len();
    let length = format!("Content-Length: {size}\r\n");
    let chunked = "Transfer-Encoding: chunked\r\n".to_owned();
    match form {
        Form::Sized => (length, content.to_vec(), false),
        Form::Chunked => (chunked, chunks(content, chance), false),
        Form::Close => (String::new(), content.to_vec(), true),
        Form::Empty => ("content-length: 0\r\n".to_owned(), Vec::new(), false),
        Form::Twice => (length.repeat(2), content.to_vec(), false),
        Form::Listed => (format!("Content-Length: {size}, {size}\r\n"), content.to_vec(), false),
        Form::Both => (length + "transfer-encoding: Chunked\r\n", chunks(content, chance), true),
        Form::Old => (length, content.to_vec(), true),
        Form::OldKept => (length + "Connection: keep-alive\r\n", content.to_vec(), false),
        Form::OldChunked => (chunked, chunks(content, chance), true),
        Form::ShortSized => (length, content[..size / 2].to_vec(), true),
        Form::ShortChunked => {
            let mut wire = chunks(content, chance);
            wire.truncate(wire.len() - 5);
            (chunked, wire, true)
        }
        Form::Long => (length, [content, b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"].concat(), false),
        Form::BrokenChunk => (chunked, b"5\r\nhello\r\nnonsense\r\n".to_vec(), true),
        Form::Differing => (format!("{length}Content-Length: {}\r\n", size + 1), content.to_vec(), true),
        Form::NotANumber => ("Content-Length: +5\r\n".to_owned(), b"hello".to_vec(), true),
        Form::Coding => ("Transfer-Encoding: gzip, chunked\r\n".to_owned(), chunks(content, chance), true),
        Form::NoHttp | Form::Nothing => (String::new(), Vec::new(), true),
    }
}

fn chunks(content: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut left = content;
    while !left.is_empty() {
        let (piece, rest) = left.split_at(left.len().min(1 + chance.below(3000)));
        let extension = if chance.once_in(5) { ";name=\"value\"" } else { "" };
        wire.extend(format!("{:X}{extension}\r\n", piece.len()).bytes());
        wire.extend_from_slice(piece);
        wire.extend_from_slice(b"\r\n");
        left = rest;
    }
    wire.extend_from_slice(if chance.once_in(4) { b"0\r\nX-Sum: 1\r\n\r\n".as_slice() } else { b"0\r\n\r\n" });
    wire
}
