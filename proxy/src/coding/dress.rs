//! Hot: what compression does to the fields of an answer.

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, VARY},
};

use super::{
    accept::ContentCoding,
    judge::{Judged, is_strong},
};

/// The value that tells caches what an answer depends on.
pub(crate) const VARY_VALUE: &str = "Accept-Encoding";

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It stays.
    Same,
    /// It goes: it is wrong about compressed bytes.
    Gone,
    /// It is a tag of other bytes, and becomes a weak one: what it names is the same, its bytes are not (RFC 9110 8.8.1).
    Weak,
}

impl Judged {
    /// The coding; none where the answer goes as it is.
    pub(crate) fn coding(&self) -> Option<ContentCoding> {
        self.outcome.ok()
    }

    /// What becomes of a field. `Content-Length` is left to whoever frames the answer.
    pub(crate) fn change(&self, name: &str, value: &[u8]) -> Change {
        let compressed = self.outcome.is_ok();
        match name.len() {
            4 if (compressed || self.weakens) && name.eq_ignore_ascii_case("etag") && is_strong(value) => Change::Weak,
            // A range of these bytes is nothing that could be given again.
            13 if compressed && name.eq_ignore_ascii_case("accept-ranges") => Change::Gone,
            _ => Change::Same,
        }
    }

    /// What is to be done to the fields of an answer, or of the 304 in its place.
    pub(crate) fn edits(&self, status: StatusCode, headers: &HeaderMap) -> Edits {
        let token = self.coding().and_then(ContentCoding::token).filter(|_| status != StatusCode::NOT_MODIFIED);
        let is_weakened = |etag: &HeaderValue| self.change(ETAG.as_str(), etag.as_bytes()) == Change::Weak;
        let mut edits = Edits { removed: Vec::new(), added: Vec::new() };
        // Of several tags none is right, and none is to look as if it were one of these bytes.
        if headers.get_all(ETAG).iter().any(is_weakened) {
            edits.removed.push(ETAG);
            for etag in headers.get_all(ETAG) {
                let weak = is_weakened(etag).then(|| HeaderValue::from_bytes(&[b"W/", etag.as_bytes()].concat()).ok());
                edits.added.push((ETAG, weak.flatten().unwrap_or_else(|| etag.clone())));
            }
        }
        if self.weakens {
            // It is that of other bytes than those that the client has (RFC 9110 8.6).
            edits.removed.push(CONTENT_LENGTH);
        }
        if let Some(token) = token {
            edits.removed.extend([ACCEPT_RANGES, CONTENT_LENGTH]);
            edits.added.push((CONTENT_ENCODING, HeaderValue::from_static(token)));
        }
        if self.varies {
            edits.added.push((VARY, HeaderValue::from_static(VARY_VALUE)));
        }
        edits
    }

    /// Does it.
    pub(crate) fn dress(&self, status: StatusCode, headers: &mut HeaderMap) {
        let Edits { removed, added } = self.edits(status, headers);
        for name in removed {
            headers.remove(name);
        }
        for (name, value) in added {
            headers.append(name, value);
        }
    }
}

/// What is to be done to fields.
#[derive(Debug)]
pub(crate) struct Edits {
    pub(crate) removed: Vec<HeaderName>,
    /// After that, beside those of their names.
    pub(crate) added: Vec<(HeaderName, HeaderValue)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::Plain;

    fn judged(coding: Result<ContentCoding, Plain>, varies: bool, weakens: bool) -> Judged {
        Judged { outcome: coding, varies, weakens, events: false }
    }

    fn dressed(judged: &Judged, status: u16) -> Vec<(String, String)> {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("etag", "\"a\""), ("accept-ranges", "bytes"), ("vary", "Accept"), ("content-length", "9")]
        {
            headers.append(name, HeaderValue::from_static(value));
        }
        judged.dress(StatusCode::from_u16(status).unwrap(), &mut headers);
        let mut said: Vec<_> =
            headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        said.sort();
        said
    }

    fn fields(said: &[(&str, &str)]) -> Vec<(String, String)> {
        said.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_compressed_answer_says_nothing_that_is_wrong_about_its_bytes() {
        let said = dressed(&judged(Ok(ContentCoding::Gzip), true, false), 200);
        let expected =
            [("content-encoding", "gzip"), ("etag", "W/\"a\""), ("vary", "Accept"), ("vary", "Accept-Encoding")];
        assert_eq!(said, fields(&expected));
    }

    #[test]
    fn one_that_goes_as_it_is_says_at_most_that_it_might_have_been_another() {
        let said = dressed(&judged(Err(Plain::Client), true, false), 200);
        let same = [("accept-ranges", "bytes"), ("content-length", "9"), ("etag", "\"a\"")];
        assert_eq!(said, fields(&[&same[..], &[("vary", "Accept"), ("vary", "Accept-Encoding")]].concat()));
        let said = dressed(&judged(Err(Plain::Type), false, false), 200);
        assert_eq!(said, fields(&[&same[..], &[("vary", "Accept")]].concat()));
    }

    #[test]
    fn a_304_names_the_tag_that_the_client_has() {
        for judged in [judged(Ok(ContentCoding::Zstd), true, false), judged(Err(Plain::Status), true, true)] {
            let said = dressed(&judged, 304);
            assert!(said.contains(&("etag".to_owned(), "W/\"a\"".to_owned())), "{said:?}");
            assert_eq!(said.iter().any(|(name, _)| name == "content-length"), !judged.weakens, "{said:?}");
            assert!(said.iter().all(|(name, _)| name != "content-encoding"), "{said:?}");
        }
    }

    #[test]
    fn of_several_tags_none_stays_strong() {
        let mut headers = HeaderMap::new();
        for etag in ["W/\"a\"", "\"b\"", "c"] {
            headers.append(ETAG, HeaderValue::from_static(etag));
        }
        judged(Ok(ContentCoding::Gzip), false, false).dress(StatusCode::OK, &mut headers);
        assert_eq!(headers.get_all(ETAG).iter().collect::<Vec<_>>(), ["W/\"a\"", "W/\"b\"", "c"]);
    }

    #[test]
    fn weak_tags_and_those_that_are_none_stay() {
        let compressed = judged(Ok(ContentCoding::Brotli), true, false);
        for (value, change) in [("\"a\"", Change::Weak), ("W/\"a\"", Change::Same), ("a", Change::Same)] {
            assert_eq!(compressed.change("ETag", value.as_bytes()), change, "{value}");
        }
        assert_eq!(compressed.change("Accept-Ranges", b"bytes"), Change::Gone);
        assert_eq!(compressed.change("content-type", b"text/html"), Change::Same);
    }
}
