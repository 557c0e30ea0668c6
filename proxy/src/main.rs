//! The `edgeplane` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|word| word == edgeplane::child::SUBCOMMAND) {
        return edgeplane::child::run(args);
    }
    ExitCode::SUCCESS
}
