//! Hot: several ranges in one answer, as `multipart/byteranges` (RFC 9110 14.6).

use std::ops::Range;

use http::HeaderValue;

use super::content::Content;
use crate::answer::Piece;

/// The parts of an answer: small texts around windows of the content, which is not copied.
///
/// The boundary is the content's own hash, which the content can hardly contain. `media_type` is repeated in each
/// part, as RFC 9110 15.3.7.2 asks.
pub(super) fn parts(content: &Content, ranges: &[Range<u64>], media_type: &HeaderValue, boundary: &str) -> Vec<Piece> {
    let len = content.len();
    let mut parts = Vec::with_capacity(ranges.len() * 2 + 1);
    for range in ranges {
        let mut text = Vec::with_capacity(192);
        if !parts.is_empty() {
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(format!("--{boundary}\r\nContent-Type: ").as_bytes());
        text.extend_from_slice(media_type.as_bytes());
        text.extend_from_slice(format!("\r\nContent-Range: {}\r\n\r\n", content_range(range, len)).as_bytes());
        parts.push(Piece::Text(text.into()));
        parts.push(Piece::File(window(content, range)));
    }
    parts.push(Piece::Text(format!("\r\n--{boundary}--\r\n").into()));
    parts
}

/// The value of `Content-Range` for a part that is there (RFC 9110 14.4).
pub(super) fn content_range(range: &Range<u64>, len: usize) -> String {
    format!("bytes {}-{}/{len}", range.start, range.end.saturating_sub(1))
}

/// A part of a content, without copying it; cut to the content.
pub(super) fn window(content: &Content, range: &Range<u64>) -> Content {
    let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
    content.slice(at(range.start)..at(range.end))
}
