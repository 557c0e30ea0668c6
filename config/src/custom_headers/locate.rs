//! Where custom headers are written, and the text of the file.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::{
    Rule,
    report::{Anchor, Report},
};

/// The file's name, and that of the build settings, where custom headers stood until 2021 and may still stand.
const NAMES: [&str; 2] = ["customHttp.yml", LEGACY];

/// Amplify's build settings: whatever else stands in them is none of our business.
pub(super) const LEGACY: &str = "amplify.yml";

/// The name of a bundle inside a project.
const BUNDLE_FOLDER: &str = ".amplify-hosting";

/// Bytes of the file. A thousand rules with a content security policy each have half of it.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A file and what problems call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) shown: PathBuf,
}

/// The file in a bundle's folder, or in the project that this folder is a part of, where Amplify looks for it.
pub(super) fn beside(root: &Path) -> Option<File> {
    let project = root.parent().filter(|_| root.file_name().is_some_and(|name| name == BUNDLE_FOLDER));
    let folders = [Some((root, "")), project.map(|project| (project, ".."))];
    let named = |name: &str| {
        folders
            .into_iter()
            .flatten()
            .map(|(folder, shown)| File { path: folder.join(name), shown: Path::new(shown).join(name) })
            .find(|file| file.path.symlink_metadata().is_ok())
    };
    NAMES.into_iter().find_map(named)
}

/// The text of the file, or a problem with it.
pub(super) fn text(file: &Path, report: &mut Report) -> Option<String> {
    let start = Anchor::default();
    let bytes = match read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            let message = format!("the custom headers cannot be read: {error}");
            report.error(Rule::HeadersUnreadable, &start, message, "make it a regular file that you can read");
            return None;
        }
    };
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = format!("the custom headers are larger than {FILE_BYTES_MAX} bytes");
        report.error(Rule::HeadersUnreadable, &start, message, "one pattern with `**` can stand for many");
        return None;
    }
    let text = String::from_utf8(bytes);
    if text.is_err() {
        report.error(Rule::HeadersUnreadable, &start, "the custom headers are no UTF-8 text", "save them as UTF-8");
    }
    text.ok()
}

/// Reads a regular file, one byte beyond the limit at most. Anything else, a pipe for one, could block for ever.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(file)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
