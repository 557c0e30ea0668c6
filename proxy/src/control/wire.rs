//! What is said of a purge, as a line of JSON: `{"purged":12}`, and with `"failed"` the levels of the cache where some may be
//! left.

use std::{error::Error, io};

use serde_json::{Value, json};

use crate::image::Purged;

/// Tells what became of a purge; `pages` is why pages may be left on disk.
pub(super) fn purged(purged: &Purged, pages: Option<&io::Error>) -> String {
    let mut told = json!({ "purged": purged.images });
    let images = purged.failures.iter().map(|failure| json!({ "level": failure.level(), "error": chain(failure) }));
    let pages = pages.map(|error| json!({ "level": "pages", "error": chain(error) }));
    let failed: Vec<_> = images.chain(pages).collect();
    if !failed.is_empty() {
        told["failed"] = failed.into();
    }
    format!("{told}\n")
}

/// Where images may be left, and why, by the word of a server that says so.
pub(super) fn left(told: &str) -> Option<Vec<String>> {
    let told: Value = serde_json::from_str(told).ok()?;
    let part = |part: &Value| {
        let (level, error) = (part.get("level")?.as_str()?, part.get("error")?.as_str()?);
        Some(format!("in the level `{level}`: {error}"))
    };
    Some(told.get("failed")?.as_array()?.iter().filter_map(part).collect())
}

/// What a server told, for whoever looks for parts of it.
pub(super) fn read(told: &str) -> Value {
    serde_json::from_str(told).unwrap_or_default()
}

/// An error with its causes, on one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::PurgeError;

    #[test]
    fn what_is_left_is_read_from_what_is_told() {
        let disk = || PurgeError::Disk(io::ErrorKind::NotADirectory.into());
        for (failures, pages, expected) in [
            (vec![], None, None),
            (vec![], Some(io::ErrorKind::NotADirectory.into()), Some(vec!["in the level `pages`: not a directory"])),
            (
                vec![disk(), PurgeError::NoDisk],
                None,
                Some(vec![
                    "in the level `disk`: the images on disk could not all be looked at and removed: not a directory",
                    "in the level `disk`: the folder of images could not be used when the server started",
                ]),
            ),
        ] {
            let told = purged(&Purged { images: 7, failures }, pages.as_ref());
            assert!(told.contains("\"purged\":7") && told.ends_with("}\n"), "{told}");
            let left = left(&told);
            assert_eq!(left.as_ref().map(|left| left.iter().map(String::as_str).collect::<Vec<_>>()), expected);
        }
        for other in ["", "{}", "{\"error\":\"x\"}", "{\"failed\":1}"] {
            assert_eq!(left(other), None, "{other}");
        }
    }
}
