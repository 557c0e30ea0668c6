//! Hot: the head gate. Every head passes here, whoever answers it afterwards: those of HTTP/1 as bytes, those of HTTP/2
//! as the fields that the same request would have in HTTP/1.1.
//!
//! Two parsers on one socket is how request smuggling is born (RFC 9112 11.2), so this one is strict: what is
//! ambiguous is refused and the connection closed; what is let through means one thing only.

use super::framing::Framing;
use crate::{answer::Head, service::reply::Refused};

/// A request head that means one thing only.
#[derive(Debug)]
pub(crate) struct Passed<'a> {
    /// What the primitives see.
    pub(crate) head: Head<'a>,
    /// How long the body is.
    pub(crate) framing: Framing,
    /// Whether the client lets the connection be used again.
    pub(crate) keep_alive: bool,
    /// The client asks for a WebSocket.
    pub(crate) upgrades: bool,
    /// The client waits for `100 Continue` before it sends the body (RFC 9110 10.1.1).
    pub(crate) expects_continue: bool,
    /// The target was in absolute form: whoever forwards the head must write it in origin form.
    pub(crate) absolute: bool,
}

/// Examines a complete head (`bytes` ends in the empty line). `fields` must have room for every line of it.
pub(crate) fn examine<'b: 'f, 'f>(
    bytes: &'b [u8],
    fields: &'f mut [httparse::Header<'b>],
    target_max: usize,
) -> Result<Passed<'f>, Refused> {
    let mut request = httparse::Request::new(fields);
    let (method, target, http11) = match request.parse(bytes) {
        Ok(httparse::Status::Complete(used)) if used == bytes.len() => {
            let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version) else {
                return Err(Refused::RequestLine);
            };
            (method, target, minor == 1)
        }
        Ok(_) => return Err(Refused::Malformed),
        Err(error) => return Err(refuse_unparsed(error, bytes)),
    };
    weigh(method, target, request.headers, http11, target_max)
}

/// Examines a head that is in pieces already.
pub(crate) fn weigh<'b: 'f, 'f>(
    method: &'b str,
    target: &'b str,
    fields: &'f [httparse::Header<'b>],
    http11: bool,
    target_max: usize,
) -> Result<Passed<'f>, Refused> {
    if target.len() > target_max {
        return Err(Refused::TargetTooLong);
    }
    if matches!(method, "CONNECT" | "TRACE") {
        return Err(Refused::Method);
    }
    let host = the_host(fields, http11)?;
    let target = split_target(method, target)?;
    let framing = the_framing(fields, http11)?;
    let expects_continue = match only(fields, "expect")? {
        None => false,
        Some(value) if value.eq_ignore_ascii_case(b"100-continue") => http11,
        Some(_) => return Err(Refused::Expectation),
    };
    let head = Head {
        method,
        path: target.path,
        query: target.query,
        fields,
        http11,
        // RFC 9112 3.2.2: the authority of an absolute-form target replaces the Host field.
        host: target.authority.unwrap_or(host),
    };
    let Options { keep_alive, upgrade } = the_options(fields, http11)?;
    // RFC 9110 7.8: an Upgrade field without its connection option, or in HTTP/1.0, asks for nothing.
    let upgrades =
        upgrade && http11 && only(fields, "upgrade")?.is_some_and(|to| to.eq_ignore_ascii_case(b"websocket"));
    Ok(Passed { head, framing, keep_alive, upgrades, expects_continue, absolute: target.authority.is_some() })
}

/// httparse stops at the first wrong byte; only a wrong version and too many fields have a status of their own.
fn refuse_unparsed(error: httparse::Error, bytes: &[u8]) -> Refused {
    match error {
        httparse::Error::TooManyHeaders => Refused::HeadTooLarge,
        httparse::Error::Version => {
            let line = bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
            let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
            match words[..] {
                // A version we do speak, refused as one, stands behind a space too many.
                [_, _, b"HTTP/1.0" | b"HTTP/1.1"] => Refused::RequestLine,
                [_, _, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]]
                    if major.is_ascii_digit() && minor.is_ascii_digit() =>
                {
                    Refused::Version
                }
                _ => Refused::RequestLine,
            }
        }
        httparse::Error::Token => Refused::RequestLine,
        _ => Refused::Malformed,
    }
}

struct Target<'a> {
    path: &'a str,
    query: Option<&'a str>,
    authority: Option<&'a str>,
}

/// RFC 9112 3.2: origin form, absolute form (servers MUST accept it), or `*` for OPTIONS.
fn split_target<'a>(method: &str, target: &'a str) -> Result<Target<'a>, Refused> {
    if target.contains('#') {
        return Err(Refused::RequestLine);
    }
    if target == "*" {
        return if method == "OPTIONS" {
            Ok(Target { path: "*", query: None, authority: None })
        } else {
            Err(Refused::RequestLine)
        };
    }
    let (authority, origin) = if target.starts_with('/') {
        (None, target)
    } else {
        let rest = ["http://", "https://"]
            .iter()
            .find(|scheme| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
            .map(|scheme| &target[scheme.len()..])
            .ok_or(Refused::RequestLine)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let authority = &rest[..end];
        if authority.is_empty() || !is_host(authority.as_bytes()) {
            return Err(Refused::Host);
        }
        (Some(authority), &rest[end..])
    };
    let (path, query) = match origin.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (origin, None),
    };
    if !is_carried(path, query) {
        return Err(Refused::TargetCharacter);
    }
    Ok(Target { path: if path.is_empty() { "/" } else { path }, query, authority })
}

/// Characters that no URI may hold raw (RFC 3986 2.2) and that the engine behind the gate does not carry to Compute.
/// The others that RFC 3986 forbids but clients send all the same (`|`, `{`, UTF-8...) pass as they are.
fn is_carried(path: &str, query: Option<&str>) -> bool {
    !path.bytes().any(|byte| matches!(byte, b'<' | b'>' | b'`'))
        && !query.is_some_and(|query| query.bytes().any(|byte| matches!(byte, b'<' | b'>' | b'"')))
}

/// RFC 9112 3.2: exactly one valid Host on HTTP/1.1; at most one on HTTP/1.0.
fn the_host<'a>(fields: &[httparse::Header<'a>], http11: bool) -> Result<&'a str, Refused> {
    let mut hosts = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("host"));
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.value) || host.value.is_empty() => {
            std::str::from_utf8(host.value).map_err(|_| Refused::Host)
        }
        (None, None) if !http11 => Ok(""),
        _ => Err(Refused::Host),
    }
}

/// No host has a longer name (RFC 1035 2.3.4), and whoever looks one up need not think of what a longer one means.
const HOST_NAME_MAX: usize = 255;

/// `host [":" port]` of RFC 3986 without userinfo: what may stand in a Host field.
fn is_host(value: &[u8]) -> bool {
    let (name, port) = match value.iter().rposition(|&byte| byte == b':') {
        Some(colon) if !value.ends_with(b"]") => (&value[..colon], &value[colon + 1..]),
        _ => (value, &b""[..]),
    };
    let name_ok = match name {
        [b'[', inner @ .., b']'] => {
            !inner.is_empty() && inner.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        }
        [] => false,
        _ => name.iter().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\'')
        }),
    };
    name_ok && name.len() <= HOST_NAME_MAX && port.len() <= 5 && port.iter().all(u8::is_ascii_digit)
}

/// RFC 9112 6.3, with every ambiguity refused: no length twice, no length beside a coding, one coding only.
fn the_framing(fields: &[httparse::Header<'_>], http11: bool) -> Result<Framing, Refused> {
    let length = only(fields, "content-length")?;
    let mut codings = fields.iter().filter(|field| field.name.eq_ignore_ascii_case("transfer-encoding"));
    match (codings.next(), codings.next(), length) {
        (None, _, None) => Ok(Framing::None),
        (None, _, Some(digits)) => {
            // 19 digits always fit in 64 bits; more is no length anybody sends in earnest.
            if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
                return Err(Refused::Length);
            }
            let length = digits.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
            Ok(if length == 0 { Framing::None } else { Framing::Length(length) })
        }
        (Some(coding), None, None) if http11 => {
            if coding.value.eq_ignore_ascii_case(b"chunked") {
                Ok(Framing::chunked())
            } else if coding.value.to_ascii_lowercase().ends_with(b"chunked") {
                Err(Refused::TransferCoding)
            } else {
                Err(Refused::Length)
            }
        }
        _ => Err(Refused::Length),
    }
}

/// The value of a field that may stand once at most.
fn only<'a>(fields: &[httparse::Header<'a>], name: &str) -> Result<Option<&'a [u8]>, Refused> {
    let mut found = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (field, None) => Ok(field.map(|field| field.value)),
        _ => Err(Refused::Length),
    }
}

/// What `Connection` says.
struct Options {
    keep_alive: bool,
    upgrade: bool,
}

/// Connection options a request may have; one or two are usual.
const OPTIONS_MAX: usize = 9;
/// Fields that reach Compute whatever a client says (RFC 9110 7.6.1: what all recipients need must not be named).
const END_TO_END: [&str; 6] =
    ["host", "content-length", "transfer-encoding", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// RFC 9112 9.3: persistent by default on 1.1, on request on 1.0, never after `close`.
fn the_options(fields: &[httparse::Header<'_>], http11: bool) -> Result<Options, Refused> {
    let (mut keep_alive, mut close, mut upgrade) = (http11, false, false);
    let options = fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("connection"))
        .flat_map(|field| field.value.split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|option| !option.is_empty());
    for (n_before, option) in options.enumerate() {
        let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
        if n_before == OPTIONS_MAX || !option.iter().copied().all(is_token) || END_TO_END.into_iter().any(is) {
            return Err(Refused::Connection);
        }
        close |= is("close");
        keep_alive |= is("keep-alive");
        upgrade |= is("upgrade");
    }
    Ok(Options { keep_alive: keep_alive && !close, upgrade })
}

/// `tchar` of RFC 9110 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
