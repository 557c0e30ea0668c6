//! Where the bundle is, and the text of its manifest.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    Rule, Severity,
    manifest::{MANIFEST_BYTES_MAX, MANIFEST_FILE},
    report::{Anchor, Report},
};

/// The folder that build commands leave their output in, inside the project's own.
pub(crate) const BUNDLE_FOLDER: &str = ".amplify-hosting";

/// The folder that holds the manifest: `path` itself, or its `.amplify-hosting`.
pub(super) fn root(path: &Path, report: &mut Report) -> Option<PathBuf> {
    let shown = path.display();
    let missing = match fs::canonicalize(path) {
        Ok(folder) if !folder.is_dir() => format!("`{shown}` is not a folder"),
        Ok(folder) => {
            let candidates = [folder.clone(), folder.join(BUNDLE_FOLDER)];
            let found = candidates.into_iter().find(|folder| folder.join(MANIFEST_FILE).symlink_metadata().is_ok());
            if found.is_none() {
                let message = format!("there is no {MANIFEST_FILE} in `{shown}`, nor in its {BUNDLE_FOLDER} folder");
                let help =
                    "name the folder that the framework's build for AWS Amplify Hosting has written, or build first";
                report.on_disk(Severity::Error, Rule::ManifestMissing, MANIFEST_FILE, message, help);
            }
            return found.and_then(|folder| resolved(&folder, report));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => format!("there is no folder `{shown}`"),
        Err(error) => format!("the folder `{shown}` cannot be opened: {error}"),
    };
    let help = format!("name a folder that holds {MANIFEST_FILE}, or one that holds {BUNDLE_FOLDER}");
    report.on_disk(Severity::Error, Rule::BundleMissing, path, missing, help);
    None
}

/// `.amplify-hosting` may itself be a link to where a build cache keeps the output.
fn resolved(folder: &Path, report: &mut Report) -> Option<PathBuf> {
    fs::canonicalize(folder)
        .map_err(|error| {
            let message = format!("the folder cannot be opened: {error}");
            report.on_disk(Severity::Error, Rule::BundleMissing, folder, message, "make it readable");
        })
        .ok()
}

/// Why there is no text.
#[derive(Debug)]
pub(crate) enum TextFault {
    /// There is no file, or none that can be read.
    Unreadable(io::Error),
    /// It has more bytes than this.
    TooLarge(u64),
    /// It is no UTF-8; what stands before the first wrong byte is.
    NoText { readable: String },
}

/// The manifest's text; `Err` holds as much of it as is text.
pub(super) fn text(file: &Path, report: &mut Report) -> Result<String, String> {
    let start = Anchor::default();
    match text_of(file) {
        Ok(text) => Ok(text),
        Err(TextFault::Unreadable(error)) => {
            let message = format!("the manifest cannot be read: {error}");
            report.error(Rule::ManifestUnreadable, &start, message, "make it a regular file that you can read");
            Err(String::new())
        }
        Err(TextFault::TooLarge(most)) => {
            let message = format!("the manifest is larger than {most} bytes");
            let help = "a manifest holds 25 routes and some settings; remove what is not part of it";
            report.error(Rule::ManifestTooLarge, &start, message, help);
            Err(String::new())
        }
        Err(TextFault::NoText { readable }) => {
            let anchor = Anchor { pointer: String::new(), offset: readable.len() };
            report.error(Rule::ManifestUnreadable, &anchor, "the manifest is not UTF-8 text", "save it as UTF-8");
            Err(readable)
        }
    }
}

/// The text of a document that is read beside a manifest, and is no larger than one may be.
pub(crate) fn text_of(file: &Path) -> Result<String, TextFault> {
    let bytes = read(file).map_err(TextFault::Unreadable)?;
    if bytes.len() as u64 > MANIFEST_BYTES_MAX {
        return Err(TextFault::TooLarge(MANIFEST_BYTES_MAX));
    }
    String::from_utf8(bytes).map_err(|error| {
        let readable = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
        TextFault::NoText { readable }
    })
}

/// Reads a regular file, one byte beyond the limit at most. Anything else, a pipe for one, could block for ever.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(file)?.take(MANIFEST_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
