//! Custom headers: Amplify's `customHttp.yml`, from text to meaning.
//!
//! [`locate`] finds the file, [`syntax`] turns YAML into values that know their place, [`node`] checks their types,
//! [`document`] knows the three forms such a file takes, and [`field`] and [`pattern`] judge what stands in it. Every
//! problem is told at once, with its line.

mod document;
mod field;
mod locate;
mod node;
mod pattern;
mod syntax;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use http::{HeaderName, HeaderValue};

use crate::{HeaderSettings, Problems, report::Report};

/// Fields for the paths that one pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderRule {
    /// The pattern as a path: it begins with `/`. `*` stands for characters within a segment, `**` for any.
    pub pattern: String,
    /// The fields, each name once.
    pub fields: Vec<HeaderField>,
}

/// One field and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderField {
    /// Its name.
    pub name: HeaderName,
    /// Its value.
    pub value: HeaderValue,
    /// Where it stands.
    pub place: HeaderPlace,
}

/// Where a field was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderPlace {
    /// The file, relative to the bundle where it lies beside or inside it.
    pub file: PathBuf,
    /// One-based.
    pub line: usize,
}

impl fmt::Display for HeaderPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// The custom headers of the bundle whose folder is `root`: those of the file that the settings name, else of the file
/// that is there.
///
/// Returns them with what was remarked upon. Where a problem is an error, the rules are not to be used.
pub fn custom_headers(settings: &HeaderSettings, root: Option<&Path>) -> (Vec<HeaderRule>, Problems) {
    let named = settings.file.as_ref().map(|file| locate::File { path: file.clone(), shown: file.clone() });
    let Some(file) = named.or_else(|| root.and_then(locate::beside)) else {
        return (Vec::new(), Problems::default());
    };
    let mut report = Report::new(&file.shown);
    let text = locate::text(&file.path, &mut report);
    let rules = text.as_ref().and_then(|text| document::read(text, &file.shown, &settings.app_root, &mut report));
    (rules.unwrap_or_default(), report.finish(text.as_deref().unwrap_or_default()))
}

/// The file of custom headers in a bundle's folder, or in the project that this folder is a part of.
pub fn custom_headers_file(root: &Path) -> Option<PathBuf> {
    locate::beside(root).map(|file| file.path)
}
