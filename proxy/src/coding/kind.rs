//! Hot: which media types shrink when they are compressed.

/// Whether content of this type shrinks: text, and binary formats that are not compressed themselves. Type and subtype
/// in lower case, without parameters.
pub(crate) fn shrinks(essence: &str) -> bool {
    is_text(essence)
        || matches!(
            essence,
            "application/wasm"
                | "application/vnd.ms-fontobject"
                | "font/ttf"
                | "font/otf"
                | "font/collection"
                | "image/bmp"
                | "image/x-icon"
        )
}

/// Whether content of this type is text.
pub(crate) fn is_text(essence: &str) -> bool {
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(
            essence,
            "application/json"
                | "application/javascript"
                | "application/xml"
                | "application/xml-dtd"
                | "application/x-ndjson"
                | "application/yaml"
                | "application/toml"
                | "application/x-sh"
                | "application/x-subrip"
        )
}

/// Events for a page that listens (HTML 9.2), one at a time for as long as it is open.
pub(super) const EVENTS: &str = "text/event-stream";

/// Type and subtype of a `Content-Type`, without parameters, as they were sent.
pub(super) fn essence(content_type: &[u8]) -> &str {
    let end = content_type.iter().position(|byte| *byte == b';').unwrap_or(content_type.len());
    std::str::from_utf8(&content_type[..end]).unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_raw_binaries_shrink_and_nothing_else() {
        for kind in ["text/html", "text/event-stream", "application/ld+json", "image/svg+xml", "application/wasm"] {
            assert!(shrinks(kind), "{kind}");
        }
        for kind in ["", "image/png", "video/mp4", "application/octet-stream", "application/zip", "font/woff2"] {
            assert!(!shrinks(kind), "{kind}");
        }
    }

    #[test]
    fn parameters_are_no_part_of_a_type() {
        for (field, expected) in [
            (&b"text/html"[..], "text/html"),
            (b" text/html ; charset=utf-8", "text/html"),
            (b"Text/HTML;charset=utf-8;x", "Text/HTML"),
            (b";", ""),
            (b"\xff/html", ""),
        ] {
            assert_eq!(essence(field), expected, "{}", field.escape_ascii());
        }
    }
}
