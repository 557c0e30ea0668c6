//! Hot: a file as the page for what is not found.

use http::{HeaderValue, StatusCode, header};

use super::{Outcome, Pack, Policy, answer};
use crate::answer::{Answer, Head};

/// The file at `path` with the status 404; none where there is no such file.
///
/// It is answered in full: a condition or a range was about what is not there.
pub fn page(pack: &Pack, path: &[u8], head: &Head<'_>, policy: &Policy<'_>) -> Option<Answer> {
    let is_wanted = |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case("accept-encoding");
    let fields: Vec<_> = head.fields.iter().filter(is_wanted).copied().collect();
    let Outcome::Answer(mut answer) = answer(pack, path, &Head { fields: &fields, ..*head }, policy) else {
        return None;
    };
    if answer.status != StatusCode::OK {
        return None;
    }
    answer.status = StatusCode::NOT_FOUND;
    for name in [header::ACCEPT_RANGES, header::ETAG, header::LAST_MODIFIED] {
        answer.headers.remove(name);
    }
    // As of every other 404: a mistake should not outlive its mending.
    answer.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(answer)
}
