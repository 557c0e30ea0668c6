//! Hot: a request path without its percent-encoding.

/// The bytes that a request path names: percent-encoding is undone, once.
///
/// A path without escapes is returned as it is; others are written to `scratch`, which is cleared first and can be
/// reused for the next request. An escape that is none (`%`, `%2`, `%zz`) stands for itself, so every path has exactly
/// one meaning. What comes out is text for comparison, not a file name: it may hold NUL, `..` and empty segments,
/// nothing is merged or resolved, and it need not be UTF-8.
pub fn decode<'a>(raw: &'a str, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let raw = raw.as_bytes();
    if !raw.contains(&b'%') {
        return raw;
    }
    scratch.clear();
    scratch.extend(percent_encoding::percent_decode(raw));
    scratch
}
