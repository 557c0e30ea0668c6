//! Hot: the head of a request as it would be in HTTP/1.1, so that the same gate judges it (RFC 9113 8.3.1).
//!
//! Names in capitals, fields of a connection, `te` other than `trailers`, line ends and zeros in values, lengths that
//! contradict each other, pseudo-fields twice or in the wrong place: the library resets such a stream (RFC 9113 8.1.1).

use http::{HeaderMap, HeaderValue, Request, header, request::Parts};

use crate::server::gate::{self, Passed};
use crate::service::reply::Refused;

/// What a head needs that is not in it as it came.
#[derive(Debug)]
pub(super) struct Received {
    parts: Parts,
    /// Its `cookie` fields as one (RFC 9113 8.2.3), where there are several.
    cookie: Option<Vec<u8>>,
    /// The body's length was not declared.
    pub(super) chunked: bool,
}

/// Fields that [`Received::fields`] may add.
const ADDED: usize = 2;

impl Received {
    /// Of a request whose body ends with its head, or not.
    pub(super) fn new<B>(request: Request<B>, is_ended: bool) -> (Self, B) {
        let (parts, body) = request.into_parts();
        let chunked = !is_ended && !parts.headers.contains_key(header::CONTENT_LENGTH);
        let cookie = joined_cookie(&parts.headers);
        (Self { parts, cookie, chunked }, body)
    }

    pub(super) fn is_head(&self) -> bool {
        self.parts.method == http::Method::HEAD
    }

    /// The fields that it would have in HTTP/1.1.
    pub(super) fn fields(&self) -> Vec<httparse::Header<'_>> {
        let headers = &self.parts.headers;
        let mut fields = Vec::with_capacity(headers.len() + ADDED);
        let authority = self.parts.uri.authority().map(http::uri::Authority::as_str);
        if let Some(authority) = authority {
            fields.push(httparse::Header { name: "host", value: authority.as_bytes() });
        }
        for (name, value) in headers {
            // RFC 9113 8.3.1: what generates HTTP/1.1 from it replaces Host by the authority; one that names another host
            // is a second Host, and the gate takes one only.
            let is_said = *name == header::HOST && authority.is_some_and(|authority| agree(authority, value));
            if !is_said && (*name != header::COOKIE || self.cookie.is_none()) {
                fields.push(httparse::Header { name: name.as_str(), value: value.as_bytes() });
            }
        }
        if let Some(cookie) = &self.cookie {
            fields.push(httparse::Header { name: "cookie", value: cookie });
        }
        if self.chunked {
            fields.push(httparse::Header { name: "transfer-encoding", value: b"chunked" });
        }
        fields
    }

    /// Has the gate judge the head; `fields` are [its](Self::fields).
    ///
    /// # Errors
    /// [`Refused`], as in HTTP/1.1.
    pub(super) fn examine<'f>(
        &'f self,
        fields: &'f [httparse::Header<'f>],
        limits: &edgeplane_config::Limits,
    ) -> Result<Passed<'f>, Refused> {
        let scheme = self.parts.uri.scheme_str().unwrap_or("http");
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(Refused::RequestLine);
        }
        let method = self.parts.method.as_str();
        let target = self.parts.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        // As many bytes as the same head has in HTTP/1.1, so that the limit means the same.
        let length = fields.iter().map(|field| field.name.len() + field.value.len() + 4).sum::<usize>()
            + method.len()
            + target.len()
            + " HTTP/1.1\r\n\r\n".len()
            + 1;
        if target.len() > limits.request_target {
            return Err(Refused::TargetTooLong);
        }
        if length > limits.request_head || fields.len() > limits.request_fields {
            return Err(Refused::HeadTooLarge);
        }
        // RFC 9113 8.2.1: values neither begin nor end with white space. HTTP/1.1 would lose it; who sends it means harm.
        if fields.iter().any(|field| field.value.trim_ascii().len() < field.value.len()) {
            return Err(Refused::Malformed);
        }
        gate::weigh(method, target, fields, true, limits.request_target)
    }
}

/// Host names are compared without case (RFC 9110 4.2.3).
fn agree(authority: &str, host: &HeaderValue) -> bool {
    authority.as_bytes().eq_ignore_ascii_case(host.as_bytes())
}

fn joined_cookie(headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut crumbs = headers.get_all(header::COOKIE).iter();
    let (first, second) = (crumbs.next()?, crumbs.next()?);
    let mut cookie = first.as_bytes().to_vec();
    for crumb in std::iter::once(second).chain(crumbs) {
        cookie.extend_from_slice(b"; ");
        cookie.extend_from_slice(crumb.as_bytes());
    }
    Some(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::framing::Framing;

    fn received(uri: &str, fields: &[(&str, &str)], is_ended: bool) -> Received {
        let request = Request::builder().method(if is_ended { "GET" } else { "POST" }).uri(uri);
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Received::new(request.body(()).unwrap(), is_ended).0
    }

    fn judged(uri: &str, fields: &[(&str, &str)]) -> Result<(String, String), Refused> {
        let received = received(uri, fields, true);
        let fields = received.fields();
        let limits = edgeplane_config::Settings::default().limits;
        received.examine(&fields, &limits).map(|passed| (passed.head.host.to_owned(), passed.head.path.to_owned()))
    }

    #[test]
    fn the_gate_judges_it_like_any_other() {
        let long = "x".repeat(20_000);
        let fine = |host: &str, path: &str| Ok((host.to_owned(), path.to_owned()));
        for (uri, fields, expected) in [
            ("http://a.example/p%20q?r", vec![], fine("a.example", "/p%20q")),
            ("https://a.example:8443/", vec![("host", "A.example:8443")], fine("a.example:8443", "/")),
            ("/p", vec![("host", "a.example")], fine("a.example", "/p")),
            ("/p", vec![], Err(Refused::Host)),
            ("http://a.example/", vec![("host", "b.example")], Err(Refused::Host)),
            ("http://a.example/", vec![("host", "a.example"), ("host", "b.example")], Err(Refused::Host)),
            ("http://me@a.example/", vec![], Err(Refused::Host)),
            ("ftp://a.example/", vec![], Err(Refused::RequestLine)),
            ("http://a.example/", vec![("x-long", &long), ("x-longer", &long)], Err(Refused::HeadTooLarge)),
            ("http://a.example/", vec![("x-many", "1"); 101], Err(Refused::HeadTooLarge)),
            (&format!("http://a.example/{long}"), vec![], Err(Refused::TargetTooLong)),
            ("http://a.example/", vec![("x-space", " a")], Err(Refused::Malformed)),
            ("http://a.example/", vec![("x-space", "a\t")], Err(Refused::Malformed)),
            ("http://a.example/", vec![("expect", "wonders")], Err(Refused::Expectation)),
            ("http://a.example/", vec![("transfer-encoding", "chunked, gzip")], Err(Refused::Length)),
        ] {
            let shown = &uri[..uri.len().min(40)];
            assert_eq!(judged(uri, &fields), expected, "{shown} {}", fields.len());
        }
    }

    #[test]
    fn crumbs_of_cookies_are_one_cookie() {
        let received =
            received("http://h/", &[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")], true);
        let fields = received.fields();
        let cookies: Vec<_> = fields.iter().filter(|field| field.name == "cookie").map(|field| field.value).collect();
        assert_eq!(cookies, [b"a=1; b=2; c=3"]);
    }

    #[test]
    fn a_body_has_the_framing_that_is_declared() {
        let limits = edgeplane_config::Settings::default().limits;
        for (fields, is_ended, framing) in [
            (&[][..], true, Framing::None),
            (&[("content-length", "7")], false, Framing::Length(7)),
            (&[("content-length", "0")], false, Framing::None),
            (&[], false, Framing::chunked()),
        ] {
            let received = received("http://h/", fields, is_ended);
            let fields = received.fields();
            assert_eq!(received.examine(&fields, &limits).unwrap().framing, framing);
        }
    }
}
