//! Hot: the custom headers of one path, and which of them go with which answer.

use std::{num::NonZeroU32, sync::Arc};

use edgeplane_config::{HeaderField, HeaderRule};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, SET_COOKIE, VARY},
};
use indexmap::IndexMap;

use crate::answer::Answer;

/// The fields of all rules that match a path. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Overlay(Arc<Laid>);

#[derive(Debug)]
struct Laid {
    number: Option<NonZeroU32>,
    fields: Box<[HeaderField]>,
}

impl Overlay {
    /// The fields of rules in their order; of a name that several have, the last one's. `number` tells it from every
    /// other overlay of the deployment; one that is made for a single request has none.
    pub(super) fn new<'r>(rules: impl IntoIterator<Item = &'r HeaderRule>, number: Option<NonZeroU32>) -> Self {
        let mut fields: IndexMap<&HeaderName, &HeaderField> = IndexMap::new();
        for field in rules.into_iter().flat_map(|rule| &rule.fields) {
            fields.insert(&field.name, field);
        }
        Self(Arc::new(Laid { number, fields: fields.into_values().cloned().collect() }))
    }

    /// Tells it from every other overlay of the deployment, where it is kept.
    pub fn number(&self) -> Option<NonZeroU32> {
        self.0.number
    }

    /// All fields, whatever the answer is.
    pub fn all(&self) -> &[HeaderField] {
        &self.0.fields
    }

    /// The fields that go with an answer of this status.
    ///
    /// "Cache-Control headers apply only to 200 OK": as with the manifest's `cacheControl`, that is extended to 206 and
    /// 304, which speak of the same content. So is `Content-Encoding`: an error has a content of its own.
    pub fn fields(&self, status: StatusCode) -> impl Iterator<Item = &HeaderField> + Clone {
        self.0.fields.iter().filter(move |field| goes_with(&field.name, status))
    }

    /// Whether a field of an answer of this status gives way to one of these.
    pub fn replaces(&self, name: &str, status: StatusCode) -> bool {
        self.fields(status).any(|field| field.name.as_str().eq_ignore_ascii_case(name) && !adds(&field.name))
    }

    /// Whether a field stands beside those of its name that an answer has.
    pub fn adds(&self, field: &HeaderField) -> bool {
        adds(&field.name)
    }

    /// `Cache-Control`, which takes the place of the route's.
    pub fn cache_control(&self) -> Option<&HeaderValue> {
        self.value(&CACHE_CONTROL)
    }

    /// The same as a field, for whoever asks about an answer of any status whether it may be transformed: who forbids it for
    /// a path means its errors, too.
    pub fn word(&self) -> Option<(&str, &[u8])> {
        self.cache_control().map(|value| (CACHE_CONTROL.as_str(), value.as_bytes()))
    }

    /// The same, for an answer of this status.
    pub fn cache_control_of(&self, status: StatusCode) -> Option<&HeaderValue> {
        self.cache_control().filter(|_| goes_with(&CACHE_CONTROL, status))
    }

    /// Whether files are said to be encoded already, so that no other encoding may be chosen.
    pub fn encodes(&self) -> bool {
        self.value(&CONTENT_ENCODING).is_some()
    }

    /// Whether other sites are allowed in, so that a browser may ask with OPTIONS first (Fetch 3.3.5).
    pub fn allows_origins(&self) -> bool {
        self.value(&ACCESS_CONTROL_ALLOW_ORIGIN).is_some()
    }

    /// Lays the fields over an answer of ours, but for `Cache-Control`: whoever made the answer has asked for
    /// [`cache_control`](Self::cache_control) and knows where it does not count.
    pub fn lay(&self, answer: &mut Answer) {
        // Parts of a file come in an envelope whose type says where one begins.
        let is_multipart =
            answer.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/"));
        for HeaderField { name, value, .. } in self.fields(answer.status) {
            if *name == CACHE_CONTROL || (is_multipart && *name == CONTENT_TYPE) {
                continue;
            }
            if adds(name) {
                answer.headers.append(name, value.clone());
            } else {
                answer.headers.insert(name, value.clone());
            }
        }
    }

    fn value(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.0.fields.iter().find(|field| field.name == name).map(|field| &field.value)
    }
}

/// Whether a field says something about the content that is wrong about any other.
fn goes_with(name: &HeaderName, status: StatusCode) -> bool {
    (*name != CACHE_CONTROL && *name != CONTENT_ENCODING)
        || matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED)
}

/// What an answer varies by it goes on varying by, and a cookie more is no cookie less.
fn adds(name: &HeaderName) -> bool {
    *name == VARY || *name == SET_COOKIE
}
