//! Answers of a server behind: short ones, long ones, and one that comes in pieces.

use super::{Contest, Scenario, static_file::CONNECTIONS};
use crate::{
    failure::Failure,
    load::Load,
    outcome::{Metric, Outcome, Target},
    peer::{Caddy, Edgeplane, Haproxy, Nginx, Peer, Role},
    stage::Stage,
    upstream::Upstream,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "proxied", run };

/// Who passes requests on.
pub(super) const PEERS: [&dyn Peer; 4] = [&Edgeplane, &Nginx, &Haproxy, &Caddy];

/// What everybody must know of these figures.
pub(super) const REMARK: &str = "Node, which answers behind, runs on the generator's core and bounds the requests per second; its CPU time is not counted.";

/// Id, title, path, connections, requests traced, and what is promised against nginx.
const CASES: [(&str, &str, &str, usize, u64, f64); 4] = [
    ("proxied-26", "Proxied answer, 26 B", "/26", CONNECTIONS, 5000, 1.0),
    ("proxied-10k", "Proxied answer, 10 KB", "/10k", CONNECTIONS, 5000, 1.0),
    ("proxied-1m", "Proxied answer, 1 MB", "/1m", 8, 200, 1.0),
    ("proxied-chunks", "Streamed answer, 100 chunks of 1 KB", "/chunks", CONNECTIONS, 200, 1.0),
];

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    let upstream = Upstream::start(stage)?;
    CASES.iter().map(|case| one(stage, &upstream, case)).collect()
}

fn one(
    stage: &Stage,
    upstream: &Upstream,
    (id, title, path, connections, traced, most): &(&str, &str, &str, usize, u64, f64),
) -> Result<Outcome, Failure> {
    let what = format!(
        "`{path}` of a small Node server over {connections} keep-alive connections, which are kept on the other side, too."
    );
    let mut outcome = Outcome::new(*id, *title, what);
    outcome.remarks.push(REMARK.into());
    outcome.targets.push(Target::ratio(&Metric::CPU, "nginx", *most));
    let load = Load::of(upstream.request(path)?, *connections);
    let role = Role::Proxy { upstream: upstream.0.address };
    let contest = Contest::start(stage, role, &PEERS, &load, &mut outcome)?;
    contest.traced(*traced).capacity(&mut outcome)?;
    Ok(outcome)
}
