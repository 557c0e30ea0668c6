//! The log on standard error: what the server does. What clients ask is the access log, on standard output.

use std::{
    ffi::OsString,
    io::{self, IsTerminal},
};

use tracing_subscriber::EnvFilter;

/// Starts it: `-v` shows our decisions, `-vv` those of the libraries, `-vvv` everything; `RUST_LOG` says it exactly.
/// Only a server says what it does without being asked: the other commands have a result to show.
pub(crate) fn start(verbose: u8, serves: bool, environment: &[(OsString, OsString)]) {
    let exact = environment.iter().find(|(name, _)| name == "RUST_LOG").and_then(|(_, value)| value.to_str());
    let filter = match verbose {
        // What clients do wrong over HTTP/2 is counted: with a line for each of them, anybody could fill a disk.
        0 if serves => exact.unwrap_or("warn,edgeplane=info,node=info,h2=error"),
        0 => exact.unwrap_or("warn"),
        1 => "info,edgeplane=debug,node=info",
        2 => "debug,edgeplane=trace",
        _ => "trace",
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse_lossy(filter))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .finish();
    // Only one can be set per process, and a test process runs several commands: the first one's stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
