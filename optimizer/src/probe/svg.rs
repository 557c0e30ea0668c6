//! Whether a text is an SVG document, in one pass over a bounded prefix.
//!
//! SVG is never parsed and never drawn here; it only has to be told from everything else, and in linear time, since
//! an attacker chooses the text.

/// Bytes looked at. The root element of a real file comes long before.
const PREFIX: usize = 4096;

/// Whether the first element of the document is `svg`, after a byte order mark, white space, an XML declaration,
/// processing instructions, comments and a document type.
pub(super) fn is_svg(source: &[u8]) -> bool {
    let prefix = source.get(..PREFIX).unwrap_or(source);
    let mut rest = prefix.strip_prefix(b"\xef\xbb\xbf").unwrap_or(prefix);
    loop {
        rest = rest.trim_ascii_start();
        rest = if let Some(after) = rest.strip_prefix(b"<!--") {
            match after_first(after, b"-->") {
                Some(rest) => rest,
                None => return false,
            }
        } else if let Some(after) = rest.strip_prefix(b"<?") {
            match after_first(after, b"?>") {
                Some(rest) => rest,
                None => return false,
            }
        } else if is_doctype(rest) {
            match after_doctype(rest) {
                Some(rest) => rest,
                None => return false,
            }
        } else {
            return is_root(rest);
        };
    }
}

/// `<svg`, or a prefixed `<svg:svg`, followed by what may end a name. XML names are case-sensitive.
fn is_root(rest: &[u8]) -> bool {
    let Some(name) = rest.strip_prefix(b"<svg:svg").or_else(|| rest.strip_prefix(b"<svg")) else { return false };
    matches!(name.first(), Some(b'>' | b'/' | b' ' | b'\t' | b'\r' | b'\n'))
}

fn is_doctype(rest: &[u8]) -> bool {
    rest.get(..9).is_some_and(|word| word.eq_ignore_ascii_case(b"<!doctype"))
}

/// What follows the declaration; an internal subset (`[ ... ]`) may hold `>` of its own.
fn after_doctype(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.iter().position(|byte| matches!(byte, b'>' | b'['))?;
    if rest[end] == b'>' {
        return rest.get(end + 1..);
    }
    after_first(after_first(rest.get(end..)?, b"]")?, b">")
}

fn after_first<'a>(text: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    let at = text.windows(end.len()).position(|window| window == end)?;
    text.get(at + end.len()..)
}
