//! From the start of the process to the first byte of a file, with the pack already made.

use std::time::Instant;

use super::{Scenario, company};
use crate::{
    failure::Failure,
    load::{self, Body, Request},
    outcome::{Metric, OURS, Outcome, Target, Unit},
    peer::{Edgeplane, Launch, Nginx, Role, Running},
    stage::Stage,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "start", run };

/// Starts are short and vary: more of them than rounds of load.
const STARTS: usize = 15;
/// Ours, in milliseconds.
const MOST: f64 = 50.0;
const METRIC: Metric = Metric::less("start to first answer", Unit::Milliseconds);

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    let site = stage.site()?;
    let what = "A server with 1,000 files is started and asked for a small one as soon as it accepts a connection, on one \
                core. Edgeplane maps a pack that was made before.";
    let mut outcome = Outcome::new("start", "Start to the first answer", what);
    outcome.targets.push(Target::at_most(&METRIC, OURS, MOST));
    let request = Request::get("/1k.css", &[]).expecting(200, Body::Exact(site.bytes("1k.css")?));
    let company = company::present(stage, &[&Edgeplane, &Nginx], &mut outcome);
    // The first start of a program reads it from the disk and does not count.
    for start in 0..=stage.extent.of(STARTS, 1) {
        for peer in &company {
            let server = Running::start(*peer, &Launch::pinned(Role::Static(site)), stage)?;
            let accepted = Instant::now();
            load::once(server.address, &request)?;
            let took = server.took + accepted.elapsed();
            if start > 0 {
                outcome.record(peer.name(), &METRIC, took.as_secs_f64() * 1e3);
            }
        }
    }
    Ok(vec![outcome])
}
