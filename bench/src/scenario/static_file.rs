//! Files as they are, from 1 KB to 10 MB.

use super::{Contest, Scenario};
use crate::{
    failure::Failure,
    load::{Body, Load, Request},
    outcome::{Metric, Outcome, Target},
    peer::{Caddy, Edgeplane, Nginx, Peer, Role, StaticWebServer},
    stage::Stage,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "static", run };

/// Who serves files.
pub(super) const PEERS: [&dyn Peer; 4] = [&Edgeplane, &Nginx, &Caddy, &StaticWebServer];
/// Keep-alive connections at once, where capacity is measured.
pub(super) const CONNECTIONS: usize = 32;

/// Name, file, connections, requests that are traced, and what is promised.
struct Case {
    id: &'static str,
    title: &'static str,
    file: &'static str,
    connections: usize,
    traced: u64,
    metric: Metric,
    most: f64,
}

const CASES: [Case; 4] = [
    Case {
        id: "static-1k",
        title: "Static file, 1 KB",
        file: "1k.css",
        connections: CONNECTIONS,
        traced: 5000,
        metric: Metric::CPU,
        most: 0.60,
    },
    Case {
        id: "static-10k",
        title: "Static file, 10 KB",
        file: "10k.css",
        connections: CONNECTIONS,
        traced: 5000,
        metric: Metric::CPU,
        most: 0.70,
    },
    Case {
        id: "static-100k",
        title: "Static file, 100 KB",
        file: "100k.css",
        connections: CONNECTIONS,
        traced: 2000,
        metric: Metric::CPU,
        most: 0.80,
    },
    Case {
        id: "static-10m",
        title: "Static file, 10 MB",
        file: "10m.bin",
        connections: 4,
        traced: 20,
        metric: Metric::CPU_PER_GIGABYTE,
        most: 1.0,
    },
];

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    CASES.iter().map(|case| one(stage, case)).collect()
}

fn one(stage: &Stage, case: &Case) -> Result<Outcome, Failure> {
    let site = stage.site()?;
    let what = format!("The file as it is over {} keep-alive connections, closed loop.", case.connections);
    let mut outcome = Outcome::new(case.id, case.title, what);
    outcome.targets.push(Target::ratio(&case.metric, "nginx", case.most));
    let request = Request::get(&format!("/{}", case.file), &[]);
    let request = request.expecting(200, Body::Exact(site.bytes(case.file)?));
    let load = Load::of(request, case.connections);
    let contest = Contest::start(stage, Role::Static(site), &PEERS, &load, &mut outcome)?;
    contest.traced(case.traced).capacity(&mut outcome)?;
    Ok(outcome)
}
