//! The `edgeplane` program: words and environment in, an exit code out.

use std::process::ExitCode;

use edgeplane::{child, command};

/// Many small allocations from many threads: where mimalloc is at its best.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    if words.nth(1).is_some_and(|word| word == child::SUBCOMMAND) {
        // Before anything else is set up: a helper process must stay small.
        return child::run(words);
    }
    command::run(std::env::args_os(), std::env::vars_os().collect())
}
