//! Where custom headers are written, and the text of the file.

use std::path::{Path, PathBuf};

use crate::{
    Rule,
    bundle::{BUNDLE_FOLDER, TextFault, text_of},
    report::{Anchor, Report},
};

/// The file's name, and that of the build settings, where custom headers stood until 2021 and may still stand.
const NAMES: [&str; 2] = ["customHttp.yml", LEGACY];

/// Amplify's build settings: whatever else stands in them is none of our business.
pub(super) const LEGACY: &str = "amplify.yml";

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
    let (message, help) = match text_of(file) {
        Ok(text) => return Some(text),
        Err(TextFault::Unreadable(error)) => {
            (format!("the custom headers cannot be read: {error}"), "make it a regular file that you can read")
        }
        Err(TextFault::TooLarge(most)) => {
            (format!("the custom headers are larger than {most} bytes"), "one pattern with `**` can stand for many")
        }
        Err(TextFault::NoText { .. }) => ("the custom headers are no UTF-8 text".to_owned(), "save them as UTF-8"),
    };
    report.error(Rule::HeadersUnreadable, &Anchor::default(), message, help);
    None
}
