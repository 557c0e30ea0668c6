//! Hot: a request head written anew, where whoever is asked must not see the client's own bytes.

use bytes::{Bytes, BytesMut};

use crate::answer::Head;

/// Writes `head` in origin form, with the `Host` that was decided on. With `without_body`, also without everything
/// that announces one: a fallback asks without the body (specification, `fallback`).
pub(crate) fn head(head: &Head<'_>, without_body: bool) -> Bytes {
    let mut out = BytesMut::with_capacity(1024);
    let mut put = |bytes: &[u8]| out.extend_from_slice(bytes);
    put(head.method.as_bytes());
    put(b" ");
    put(head.path.as_bytes());
    if let Some(query) = head.query {
        put(b"?");
        put(query.as_bytes());
    }
    put(if head.http11 { b" HTTP/1.1\r\nHost: " } else { b" HTTP/1.0\r\nHost: " });
    put(head.host.as_bytes());
    put(b"\r\n");
    for field in head.fields {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        let of_body = is("content-length") || is("transfer-encoding") || is("expect") || is("trailer");
        if is("host") || (without_body && of_body) {
            continue;
        }
        put(field.name.as_bytes());
        put(b": ");
        put(field.value);
        put(b"\r\n");
    }
    put(b"\r\n");
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_announced_no_more_and_the_host_stands_once() {
        let fields = [
            httparse::Header { name: "Host", value: b"other" },
            httparse::Header { name: "Content-Length", value: b"3" },
            httparse::Header { name: "Accept", value: b"*/*" },
        ];
        let given =
            Head { method: "GET", path: "/a%20b", query: Some("x=1"), fields: &fields, http11: true, host: "h:1" };
        assert_eq!(&head(&given, true)[..], b"GET /a%20b?x=1 HTTP/1.1\r\nHost: h:1\r\nAccept: */*\r\n\r\n");
        assert!(head(&given, false).windows(17).any(|window| window == b"Content-Length: 3"));
    }
}
