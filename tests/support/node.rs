//! Which Node runs which bundle.

use std::{path::PathBuf, process::Command};

use super::bundle;

/// The Node in PATH, for everything that does not ask for a newer one.
pub(crate) fn default() -> PathBuf {
    PathBuf::from("node")
}

/// Node 22 or later: the one in PATH, else the one that the bundles' build fetched.
pub(crate) fn v22() -> PathBuf {
    let version = Command::new("node").arg("--version").output().expect("node is in PATH");
    let text = String::from_utf8_lossy(&version.stdout);
    let major: u32 = text.trim().trim_start_matches('v').split('.').next().unwrap_or("0").parse().unwrap_or(0);
    if major >= 22 { default() } else { bundle::built("node22") }
}
