//! Measures Edgeplane beside its peers: the same work, the same features, in turns, every answer checked.

mod command;
mod cores;
mod count;
mod decision;
mod failure;
mod interval;
mod load;
mod machine;
mod measure;
mod outcome;
mod pause;
mod peer;
mod photo;
mod recording;
mod report;
mod scenario;
mod site;
mod stage;
mod upstream;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

/// The allocator of the program under test, for its parts that are called from here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Err(failure) = command::run() else { return ExitCode::SUCCESS };
    // A terminal that is gone leaves the exit code.
    let _ = writeln!(io::stderr().lock(), "error: {}", failure.told());
    ExitCode::FAILURE
}
