//! Hot: preconditions (RFC 9110 13). Each field is a type that knows its own rule; [`evaluate`] knows their order.

use std::time::UNIX_EPOCH;

use super::range::Ranges;
use crate::answer::Head;

/// What a client's validators are compared with: those of the selected variant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validators<'a> {
    /// The entity tag, quotes included. Of a file always strong: it is a hash of the encoded bytes.
    pub(crate) etag: &'a str,
    /// `Last-Modified`, in seconds since 1970.
    pub(crate) modified: u64,
    /// Whether the date tells this variant from every other: not where encoded variants share it.
    pub(crate) modified_is_strong: bool,
}

/// What the preconditions ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The method, as if there were none.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client thought.
    Failed,
}

/// Evaluates the preconditions of a GET or HEAD in the order of RFC 9110 13.2.2; the numbers are its steps.
/// Step 5 is [`if_range_holds`], which only a request for ranges needs.
pub(crate) fn evaluate(head: &Head<'_>, current: Validators<'_>) -> Verdict {
    // 1 and 2: a date is looked at only where there is no If-Match.
    let wanted = match EntityTags::find(head, "if-match") {
        Some(tags) => tags.any(|tag| tag.is_strongly(current.etag)),
        None => Date::find(head, "if-unmodified-since").is_none_or(|date| current.modified <= date.0),
    };
    if !wanted {
        return Verdict::Failed;
    }
    // 3 and 4: likewise with If-None-Match.
    let known = match EntityTags::find(head, "if-none-match") {
        Some(tags) => tags.any(|tag| tag.is_weakly(current.etag)),
        None => Date::find(head, "if-modified-since").is_some_and(|date| current.modified <= date.0),
    };
    if known { Verdict::NotModified } else { Verdict::Proceed }
}

/// If-Range (RFC 9110 13.1.5): whether the parts the client has are parts of this variant.
///
/// The field holds one entity tag, compared strongly, or one date, which must be exactly ours and a strong validator.
/// Anything else means no, and no means the whole content.
pub(super) fn if_range_holds(head: &Head<'_>, current: Validators<'_>) -> bool {
    let mut values = head.fields("if-range");
    let Some(value) = values.next() else { return true };
    if values.next().is_some() {
        return false;
    }
    match EntityTag::parse(value.trim()) {
        Some((tag, "")) => tag.is_strongly(current.etag),
        Some(_) => false,
        None => current.modified_is_strong && Date::parse(value).is_some_and(|date| date.0 == current.modified),
    }
}

/// Which parts the request asks for: Range counts only for GET (RFC 9110 14.2) and where If-Range holds.
pub(crate) fn ranges(head: &Head<'_>, current: Validators<'_>, len: u64, ranges_max: usize) -> Ranges {
    let mut values = head.fields("range");
    match (values.next(), values.next()) {
        (Some(value), None) if head.method == "GET" && if_range_holds(head, current) => {
            Ranges::parse(value, len, ranges_max)
        }
        _ => Ranges::Whole,
    }
}

/// One entity tag (RFC 9110 8.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EntityTag<'a> {
    weak: bool,
    /// Quotes included.
    opaque: &'a str,
}

impl<'a> EntityTag<'a> {
    /// The tag at the front of a text, and what follows it.
    fn parse(text: &'a str) -> Option<(Self, &'a str)> {
        let (weak, rest) = match text.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let inner = rest.strip_prefix('"')?;
        let (opaque, rest) = rest.split_at(inner.find('"')? + 2);
        Some((Self { weak, opaque }, rest))
    }

    /// Strong comparison (RFC 9110 8.8.3.2): both strong and the same.
    fn is_strongly(self, etag: &str) -> bool {
        !self.weak && self.opaque == etag
    }

    /// Weak comparison: the same, strong or not.
    fn is_weakly(self, etag: &str) -> bool {
        self.opaque == etag
    }
}

/// If-Match and If-None-Match (RFC 9110 13.1.1, 13.1.2): `*`, or entity tags on one or several lines.
struct EntityTags<'h> {
    head: &'h Head<'h>,
    name: &'static str,
}

impl<'h> EntityTags<'h> {
    fn find(head: &'h Head<'h>, name: &'static str) -> Option<Self> {
        head.fields(name).next().map(|_| Self { head, name })
    }

    /// Whether the list is `*`, which any existing content matches, or has a tag that passes. A line is read until
    /// its first malformed member.
    fn any(&self, mut passes: impl FnMut(EntityTag<'_>) -> bool) -> bool {
        self.head.fields(self.name).any(|line| {
            let mut rest = line.trim();
            if rest == "*" {
                return true;
            }
            while let Some((tag, after)) = EntityTag::parse(rest.trim_start_matches([' ', '\t', ','])) {
                if passes(tag) {
                    return true;
                }
                rest = after;
            }
            false
        })
    }
}

/// An HTTP date (RFC 9110 5.6.7) in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Date(u64);

impl Date {
    /// The date of a field that occurs once. An invalid or repeated one is ignored (RFC 9110 13.1.3, 13.1.4).
    fn find(head: &Head<'_>, name: &str) -> Option<Self> {
        let mut values = head.fields(name);
        match (values.next(), values.next()) {
            (Some(value), None) => Self::parse(value),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let time = httpdate::parse_http_date(text.trim()).ok()?;
        time.duration_since(UNIX_EPOCH).ok().map(|since| Self(since.as_secs()))
    }
}
