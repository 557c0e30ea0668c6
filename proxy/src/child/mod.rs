//! What `edgeplane __child ...` does: the same binary, started again as a small helper process.
//!
//! A helper is our own executable and not a second one, so that there is one file to ship, to sign and to update,
//! and so that helper and server can never be of different versions. It costs a `fork` and an `exec` of pages that
//! are in memory already. The dispatch must come first in `main`: a helper starts no runtime and reads no settings.

pub mod image;
mod keeper;
mod lineage;
mod readable;
mod report;

use std::{ffi::OsString, process::ExitCode};

pub use report::{Report, ReportError};

/// The hidden subcommand.
pub const SUBCOMMAND: &str = "__child";

/// EX_USAGE of `sysexits.h`.
const USAGE: u8 = 64;

/// Runs the helper named by the arguments behind [`SUBCOMMAND`]: `node PROGRAM ARGUMENT...` or `image NICENESS [MODE]`.
///
/// The exit code of the first is that of the program kept, or 128 plus the number of the signal that ended it.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args = args.into_iter();
    let Some(role) = args.next() else { return ExitCode::from(USAGE) };
    if role == "image" {
        return image::run(args);
    }
    match args.next() {
        Some(program) if role == "node" => keeper::keep(&program, args),
        _ => ExitCode::from(USAGE),
    }
}
