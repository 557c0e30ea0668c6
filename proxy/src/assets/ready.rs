//! Hot: answers to plain requests for files, whose heads are already written.
//!
//! A request is plain when it is answered 200 or 304 and asks for no range. Whether it is, and by which variant it is
//! answered, is decided by the same functions as everywhere else ([`super::answer`]); only the writing is spared.

use std::sync::OnceLock;

use bytes::BytesMut;
use http::StatusCode;

use super::{
    answer::{self, Policy},
    conditional::{self, Verdict},
    content::Content,
    pack::{Found, Pack},
};
use crate::answer::{Answer, Head};

/// The heads of a variant's answers, without what depends on the request or its route.
#[derive(Debug, Default)]
pub(super) struct Heads {
    whole: OnceLock<Box<[u8]>>,
    not_modified: OnceLock<Box<[u8]>>,
}

/// An answer in two pieces that are borrowed from the pack. `Cache-Control` and the connection's own fields are to
/// follow the head.
#[derive(Clone, Copy, Debug)]
pub struct Ready<'p> {
    /// 200 or 304.
    pub status: StatusCode,
    /// The status line and the fields that are always the same, each line with its end.
    pub head: &'p [u8],
    /// The content; none for the 304 and for HEAD.
    pub content: Option<&'p Content>,
}

/// The answer to a plain request; none for every other one, which [`answer`](answer::answer) takes.
pub fn ready<'p>(pack: &'p Pack, path: &[u8], head: &Head<'_>, policy: &Policy<'_>) -> Option<Ready<'p>> {
    if !head.is_read() || head.field("range").is_some() || answer::has_encoded_slash(head.path) {
        return None;
    }
    let Found::File(_, file) = pack.find(path, policy.lookup)? else { return None };
    let variant = answer::select(file, head);
    match conditional::evaluate(head, answer::validators(file, variant)) {
        Verdict::Failed => None,
        Verdict::Proceed => Some(Ready {
            status: StatusCode::OK,
            head: variant.heads.whole.get_or_init(|| lines(&answer::whole(file, variant))),
            content: (head.method == "GET").then_some(&variant.body),
        }),
        Verdict::NotModified => Some(Ready {
            status: StatusCode::NOT_MODIFIED,
            head: variant.heads.not_modified.get_or_init(|| lines(&answer::not_modified(file, variant))),
            content: None,
        }),
    }
}

fn lines(answer: &Answer) -> Box<[u8]> {
    let mut head = BytesMut::with_capacity(512);
    answer.write_head(&mut head);
    (&*head).into()
}
