//! Hot: what a request for a file is answered.
//!
//! 1. The method: files can be read and nothing else (405).
//! 2. The name: one look-up in memory, or two (`lookup`). What is not in the pack does not exist.
//! 3. The variant: `encoding`.
//! 4. The preconditions (304, 412): `conditional`.
//! 5. The range (206, 416): `range`.
//!
//! `Cache-Control` goes with 200, which is what the specification says, and also with 304, where RFC 9110 15.4.5
//! demands it, and 206, which is a part of the same content. It never goes with an error. Security fields such as
//! `X-Content-Type-Options` are not added here: Amplify sends none, and custom headers are where an app asks for them.
//! Those are laid over the answer by whoever writes it ([`Overlay`]); here only what they decide counts.

use edgeplane_config::StaticSettings;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{
        ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED,
        LOCATION, VARY,
    },
};

use super::{
    conditional::{self, Validators, Verdict},
    lookup::Lookup,
    multipart,
    pack::{File, Found, Pack, Variant},
    range::Ranges,
};
use crate::{
    answer::{Answer, Body, Head},
    coding::AcceptEncoding,
    headers::Overlay,
};

/// What the route and the settings say about answers.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// `Cache-Control` of successful answers.
    pub cache_control: Option<&'a HeaderValue>,
    /// Ranges answered in one request; of more than these the whole file is sent.
    pub ranges_max: usize,
    /// Which ways of naming a file count.
    pub lookup: Lookup,
    /// The custom headers of the path that was asked for.
    pub overlay: Option<&'a Overlay>,
}

impl<'a> Policy<'a> {
    /// The policy of one route: the settings, with the `Cache-Control` that was decided on.
    pub fn new(settings: &StaticSettings, cache_control: &'a HeaderValue) -> Self {
        let (ranges_max, lookup) = (settings.ranges_max, Lookup::new(settings));
        Self { cache_control: Some(cache_control), ranges_max, lookup, overlay: None }
    }

    /// The same with custom headers, whose `Cache-Control` takes the place of the route's: `cacheControl` "is overridden
    /// by custom headers".
    #[must_use]
    pub fn under(self, overlay: Option<&'a Overlay>) -> Self {
        let cache_control = overlay.and_then(Overlay::cache_control).or(self.cache_control);
        Self { cache_control, overlay, ..self }
    }

    /// The same for an address that a rule has put in the place of the client's.
    #[must_use]
    pub fn without_redirects(self) -> Self {
        Self { lookup: self.lookup.without_redirects(), ..self }
    }

    /// The same for other ways of naming a file.
    #[must_use]
    pub fn by(self, lookup: Lookup) -> Self {
        Self { lookup, ..self }
    }
}

/// How a request for a file ends.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// With an answer.
    Answer(Answer),
    /// There is no such file: 404, or what the route's fallback says.
    Missing,
}

/// Answers a request for the file named by a decoded path.
pub fn answer(pack: &Pack, path: &[u8], head: &Head<'_>, policy: &Policy<'_>) -> Outcome {
    if head.method == "OPTIONS" && policy.overlay.is_some_and(Overlay::allows_origins) {
        // A browser takes nothing but a 2xx for an answer to what it asks beforehand (Fetch 4.8).
        return Outcome::Answer(allowing(StatusCode::NO_CONTENT, "GET, HEAD, OPTIONS"));
    }
    if !head.is_read() {
        // With what is allowed (RFC 9110 15.5.6).
        return Outcome::Answer(allowing(StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
    }
    // An encoded slash is part of a name and no separator, and no file of a pack has a slash in its name.
    if has_encoded_slash(head.path) {
        return Outcome::Missing;
    }
    match pack.find(path, policy.lookup) {
        Some(Found::File(_, file)) => Outcome::Answer(read(file, head, policy)),
        Some(Found::Folder) => to_folder(head).map_or(Outcome::Missing, Outcome::Answer),
        None => Outcome::Missing,
    }
}

/// 301 to the same address with a slash behind its path, and with its query.
///
/// The path names a folder of the pack, so it cannot begin with two slashes and lead to another host.
fn to_folder(head: &Head<'_>) -> Option<Answer> {
    let query = head.query.map(|query| format!("?{query}")).unwrap_or_default();
    let mut answer = bare(StatusCode::MOVED_PERMANENTLY);
    answer.headers.insert(LOCATION, HeaderValue::from_str(&format!("{}/{query}", head.path)).ok()?);
    // A browser may keep a 301 for ever (RFC 9111 4.2.2), and the next deployment may have a page of this name.
    answer.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Some(answer)
}

/// Answers a GET or HEAD for a file that exists.
pub(super) fn read(file: &File, head: &Head<'_>, policy: &Policy<'_>) -> Answer {
    let variant = select(file, head, policy);
    let current = validators(file, variant);
    match conditional::evaluate(head, current) {
        Verdict::Failed => bare(StatusCode::PRECONDITION_FAILED),
        Verdict::NotModified => cached(not_modified(file, variant), policy),
        Verdict::Proceed => {
            let len = variant.body.len() as u64;
            match conditional::ranges(head, current, len, policy.ranges_max) {
                Ranges::Whole => cached(whole(file, variant), policy),
                Ranges::One(range) => {
                    let value = multipart::content_range(&range, variant.body.len());
                    let mut answer = cached(whole(file, variant), policy);
                    answer.status = StatusCode::PARTIAL_CONTENT;
                    answer.body = Body::File(multipart::window(&variant.body, &range));
                    insert(&mut answer.headers, CONTENT_RANGE, &value);
                    answer
                }
                Ranges::Many(ranges) => {
                    let boundary = current.etag.trim_matches('"');
                    let mut answer = cached(whole(file, variant), policy);
                    answer.status = StatusCode::PARTIAL_CONTENT;
                    answer.body = Body::Parts(multipart::parts(&variant.body, &ranges, &file.media_type, boundary));
                    let value = format!("multipart/byteranges; boundary={boundary}");
                    insert(&mut answer.headers, CONTENT_TYPE, &value);
                    answer
                }
                Ranges::Unsatisfiable => {
                    let mut answer = bare(StatusCode::RANGE_NOT_SATISFIABLE);
                    insert(&mut answer.headers, CONTENT_RANGE, &format!("bytes */{len}"));
                    answer
                }
            }
        }
    }
}

/// The variant a request is answered with. A file that is said to be encoded already is sent as it is.
pub(super) fn select<'f>(file: &'f File, head: &Head<'_>, policy: &Policy<'_>) -> &'f Variant {
    if !file.has_variants() || policy.overlay.is_some_and(Overlay::encodes) {
        return &file.identity;
    }
    let coding = AcceptEncoding::of(head).choose(|coding| file.variant(coding).is_some());
    file.variant(coding).unwrap_or(&file.identity)
}

/// What preconditions are compared with.
pub(super) fn validators<'f>(file: &File, variant: &'f Variant) -> Validators<'f> {
    Validators {
        etag: variant.etag.to_str().unwrap_or_default(),
        modified: file.modified,
        modified_is_strong: !file.has_variants(),
    }
}

/// 200.
pub(super) fn whole(file: &File, variant: &Variant) -> Answer {
    let mut answer = not_modified(file, variant);
    answer.status = StatusCode::OK;
    let headers = &mut answer.headers;
    headers.insert(CONTENT_TYPE, file.media_type.clone());
    headers.insert(LAST_MODIFIED, file.last_modified.clone());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(token) = variant.coding.token() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(token));
    }
    answer
}

/// 304: of the fields of the 200 only those that RFC 9110 15.4.5 lists. The entity tag makes a date superfluous.
///
/// The content goes along for its length and is not sent.
pub(super) fn not_modified(file: &File, variant: &Variant) -> Answer {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(ETAG, variant.etag.clone());
    if file.has_variants() {
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    Answer { status: StatusCode::NOT_MODIFIED, headers, body: Body::File(variant.body.clone()) }
}

/// An answer with the policy's `Cache-Control`.
fn cached(mut answer: Answer, policy: &Policy<'_>) -> Answer {
    if let Some(value) = policy.cache_control {
        answer.headers.insert(CACHE_CONTROL, value.clone());
    }
    answer
}

/// A status, and the methods that are allowed.
fn allowing(status: StatusCode, methods: &'static str) -> Answer {
    let mut answer = bare(status);
    answer.headers.insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

/// A status and nothing else.
fn bare(status: StatusCode) -> Answer {
    Answer { status, headers: HeaderMap::new(), body: Body::Empty }
}

/// Sets a field to a text of our making, which holds nothing but printable ASCII.
fn insert(headers: &mut HeaderMap, name: http::HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// Whether the path as sent has a `%2F`.
pub(super) fn has_encoded_slash(path: &str) -> bool {
    path.split('%').skip(1).any(|after| matches!(after.as_bytes(), [b'2', b'f' | b'F', ..]))
}
