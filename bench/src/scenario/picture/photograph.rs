//! Photographs to measure with: of a package where there is one, drawn by a program elsewhere.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::sharp::Sharp;
use crate::{failure::Failure, photo, stage::Stage};

/// Below the tools' folder; `tests/prerequisites.sh bench` unpacks Debian's `mate-backgrounds` there.
const FOLDER: &str = "photographs/usr/share/backgrounds/mate";
/// What is cut out of which file: a name, the file, and the size in pixels: 12 million and 3 million of them.
const CUTS: [(&str, &str, u32, u32); 4] = [
    ("elephants", "abstract/Elephants_5640x3172.jpg", 4000, 3000),
    ("wings", "nature/TwoWings.jpg", 2048, 1536),
    ("wood", "nature/Wood.jpg", 2048, 1536),
    ("rain", "nature/RainDrops.jpg", 2048, 1536),
];
/// Of the drawn one.
const SIZE: (usize, usize) = (4000, 3000);
const SMALL_SIZE: (usize, usize) = (800, 600);

/// Files, and what must be said about them.
pub(super) struct Photographs {
    pub(super) files: Vec<PathBuf>,
    pub(super) remark: Option<String>,
}

/// The photographs, as JPEG files.
pub(super) fn all(stage: &Stage, sharp: &mut Sharp) -> Result<Photographs, Failure> {
    let folder = stage.folder("photographs")?;
    let package = stage.programs.tools.join(FOLDER);
    if stage.extent.smoke || !package.is_dir() {
        let (width, height) = stage.extent.of(SIZE, SMALL_SIZE);
        let file = folder.join("drawn.jpg");
        photo::jpeg(stage, width, height, &file)?;
        return Ok(Photographs { files: vec![file], remark: Some("The photograph is drawn by a program.".into()) });
    }
    let files: Result<_, _> = CUTS.iter().map(|cut| cut_out(sharp, &package, cut, &folder)).collect();
    Ok(Photographs { files: files?, remark: None })
}

fn cut_out(
    sharp: &mut Sharp,
    package: &Path,
    (name, file, width, height): &(&str, &str, u32, u32),
    folder: &Path,
) -> Result<PathBuf, Failure> {
    let out = folder.join(format!("{name}.jpg"));
    let question = json!({ "do": "photo", "source": package.join(file), "width": width, "height": height, "out": out });
    sharp.ask(&question)?;
    Ok(out)
}
