//! Hot: the name an image is saved under (RFC 6266).

use std::fmt::Write;

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Characters of a name; longer ones are cut.
const NAME_MAX: usize = 100;

/// What RFC 8187 lets stand unencoded in `filename*`.
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `Content-Disposition` for an image whose source is at `path` (percent-encoded) and whose type has `extension`.
///
/// The stem is the last segment up to its first dot, or `image` where that is empty. SVG is offered as a download, since
/// it can carry scripts; everything else is shown.
pub(super) fn content_disposition(path: &str, extension: &str, attachment: bool) -> HeaderValue {
    let segment = path.rsplit('/').next().unwrap_or_default();
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    let stem = decoded.split('.').next().unwrap_or_default();
    let stem: String = stem.chars().filter(|char| !char.is_control()).take(NAME_MAX).collect();
    let stem = if stem.is_empty() { "image" } else { &stem };
    let plain = |char: char| char.is_ascii_alphanumeric() || " -_~+=@,()".contains(char);
    let kind = if attachment { "attachment" } else { "inline" };
    let ascii: String = stem.chars().map(|char| if plain(char) { char } else { '_' }).collect();
    let mut text = format!("{kind}; filename=\"{ascii}.{extension}\"");
    if ascii != stem {
        // Writing to a string cannot fail.
        let _ = write!(text, "; filename*=UTF-8''{}.{extension}", utf8_percent_encode(stem, ATTRIBUTE));
    }
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("inline"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_stem_with_the_extension_of_what_is_sent() {
        // Rows 145 to 150, with names decoded and quoted as RFC 6266 wants.
        let cases = [
            ("/a/b/test.png", "webp", r#"inline; filename="test.webp""#),
            ("/a/b/test.tar.png", "avif", r#"inline; filename="test.avif""#),
            ("/a/b/", "png", r#"inline; filename="image.png""#),
            ("/a/.png", "jpeg", r#"inline; filename="image.jpeg""#),
            ("/a/nome", "jpeg", r#"inline; filename="nome.jpeg""#),
            ("/%20a.png", "webp", r#"inline; filename=" a.webp""#),
            ("/a%22b.png", "webp", r#"inline; filename="a_b.webp"; filename*=UTF-8''a%22b.webp"#),
            ("/%C3%A9.png", "webp", r#"inline; filename="_.webp"; filename*=UTF-8''%C3%A9.webp"#),
            ("/a%0d%0ax-evil:1.png", "webp", r#"inline; filename="ax-evil_1.webp"; filename*=UTF-8''ax-evil%3A1.webp"#),
            ("/%ff.png", "webp", r#"inline; filename="_.webp"; filename*=UTF-8''%EF%BF%BD.webp"#),
        ];
        for (path, extension, expected) in cases {
            assert_eq!(content_disposition(path, extension, false), expected, "{path}");
        }
        assert_eq!(content_disposition("/logo.svg", "svg", true), r#"attachment; filename="logo.svg""#);
    }
}
