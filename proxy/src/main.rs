//! The `edgeplane` program: words and environment in, an exit code out.

use std::process::ExitCode;

/// Many small allocations from many threads: where mimalloc is at its best.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    edgeplane::command::run(std::env::args_os(), std::env::vars_os().collect())
}
