//! The report: the same figures for people, for programs and for browsers.

mod chart;
mod figure;
mod html;
mod json;
mod markdown;
mod reread;
#[cfg(test)]
mod sample;
mod section;
mod table;

use std::{fs, path::Path};

use crate::{failure::Failure, outcome::Suite};

/// Writes `<architecture>.md`, `.json` and `.html` into `folder`.
pub(crate) fn write(suite: &Suite, folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(Failure::file("make", folder))?;
    let documents =
        [("md", markdown::document(suite)), ("json", json::document(suite)), ("html", html::document(suite))];
    for (ending, text) in documents {
        let path = folder.join(format!("{}.{ending}", suite.machine.architecture));
        fs::write(&path, text).map_err(Failure::file("write", &path))?;
    }
    Ok(())
}

/// Reads the figures back from the JSON file.
pub(crate) fn read(path: &Path) -> Result<Suite, Failure> {
    let text = fs::read_to_string(path).map_err(Failure::file("read", path))?;
    reread::suite(&text).map_err(|said| Failure::Malformed { path: path.into(), said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_can_be_printed_anew_from_its_figures() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(&sample::suite(), first.path()).unwrap();
        let again = read(&first.path().join("x86_64.json")).unwrap();
        write(&again, second.path()).unwrap();
        for name in ["x86_64.md", "x86_64.json", "x86_64.html"] {
            let text = |folder: &Path| fs::read_to_string(folder.join(name)).unwrap();
            assert_eq!(text(first.path()), text(second.path()), "{name}");
        }
    }
}
