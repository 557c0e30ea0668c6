//! The head of an answer: status, framing, and whether the connection stays.

use crate::failure::Failure;

/// Fields in an answer's head; none of the servers sends so many.
const FIELDS_MAX: usize = 64;

/// A whole answer, for whoever wants to look at it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    UntilClosed,
}

/// What must be known of every head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) framing: Framing,
    /// The server announced that it will close.
    pub(super) closes: bool,
    /// The length of the head in bytes.
    pub(super) length: usize,
    pub(super) fields: Vec<(String, String)>,
}

impl Head {
    /// The head at the beginning of `bytes`; `None` while it is incomplete. The fields are kept if `keep`.
    pub(super) fn parse(bytes: &[u8], to_head: bool, keep: bool) -> Result<Option<Self>, Failure> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut response = httparse::Response::new(&mut fields);
        let length = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(Failure::void(format!("an answer that is none: {error}"))),
        };
        let status = response.code.unwrap_or_default();
        let mut framing = None;
        let mut closes = false;
        for field in response.headers.iter() {
            let value = || std::str::from_utf8(field.value).unwrap_or_default().trim();
            if field.name.eq_ignore_ascii_case("content-length") {
                let length = value().parse().map_err(|_| Failure::void("a length that is no number"))?;
                framing = framing.or(Some(Framing::Length(length)));
            } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
                framing = Some(Framing::Chunked);
            } else if field.name.eq_ignore_ascii_case("connection") {
                closes = value().eq_ignore_ascii_case("close");
            }
        }
        if to_head || status == 304 || status == 204 || status < 200 {
            framing = Some(Framing::Length(0));
        }
        let kept = || {
            let told = |field: &httparse::Header<'_>| {
                (field.name.to_ascii_lowercase(), String::from_utf8_lossy(field.value).into_owned())
            };
            response.headers.iter().map(told).collect()
        };
        let fields = if keep { kept() } else { Vec::new() };
        Ok(Some(Self { status, framing: framing.unwrap_or(Framing::UntilClosed), closes, length, fields }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(head: &str) -> (u16, Framing, bool) {
        let head = Head::parse(head.as_bytes(), false, false).unwrap().unwrap();
        (head.status, head.framing, head.closes)
    }

    #[test]
    fn heads_tell_where_the_body_ends() {
        assert_eq!(framing("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"), (200, Framing::Length(5), false));
        assert_eq!(
            framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"),
            (200, Framing::Chunked, true)
        );
        assert_eq!(framing("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), (304, Framing::Length(0), false));
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\ncont", false, false).unwrap().is_none());
        assert!(Head::parse(b"nonsense\r\n\r\n", false, false).is_err());
    }
}
