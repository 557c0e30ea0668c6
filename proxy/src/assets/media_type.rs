//! `Content-Type` by file name (RFC 9110 8.3), and whether such content is worth compressing.

use std::borrow::Cow;

use crate::coding::{is_text, shrinks};

/// What a name without a known extension is (RFC 2046 4.5.1).
const UNKNOWN: &str = "application/octet-stream";

/// The media type of a file, with `charset=utf-8` where the content is text.
///
/// The frequent ones are static text; only a rare one is put together.
pub(super) fn of(name: &[u8]) -> Cow<'static, str> {
    let essence = essence(name);
    let with_charset = match essence {
        "text/html" => "text/html; charset=utf-8",
        "text/css" => "text/css; charset=utf-8",
        "text/javascript" => "text/javascript; charset=utf-8",
        "text/plain" => "text/plain; charset=utf-8",
        "text/xml" => "text/xml; charset=utf-8",
        "text/markdown" => "text/markdown; charset=utf-8",
        "application/json" => "application/json; charset=utf-8",
        "application/manifest+json" => "application/manifest+json; charset=utf-8",
        "image/svg+xml" => "image/svg+xml; charset=utf-8",
        _ if is_text(essence) => return format!("{essence}; charset=utf-8").into(),
        _ => essence,
    };
    with_charset.into()
}

/// Whether files of this name shrink when compressed.
pub(super) fn is_compressible(name: &[u8]) -> bool {
    shrinks(essence(name))
}

/// Type and subtype, without parameters.
fn essence(name: &[u8]) -> &'static str {
    let base = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let extension = match base.iter().rposition(|byte| *byte == b'.') {
        // `.profile` is a name, not an extension.
        None | Some(0) => return UNKNOWN,
        Some(dot) => std::str::from_utf8(&base[dot + 1..]).unwrap_or_default(),
    };
    let is = |known: &[&str]| known.iter().any(|known| extension.eq_ignore_ascii_case(known));
    if is(&["js", "mjs", "cjs"]) {
        // RFC 9239 leaves this one name for all of JavaScript; a module of another type is not executed.
        "text/javascript"
    } else if is(&["map"]) {
        // Source maps are JSON (ECMA-426).
        "application/json"
    } else if is(&["ts"]) {
        // What browsers ask for under this name are segments of a video; TypeScript has no media type.
        "video/mp2t"
    } else if is(&["zst"]) {
        "application/zstd"
    } else {
        mime_guess::from_ext(extension).first_raw().unwrap_or(UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_and_text_says_its_charset() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/b.c/STYLE.CSS", "text/css; charset=utf-8"),
            ("entry.js", "text/javascript; charset=utf-8"),
            ("entry.mjs", "text/javascript; charset=utf-8"),
            ("entry.js.map", "application/json; charset=utf-8"),
            ("data.json", "application/json; charset=utf-8"),
            ("feed.xml", "text/xml; charset=utf-8"),
            ("feed.atom", "application/atom+xml; charset=utf-8"),
            ("logo.svg", "image/svg+xml; charset=utf-8"),
            ("site.webmanifest", "application/manifest+json; charset=utf-8"),
            ("photo.avif", "image/avif"),
            ("photo.jpg", "image/jpeg"),
            ("font.woff2", "font/woff2"),
            ("module.wasm", "application/wasm"),
            ("film.mp4", "video/mp4"),
            ("entry.js.br", "application/octet-stream"),
            ("entry.js.gz", "application/gzip"),
            ("entry.js.zst", "application/zstd"),
            ("LICENSE", "application/octet-stream"),
            (".profile", "application/octet-stream"),
            ("a.html/LICENSE", "application/octet-stream"),
            ("trailing.", "application/octet-stream"),
            ("unknown.qqq", "application/octet-stream"),
        ] {
            assert_eq!(of(name.as_bytes()), expected, "{name}");
        }
        assert_eq!(of(b"a.\xff"), UNKNOWN);
    }

    #[test]
    fn text_and_raw_binaries_are_compressed_and_nothing_else() {
        for name in ["a.html", "a.js", "a.svg", "a.json", "a.wasm", "a.ttf", "a.ico", "a.txt", "a.csv"] {
            assert!(is_compressible(name.as_bytes()), "{name}");
        }
        for name in ["a.png", "a.jpg", "a.woff2", "a.zip", "a.js.gz", "a.js.br", "a.mp4", "LICENSE"] {
            assert!(!is_compressible(name.as_bytes()), "{name}");
        }
    }
}
