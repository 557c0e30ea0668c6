//! Hot: pages that answer where no file does: the one of a single-page app, and the one that says so.

use edgeplane_config::StaticSettings;
use http::{
    HeaderValue, StatusCode,
    header::{ACCEPT_RANGES, CACHE_CONTROL, ETAG, LAST_MODIFIED},
};

use super::{
    answer::{self, Policy},
    lookup::Lookup,
    pack::{File, Found, Pack},
};
use crate::answer::{Answer, Head};

/// Whether a path that is not Static's has a page that was rendered ahead of time.
pub fn has_page(pack: &Pack, path: &[u8], head: &Head<'_>) -> bool {
    head.is_read() && !answer::has_encoded_slash(head.path) && pack.find(path, Lookup::PAGES).is_some()
}

/// The answer of a bundle without Compute to a GET or HEAD for what it does not have; none where it has no page for it.
pub fn absent(
    pack: &Pack,
    path: &[u8],
    head: &Head<'_>,
    settings: &StaticSettings,
    policy: &Policy<'_>,
) -> Option<Answer> {
    if !head.is_read() {
        return None;
    }
    // A path of the app has no dot; a script or a picture that is missing is no page.
    let names_a_file = path.rsplit(|byte| *byte == b'/').next().is_some_and(|segment| segment.contains(&b'.'));
    let app = settings.spa_page.as_ref().filter(|_| !names_a_file).and_then(|name| pack.named(name));
    if let Some(file) = app {
        return Some(answer::read(file, head, policy));
    }
    Some(missing(pack.named(settings.not_found_page.as_ref()?)?, head, policy))
}

/// The file at `path` with the status 404; none where there is no such file.
pub fn page(pack: &Pack, path: &[u8], head: &Head<'_>, policy: &Policy<'_>) -> Option<Answer> {
    let Found::File(_, file) = pack.find(path, policy.lookup)? else { return None };
    head.is_read().then(|| missing(file, head, policy))
}

/// A file as the answer for what is not found.
fn missing(file: &File, head: &Head<'_>, policy: &Policy<'_>) -> Answer {
    let mut answer = answer::whole(file, answer::select(file, head, policy));
    answer.status = StatusCode::NOT_FOUND;
    // RFC 9110 13.2.1 and 14.2: neither conditions nor ranges count for what is no 200, so nothing invites to them.
    for name in [ETAG, LAST_MODIFIED, ACCEPT_RANGES] {
        answer.headers.remove(name);
    }
    // As with every error of ours: a mistake should not outlive its mending.
    answer.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
