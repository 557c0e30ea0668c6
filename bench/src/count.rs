//! Operations for a tool that counts instructions: what N more of them take is exact, whatever the start costs.

use std::hint::black_box;

use clap::ValueEnum;

use crate::{
    decision::{StaticAnswer, routes},
    failure::Failure,
};

/// What can be counted.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Operation {
    /// The route of a path, among 25
    Route,
    /// The answer for a file
    Static,
}

/// Does it so many times.
pub(crate) fn run(operation: Operation, times: u64) -> Result<(), Failure> {
    match operation {
        Operation::Route => {
            let routes = routes(25)?;
            let path = black_box(crate::decision::PATH);
            for _ in 0..times {
                black_box(routes.find(path));
            }
        }
        Operation::Static => {
            let answer = StaticAnswer::prepare()?;
            for _ in 0..times {
                black_box(answer.find());
            }
        }
    }
    Ok(())
}
