//! One field: whether its name and value can be sent, and whether it is anybody's but the server's to say.

use http::{HeaderName, HeaderValue};

/// Bytes of a value: what browsers and proxies take for one field, twice over.
const VALUE_BYTES_MAX: usize = 16 * 1024;

/// Why a field may not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reserved {
    /// It belongs to one connection (RFC 9110 7.6.1), or says where a message ends (RFC 9112 6).
    Connection,
    /// It says what only the answer itself can know.
    Answer,
    /// It is what we say of ourselves.
    Ours,
}

impl Reserved {
    /// Why, for people.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Connection => "belongs to the connection, and a wrong one breaks it",
            Self::Answer => "is told by each answer of itself",
            Self::Ours => "is written by the server",
        }
    }
}

/// Whether nobody may set this field.
pub(super) fn reserved(name: &HeaderName) -> Option<Reserved> {
    match name.as_str() {
        "connection"
        | "content-length"
        | "http2-settings"
        | "keep-alive"
        | "proxy-authenticate"
        | "proxy-authorization"
        | "proxy-connection"
        | "te"
        | "trailer"
        | "transfer-encoding"
        | "upgrade" => Some(Reserved::Connection),
        "age" | "allow" | "content-range" | "date" | "etag" | "last-modified" | "location" => Some(Reserved::Answer),
        "x-edgeplane-cache" | "x-request-id" => Some(Reserved::Ours),
        _ => None,
    }
}

/// The name of a field.
pub(super) fn name(text: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(text.as_bytes()).ok()
}

/// Why a text cannot be sent as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueFault {
    /// It holds a line break.
    Lines,
    /// It holds what is not printable ASCII.
    Characters,
    /// It is too long.
    Long,
}

impl ValueFault {
    /// What to say of it: what is wrong, and how to mend it.
    pub(super) fn told(self) -> (String, &'static str) {
        match self {
            Self::Lines => ("has more than one line".to_owned(), "fold the lines with `>-` instead of `|`"),
            Self::Characters => ("holds what is not printable ASCII".to_owned(), "percent-encode it"),
            Self::Long => (format!("has more than {VALUE_BYTES_MAX} bytes"), "shorten it"),
        }
    }
}

/// The value of a field. White space around it is not part of it (RFC 9110 5.5).
pub(super) fn value(text: &str) -> Result<HeaderValue, ValueFault> {
    let text = text.trim();
    if text.len() > VALUE_BYTES_MAX {
        return Err(ValueFault::Long);
    }
    if text.contains(['\n', '\r']) {
        return Err(ValueFault::Lines);
    }
    // RFC 9110 5.5: newer fields stay within ASCII, because nobody agrees on what the other bytes are.
    let value = HeaderValue::from_str(text).ok().filter(|value| value.to_str().is_ok());
    value.ok_or(ValueFault::Characters)
}
