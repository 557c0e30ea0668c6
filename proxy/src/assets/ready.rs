//! Hot: answers to plain requests for files, whose heads are already written.
//!
//! A request is plain when it is answered 200 or 304 and asks for no range. Whether it is, and by which variant it is
//! answered, is decided by the same functions as everywhere else ([`super::answer`]); only the writing is spared.

use std::sync::OnceLock;

use bytes::BytesMut;
use http::{HeaderMap, StatusCode};

use super::{
    answer::{self, Policy},
    conditional::{self, Verdict},
    content::Content,
    pack::{Found, Pack},
};
use crate::answer::{Answer, Head, fields};

/// Custom headers under which the heads of one file are kept, none included. A file has a path or two; rewrites may lead
/// many more to it, and what is beyond this is written for each request.
const OVERLAYS_MAX: usize = 8;

/// The heads of a variant's answers, without what depends on the request or its route.
#[derive(Debug, Default)]
pub(super) struct Heads {
    whole: Lines,
    not_modified: Lines,
}

/// One head, as custom headers make several of it. They are written when they are first needed, and never changed.
#[derive(Debug, Default)]
struct Lines(OnceLock<Box<Written>>);

#[derive(Debug)]
struct Written {
    /// The number of the overlay; 0 for none.
    under: u32,
    prepared: Prepared,
    next: Lines,
}

/// A head that was written before it was asked for.
#[derive(Debug)]
pub struct Prepared {
    lines: Box<[u8]>,
    /// The same for HTTP/2, made when it is first asked for there.
    fields: OnceLock<Box<HeaderMap>>,
}

impl Prepared {
    fn new(lines: Box<[u8]>) -> Self {
        Self { lines, fields: OnceLock::new() }
    }

    /// The status line and the fields, each line with its end.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// The fields.
    pub fn fields(&self) -> &HeaderMap {
        self.fields.get_or_init(|| Box::new(fields(&self.lines)))
    }
}

impl Lines {
    /// The head under an overlay; none where there are too many others.
    fn under(&self, overlay: u32, write: impl Fn() -> Box<[u8]>) -> Option<&Prepared> {
        let mut place = self;
        for _ in 0..OVERLAYS_MAX {
            let written = place.0.get_or_init(|| {
                Box::new(Written { under: overlay, prepared: Prepared::new(write()), next: Self::default() })
            });
            if written.under == overlay {
                return Some(&written.prepared);
            }
            place = &written.next;
        }
        None
    }
}

/// An answer in two pieces that are borrowed from the pack. `Cache-Control` and the connection's own fields are to
/// follow the head.
#[derive(Clone, Copy, Debug)]
pub struct Ready<'p> {
    /// 200 or 304.
    pub status: StatusCode,
    /// The status line and the fields that are always the same.
    pub head: &'p Prepared,
    /// The content; none for the 304 and for HEAD.
    pub content: Option<&'p Content>,
}

/// The answer to a plain request; none for every other one, which [`answer`](answer::answer) takes.
pub fn ready<'p>(pack: &'p Pack, path: &[u8], head: &Head<'_>, policy: &Policy<'_>) -> Option<Ready<'p>> {
    if !head.is_read() || head.field("range").is_some() || answer::has_encoded_slash(head.path) {
        return None;
    }
    let Found::File(_, file) = pack.find(path, policy.lookup)? else { return None };
    let under = match policy.overlay {
        None => 0,
        Some(overlay) => overlay.number()?.get(),
    };
    let variant = answer::select(file, head, policy);
    let (status, head, content) = match conditional::evaluate(head, answer::validators(file, variant)) {
        Verdict::Failed => return None,
        Verdict::Proceed => {
            let lines = variant.heads.whole.under(under, || lines(answer::whole(file, variant), policy))?;
            (StatusCode::OK, lines, (head.method == "GET").then_some(&variant.body))
        }
        Verdict::NotModified => {
            let lines =
                variant.heads.not_modified.under(under, || lines(answer::not_modified(file, variant), policy))?;
            (StatusCode::NOT_MODIFIED, lines, None)
        }
    };
    Some(Ready { status, head, content })
}

fn lines(mut answer: Answer, policy: &Policy<'_>) -> Box<[u8]> {
    if let Some(overlay) = policy.overlay {
        overlay.lay(&mut answer);
    }
    let mut head = BytesMut::with_capacity(512);
    answer.write_head(&mut head);
    (&*head).into()
}
