//! Hot: what a proxy does to the fields of a head, in both directions, and how an answer's body is delimited.
//!
//! Every way of speaking to an upstream asks here, so that none can differ.

use http::StatusCode;

/// Takes the fields of a head that is being written, one after the other, each value in pieces.
pub trait Sink {
    /// A field begins.
    fn begin(&mut self, name: &str);
    /// A piece of its value.
    fn put(&mut self, piece: &[u8]);
    /// The field is complete.
    fn end(&mut self);
}

/// The fields of a head in their order, names as sent.
pub trait Fields<'a>: Iterator<Item = (&'a str, &'a [u8])> + Clone {}

impl<'a, F: Iterator<Item = (&'a str, &'a [u8])> + Clone> Fields<'a> for F {}

/// Whether a field of a request is of its connection (RFC 9110 7.6.1) and goes no further. `Transfer-Encoding` is:
/// whoever writes the request says anew how its body is delimited.
pub fn request_ends_here(name: &str) -> bool {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    match name.len() {
        2 => is("te"),
        7 => is("trailer") || is("upgrade"),
        10 => is("connection") || is("keep-alive"),
        14 => is("http2-settings"),
        16 => is("proxy-connection"),
        17 => is("transfer-encoding"),
        18 => is("proxy-authenticate"),
        19 => is("proxy-authorization"),
        _ => false,
    }
}

/// Whether a field of a request announces its body, which a fallback asks without.
pub fn announces_body(name: &str) -> bool {
    ["content-length", "transfer-encoding", "expect", "trailer"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// What the `Connection` fields of a head name.
#[derive(Clone, Debug)]
pub struct Options<F> {
    fields: F,
    /// Whether they name anything beyond `close` and `keep-alive`, which nearly none does.
    names_fields: bool,
    close: bool,
    keep_alive: bool,
}

impl<'a, F: Fields<'a>> Options<F> {
    /// Reads them.
    pub fn of(fields: F) -> Self {
        let mut options = Self { fields: fields.clone(), names_fields: false, close: false, keep_alive: false };
        for option in listed(fields) {
            if option.eq_ignore_ascii_case(b"close") {
                options.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                options.keep_alive = true;
            } else {
                options.names_fields = true;
            }
        }
        options
    }

    /// Whether the field of that name is of the connection because they say so.
    pub fn name(&self, name: &str) -> bool {
        self.names_fields && listed(self.fields.clone()).any(|option| option.eq_ignore_ascii_case(name.as_bytes()))
    }
}

fn listed<'a>(fields: impl Fields<'a>) -> impl Iterator<Item = &'a [u8]> {
    fields
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .flat_map(|(_, value)| value.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|option| !option.is_empty())
}

/// Where the body of an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// There is none, whatever the fields say.
    Nothing,
    /// After so many bytes.
    Length(u64),
    /// Where its last chunk says so.
    Chunked,
    /// Where the upstream closes the connection.
    Close,
}

/// The length or the transfer coding of an answer is not one (RFC 9112 6.3): it cannot be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer's length is ambiguous")]
pub struct Ambiguous;

/// What the fields of an answer say about its connection and its body.
#[derive(Clone, Debug)]
pub struct Told<F> {
    options: Options<F>,
    status: StatusCode,
    length: Option<u64>,
    chunked: bool,
    /// The connection can carry another exchange once the body has ended.
    pub keeps: bool,
}

impl<'a, F: Fields<'a>> Told<F> {
    /// Reads the fields of an answer. Lengths that all say the same are one; a coding makes any length void, and such a
    /// connection is not used again (RFC 9112 6.1).
    ///
    /// # Errors
    /// [`Ambiguous`] for differing or malformed lengths, and for every coding but `chunked`: nobody asked for another.
    pub fn by(fields: F, status: StatusCode, http11: bool) -> Result<Self, Ambiguous> {
        let (mut length, mut has_length, mut chunked) = (None, false, false);
        for (name, value) in fields.clone() {
            if name.len() == 14 && name.eq_ignore_ascii_case("content-length") {
                has_length = true;
                for digits in value.split(|&byte| byte == b',') {
                    let number = number(digits.trim_ascii()).ok_or(Ambiguous);
                    match (length, number) {
                        (None, number) => length = Some(number),
                        (Some(Ok(first)), Ok(other)) if first == other => {}
                        _ => length = Some(Err(Ambiguous)),
                    }
                }
            } else if name.len() == 17 && name.eq_ignore_ascii_case("transfer-encoding") {
                if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Ambiguous);
                }
                chunked = true;
            }
        }
        let length = if chunked { None } else { length.transpose()? };
        let options = Options::of(fields);
        let asked_to_keep = if http11 { !options.close } else { options.keep_alive && !options.close && !chunked };
        Ok(Self { keeps: asked_to_keep && !(chunked && has_length), options, status, length, chunked })
    }

    /// Where the body of the answer ends. With `head_only` it answers a HEAD.
    pub fn extent(&self, head_only: bool) -> Extent {
        let forbidden = matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if head_only || forbidden || self.status.is_informational() {
            Extent::Nothing
        } else if self.chunked {
            Extent::Chunked
        } else {
            match self.length {
                Some(0) => Extent::Nothing,
                Some(length) => Extent::Length(length),
                None => Extent::Close,
            }
        }
    }

    /// The length as it must be said: once (RFC 9110 8.6), and not at all where there is no content to be long.
    pub fn length(&self) -> Option<u64> {
        self.length.filter(|_| !self.is_unframed())
    }

    /// Answers that may say nothing of their content's length (RFC 9110 8.6, RFC 9112 6.1).
    fn is_unframed(&self) -> bool {
        self.status.is_informational() || self.status == StatusCode::NO_CONTENT
    }

    /// Whether a field goes on to the client. `Content-Length` never does: it is said anew.
    pub fn passes(&self, name: &str) -> bool {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let ends_here = match name.len() {
            2 => is("te"),
            10 => is("connection") || is("keep-alive"),
            14 => is("content-length"),
            16 => is("proxy-connection"),
            17 => is("transfer-encoding") && self.is_unframed(),
            18 => is("proxy-authenticate"),
            _ => false,
        };
        !ends_here && (!self.options.name(name) || is("transfer-encoding"))
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| {
        byte.is_ascii_digit().then_some(())?;
        sum.checked_mul(10)?.checked_add(u64::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<'a>(
        status: u16,
        http11: bool,
        fields: &'a [(&'a str, &'a str)],
    ) -> Result<Told<impl Fields<'a>>, Ambiguous> {
        let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
        Told::by(fields, StatusCode::from_u16(status).unwrap(), http11)
    }

    #[test]
    fn a_body_ends_where_its_fields_say() {
        for (status, head_only, fields, extent, length) in [
            (200, false, &[("Content-Length", "5")][..], Extent::Length(5), Some(5)),
            (200, true, &[("content-length", "5")], Extent::Nothing, Some(5)),
            (200, false, &[("Content-Length", "0")], Extent::Nothing, Some(0)),
            (200, false, &[("Content-Length", "2"), ("content-length", "2")], Extent::Length(2), Some(2)),
            (200, false, &[("Content-Length", "2, 02")], Extent::Length(2), Some(2)),
            (200, false, &[("Transfer-Encoding", "Chunked")], Extent::Chunked, None),
            (200, false, &[("Content-Length", "5"), ("Transfer-Encoding", "chunked")], Extent::Chunked, None),
            (200, false, &[], Extent::Close, None),
            (204, false, &[("Content-Length", "6")], Extent::Nothing, None),
            (304, false, &[("Content-Length", "6")], Extent::Nothing, Some(6)),
            (103, false, &[], Extent::Nothing, None),
        ] {
            let told = told(status, true, fields).unwrap();
            assert_eq!((told.extent(head_only), told.length()), (extent, length), "{status} {fields:?}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for fields in [
            &[("content-length", "2"), ("content-length", "3")][..],
            &[("content-length", "2,3")],
            &[("content-length", "")],
            &[("content-length", "+2")],
            &[("content-length", "2 2")],
            &[("content-length", "99999999999999999999")],
            &[("transfer-encoding", "gzip")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
        ] {
            assert_eq!(told(200, true, fields).map(|_| ()), Err(Ambiguous), "{fields:?}");
        }
    }

    #[test]
    fn a_connection_is_kept_as_both_its_version_and_its_fields_say() {
        for (http11, fields, keeps) in [
            (true, &[][..], true),
            (true, &[("Connection", "Keep-Alive, Close")], false),
            (false, &[], false),
            (false, &[("connection", "keep-alive")], true),
            (false, &[("connection", "keep-alive"), ("transfer-encoding", "chunked")], false),
            (true, &[("transfer-encoding", "chunked")], true),
            (true, &[("transfer-encoding", "chunked"), ("content-length", "1")], false),
        ] {
            assert_eq!(told(200, http11, fields).unwrap().keeps, keeps, "{http11} {fields:?}");
        }
    }

    #[test]
    fn fields_of_the_upstreams_connection_go_no_further() {
        let fields = [("Connection", "keep-alive, X-Hop"), ("connection", "transfer-encoding")];
        let told = told(200, true, &fields).unwrap();
        for name in
            ["CONNECTION", "Keep-Alive", "x-hop", "TE", "Content-Length", "proxy-connection", "Proxy-Authenticate"]
        {
            assert!(!told.passes(name), "{name}");
        }
        for name in ["content-type", "Transfer-Encoding", "trailer", "x-hops", "date"] {
            assert!(told.passes(name), "{name}");
        }
        assert!(!self::told(204, true, &[]).unwrap().passes("transfer-encoding"));
    }
}
