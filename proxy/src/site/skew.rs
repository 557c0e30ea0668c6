//! Hot: which deployment a request asks for, in the three ways that Amplify Hosting knows.

use std::fmt;

use http::StatusCode;

use crate::answer::Head;

/// Longer names are no names of deployments. Amplify's have ten digits, hashes up to 64 characters.
pub const ID_BYTES_MAX: usize = 128;

/// The field that names a deployment.
const FIELD: &str = "x-amplify-dpl";
/// The parameter of the query.
const PARAMETER: &str = "dpl";
/// The cookie: as CloudFront's managed policies call it, and as Amplify's documentation does.
const COOKIES: [&str; 2] = ["__dpl", "_dpl"];

/// What a request says about the deployment it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish<'h> {
    /// Where it stands.
    pub source: Source,
    /// The name, as it stands there.
    pub id: &'h str,
}

/// Where a request names a deployment, in the order in which these count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `X-Amplify-Dpl`.
    Field,
    /// `?dpl=`.
    Query,
    /// `__dpl`, or `_dpl`.
    Cookie,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Field => "the field X-Amplify-Dpl",
            Self::Query => "the query's dpl",
            Self::Cookie => "the cookie __dpl",
        })
    }
}

impl<'h> Wish<'h> {
    /// The first that is there counts, known or not: what a request says first it means.
    pub fn of(head: &Head<'h>) -> Option<Self> {
        let field = head.field(FIELD).map(|id| Self { source: Source::Field, id: id.trim() });
        field
            .or_else(|| query(head.query?).map(|id| Self { source: Source::Query, id }))
            .or_else(|| cookie(head).map(|id| Self { source: Source::Cookie, id }))
    }

    /// Whether the request opens a page anew, and only a cookie says where its predecessor came from.
    pub fn is_renewed(&self, head: &Head<'_>) -> bool {
        self.source == Source::Cookie && head.field("sec-fetch-mode") == Some("navigate")
    }
}

/// A name needs no escapes, so it is compared as it was sent.
fn query(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix(PARAMETER)?.strip_prefix('='))
}

fn cookie<'h>(head: &Head<'h>) -> Option<&'h str> {
    let named = |name: &str| {
        let pairs = head.fields("cookie").flat_map(|field| field.split(';')).filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim())
    };
    COOKIES.into_iter().find_map(named)
}

/// Whether a text can be the name of a deployment: a word of at most [`ID_BYTES_MAX`] letters, digits, `-`, `_` and `.`
/// that does not begin with a dot. Nothing else becomes a cookie's value, a cache key or the name of a folder.
pub fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= ID_BYTES_MAX
        && !text.starts_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Whether an answer is a page that may set the cookie: HTML, and no failure.
pub fn is_page(status: StatusCode, content_type: Option<&[u8]>) -> bool {
    const HTML: &[u8] = b"text/html";
    let is_html = |value: &[u8]| value.get(..HTML.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(HTML));
    !status.is_informational() && status.as_u16() < 400 && content_type.is_some_and(is_html)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wish(query: Option<&'static str>, fields: &[(&'static str, &'static str)]) -> Option<(Source, &'static str)> {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| httparse::Header { name, value: value.as_bytes() }).collect();
        let head = Head { method: "GET", path: "/", query, fields: &fields, http11: true, host: "h" };
        let wish = Wish::of(&head)?;
        let known = ["1", "2", "3", "4", "a b", ""];
        Some((wish.source, known.into_iter().find(|id| *id == wish.id)?))
    }

    #[test]
    fn the_field_comes_before_the_query_and_the_query_before_the_cookie() {
        let (field, cookie) = (("X-Amplify-Dpl", " 1 "), ("Cookie", "a=b; __dpl=3; c=d"));
        for (query, fields, expected) in [
            (Some("dpl=2"), &[field, cookie][..], Some((Source::Field, "1"))),
            (Some("x=y&dpl=2&dpl=3"), &[cookie], Some((Source::Query, "2"))),
            (Some("xdpl=2&dplx=1&dpl"), &[cookie], Some((Source::Cookie, "3"))),
            (None, &[("cookie", "_dpl=4")], Some((Source::Cookie, "4"))),
            (None, &[("cookie", "_dpl=4"), ("cookie", "__dpl=3")], Some((Source::Cookie, "3"))),
            (None, &[("cookie", "a__dpl=4; __dpl")], None),
            (Some("dpl="), &[cookie], Some((Source::Query, ""))),
            (None, &[("x-amplify-dpl", "a b"), cookie], Some((Source::Field, "a b"))),
            (None, &[], None),
        ] {
            assert_eq!(wish(query, fields), expected, "{query:?} {fields:?}");
        }
    }

    #[test]
    fn only_words_are_names() {
        for (text, expected) in [
            ("1234567890", true),
            ("v1.2_b-c", true),
            ("", false),
            (".", false),
            ("..", false),
            (".hidden", false),
            ("a/b", false),
            ("a b", false),
            ("a;b", false),
            ("ä", false),
            ("a\r\nb", false),
        ] {
            assert_eq!(is_id(text), expected, "{text:?}");
        }
        assert!(is_id(&"x".repeat(ID_BYTES_MAX)) && !is_id(&"x".repeat(ID_BYTES_MAX + 1)));
    }

    #[test]
    fn only_pages_set_the_cookie() {
        for (status, content_type, expected) in [
            (200, Some("text/html"), true),
            (302, Some("Text/HTML; charset=utf-8"), true),
            (404, Some("text/html"), false),
            (103, Some("text/html"), false),
            (200, Some("text/plain"), false),
            (200, None, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(is_page(status, content_type.map(str::as_bytes)), expected, "{status} {content_type:?}");
        }
    }

    proptest! {
        #[test]
        fn any_request_is_read_and_what_is_found_stands_in_it(query in ".{0,60}", cookie in ".{0,60}") {
            let fields = [httparse::Header { name: "cookie", value: cookie.as_bytes() }];
            let head =
                Head { method: "GET", path: "/", query: Some(&query), fields: &fields, http11: true, host: "h" };
            if let Some(wish) = Wish::of(&head) {
                let found = match wish.source {
                    Source::Query => query.contains(wish.id),
                    Source::Cookie => cookie.contains(wish.id),
                    Source::Field => false,
                };
                prop_assert!(found);
            }
        }
    }
}
