//! Operations for a tool that counts instructions: what N more of them take is exact, whatever the start costs.

use std::hint::black_box;

use clap::ValueEnum;

use crate::{
    decision::{PlainRequest, routes},
    failure::Failure,
};

/// What can be counted.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Operation {
    /// The route of a path, among 25
    Route,
    /// A plain request for a file, all but the socket
    Plain,
    /// The same, beside 100 custom rules
    Ruled,
    /// The same, behind a list of 1000 networks and a rate
    Admitted,
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
        Operation::Plain | Operation::Ruled | Operation::Admitted => {
            let mut request = match operation {
                Operation::Ruled => PlainRequest::prepare(100)?,
                Operation::Admitted => PlainRequest::admitted()?,
                Operation::Route | Operation::Plain => PlainRequest::prepare(0)?,
            };
            for _ in 0..times {
                black_box(request.answer());
            }
        }
    }
    Ok(())
}
