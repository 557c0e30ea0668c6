//! The script that moves port 3000 to the instance's own address, and where Node finds it.
//!
//! It is a file in the run folder (0700), because `--require` wants a path that also cluster workers, forked children
//! and worker threads can open later. It is named on Node's command line and not in `NODE_OPTIONS`: the command line
//! is inherited by exactly those (they serve the same app), `NODE_OPTIONS` by every other program the app starts too.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

const SCRIPT: &str = include_str!("../child/preload.cjs");

/// Writes the script where it is missing or different, and returns its path.
///
/// Called before every start, since folders for temporary files are swept.
pub(super) fn place(run_dir: &Path) -> io::Result<PathBuf> {
    let path = run_dir.join("preload.cjs");
    if fs::read(&path).is_ok_and(|found| found == SCRIPT.as_bytes()) {
        return Ok(path);
    }
    DirBuilder::new().recursive(true).mode(0o700).create(run_dir)?;
    // Renamed into place: another instance may be reading it.
    let fresh = run_dir.join(format!("preload.cjs.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(SCRIPT.as_bytes())?;
    fs::rename(&fresh, &path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_script_is_private_and_restored() {
        let dir = tempfile::tempdir().unwrap();
        let run_dir = dir.path().join("run");
        let path = place(&run_dir).unwrap();
        assert_eq!(fs::metadata(&run_dir).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(&path, "throw 1").unwrap();
        assert_eq!(place(&run_dir).unwrap(), path);
        assert_eq!(fs::read_to_string(&path).unwrap(), SCRIPT);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&run_dir).unwrap().count(), 1);
    }
}
