//! A request as bytes that are written as they are, and what its answer must be.

use std::io::Read;

use bytes::Bytes;

use crate::peer::Coding;

/// Made once, sent many times.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// For messages.
    pub(crate) path: String,
    /// The whole head.
    pub(crate) bytes: Bytes,
    pub(crate) expect: Expect,
    /// An answer to HEAD has no body, whatever its length says.
    pub(super) head: bool,
}

/// What an answer must be; anything else voids the run.
#[derive(Clone, Debug)]
pub(crate) struct Expect {
    /// `None`: any.
    pub(crate) status: Option<u16>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// Every byte is compared, in every answer.
    Exact(Bytes),
    /// Only the length: for what is too large to be held, or differs between answers.
    Length(u64),
    Any,
    /// In this coding, whatever bytes it makes: what they decode to is compared, in every answer.
    Encoded(Coding, Bytes),
}

impl Body {
    /// Whether these are the bytes of it.
    pub(super) fn is(&self, bytes: &[u8]) -> bool {
        let same = |mut decoder: Box<dyn Read + '_>, content: &[u8]| {
            let mut decoded = Vec::with_capacity(content.len() + 1);
            decoder.read_to_end(&mut decoded).is_ok() && decoded == content
        };
        match self {
            Self::Exact(content) => content == bytes,
            Self::Length(length) => *length == bytes.len() as u64,
            Self::Any => true,
            Self::Encoded(Coding::Gzip, content) => same(Box::new(flate2::read::GzDecoder::new(bytes)), content),
            Self::Encoded(Coding::Brotli, content) => {
                same(Box::new(brotli::Decompressor::new(bytes, 32 * 1024)), content)
            }
        }
    }
}

/// What is sent in `Host`.
const HOST: &str = "localhost";

impl Request {
    /// `GET path` with these fields beside `Host` and `User-Agent`; any answer is right.
    pub(crate) fn get(path: &str, fields: &[(&str, &str)]) -> Self {
        let usual = [("Host", HOST), ("User-Agent", "edgeplane-bench"), ("Accept", "*/*")];
        Self::verbatim("GET", path, usual.iter().chain(fields).copied())
    }

    /// Exactly these fields in this order, as a browser sent them.
    pub(crate) fn verbatim<'a>(method: &str, path: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        for (name, value) in fields {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        Self {
            path: path.to_owned(),
            bytes: Bytes::from(head),
            expect: Expect { status: None, body: Body::Any },
            head: method == "HEAD",
        }
    }

    /// The same request, with an answer that it must have.
    pub(crate) fn expecting(mut self, status: u16, body: Body) -> Self {
        self.expect = Expect { status: Some(status), body };
        self
    }
}
