//! The two types every primitive speaks: [`Head`], a borrowed request, and [`Answer`], an outcome as data.

use std::{fs::File, io::Write as _, sync::Arc};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::assets::Content;

/// The head of a request that passed the gate: nothing in it is ambiguous any more.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method, as sent: methods are case-sensitive (RFC 9110 9.1).
    pub method: &'a str,
    /// The path as sent, percent-encoded, starting with `/`; or `*` for `OPTIONS *`.
    pub path: &'a str,
    /// The query as sent, without the `?`.
    pub query: Option<&'a str>,
    /// The fields in their order; names as sent, compared without case.
    pub fields: &'a [httparse::Header<'a>],
    /// HTTP/1.1 (or later); otherwise HTTP/1.0.
    pub http11: bool,
    /// The `Host`, valid and single; empty only on HTTP/1.0.
    pub host: &'a str,
}

impl<'a> Head<'a> {
    /// The first field of that name whose value is visible ASCII (obs-text is no value we act on).
    pub fn field(&self, name: &str) -> Option<&'a str> {
        self.fields(name).next()
    }

    /// All fields of that name, in order.
    pub fn fields(&self, name: &str) -> impl Iterator<Item = &'a str> + Clone {
        self.fields
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .filter_map(|field| std::str::from_utf8(field.value).ok())
    }

    /// All values of a list-valued field as one, joined with `, ` (RFC 9110 5.3).
    pub fn joined(&self, name: &str) -> Option<std::borrow::Cow<'a, str>> {
        let mut values = self.fields(name);
        let first = values.next()?;
        match values.next() {
            None => Some(first.into()),
            Some(second) => {
                let mut all = format!("{first}, {second}");
                for value in values {
                    all.push_str(", ");
                    all.push_str(value);
                }
                Some(all.into())
            }
        }
    }

    /// GET or HEAD.
    pub fn is_read(&self) -> bool {
        matches!(self.method, "GET" | "HEAD")
    }
}

/// What a primitive answers. `Date`, `Connection`, `Content-Length` and `x-request-id` are added where it is written.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The fields, without those of the connection.
    pub headers: HeaderMap,
    /// The content. For HEAD and 304 only its length is used, and the writer sends none.
    pub body: Body,
}

impl Answer {
    /// Writes the status line and the fields that do not depend on the connection, each line with its end.
    pub fn write_head(&self, out: &mut BytesMut) {
        out.put_slice(b"HTTP/1.1 ");
        out.put_slice(self.status.as_str().as_bytes());
        out.put_slice(b" ");
        out.put_slice(self.status.canonical_reason().unwrap_or("").as_bytes());
        out.put_slice(b"\r\n");
        for (name, value) in &self.headers {
            out.put_slice(name.as_str().as_bytes());
            out.put_slice(b": ");
            out.put_slice(value.as_bytes());
            out.put_slice(b"\r\n");
        }
        if !self.forbids_content() {
            // Writing to memory cannot fail.
            let _ = write!(out.writer(), "content-length: {}\r\n", self.body.len());
        }
    }

    /// RFC 9110 6.4.1: these have no content, whatever the request was.
    pub fn forbids_content(&self) -> bool {
        self.status.is_informational() || matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    }
}

/// The fields of a head that [`Answer::write_head`] has written, its status line left out.
pub fn fields(head: &[u8]) -> HeaderMap {
    let lines = head.split(|&byte| byte == b'\n').skip(1).map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let fields = lines.filter_map(|line| {
        let (name, value) = line.split_at_checked(memchr::memchr(b':', line)?)?;
        let value = value.get(1..)?.trim_ascii();
        Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?))
    });
    let mut map = HeaderMap::with_capacity(16);
    for (name, value) in fields {
        map.append(name, value);
    }
    map
}

/// The content of an answer, in pieces that are never copied.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// One piece that was made for this answer or is kept in memory.
    Whole(Bytes),
    /// A file of the pack, or a part of it.
    File(Content),
    /// Several pieces, in order (multipart ranges).
    Parts(Vec<Piece>),
}

/// A piece of a content.
#[derive(Clone, Debug)]
pub enum Piece {
    /// What stands between files.
    Text(Bytes),
    /// A part of a file of the pack.
    File(Content),
    /// The end of what is in memory as bytes and as a file.
    Held(Held),
}

/// Bytes in memory that are the end of a file as well, which is only in memory, too.
#[derive(Clone, Debug)]
pub struct Held {
    /// The bytes.
    pub bytes: Bytes,
    /// The file.
    pub file: Arc<File>,
    /// Where in the file they begin.
    pub offset: u64,
}

impl Piece {
    /// Bytes in it.
    pub fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File(content) => content.len() as u64,
            Self::Held(held) => held.bytes.len() as u64,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Text(text) => text,
            Self::File(content) => content.bytes(),
            Self::Held(held) => &held.bytes,
        }
    }
}

impl Body {
    /// Bytes in all.
    pub fn len(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Whole(bytes) => bytes.len() as u64,
            Self::File(content) => content.len() as u64,
            Self::Parts(parts) => parts.iter().map(Piece::len).sum(),
        }
    }

    /// Whether there is no content.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_was_written_has_the_fields_it_was_written_of() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("etag", "\"a: b\""), ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-empty", "")] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let answer = Answer { status: StatusCode::OK, headers: headers.clone(), body: Body::Whole("four".into()) };
        let mut head = BytesMut::new();
        answer.write_head(&mut head);
        headers.insert("content-length", HeaderValue::from_static("4"));
        assert_eq!(fields(&head), headers);
    }
}
