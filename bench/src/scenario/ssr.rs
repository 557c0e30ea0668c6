//! Pages that Node renders: what passing through Edgeplane adds, and what a second Node gives.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;

use super::{Scenario, company};
use crate::{
    failure::Failure,
    load::{self, Body, Load, Request, Until},
    measure::Tree,
    outcome::{Limit, Metric, OURS, Outcome, Subject, Target},
    peer::{Cores, Edgeplane, Launch, Nginx, Node, Peer, Role, Running},
    stage::Stage,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "ssr", run };

/// A page without pictures.
const PAGE: &str = "/about";
/// Node compiles what it runs often; until then it is slow.
const WARM_UP: Duration = Duration::from_secs(3);
/// Pairs of rounds.
const PAIRS: usize = 9;
/// What passing through may add, in microseconds.
const ADDED: f64 = 150.0;
/// Enough to keep two Nodes busy.
const CONNECTIONS: usize = 16;
/// What a second Node must give.
const LEAST: f64 = 1.6;
const INSTANCES: [(&str, usize); 2] = [("one instance", 1), ("two instances", 2)];

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    let bundle = bundle(stage, "nuxt3")?;
    Ok(vec![latency(stage, &bundle)?, throughput(stage, &bundle)?])
}

/// A bundle that `tests/apps/build.sh` has built.
pub(super) fn bundle(stage: &Stage, name: &str) -> Result<PathBuf, Failure> {
    let path = stage.programs.bundles.join(name);
    let built = path.join("deploy-manifest.json").exists();
    let missing = || Failure::Malformed { path: path.clone(), said: "`tests/apps/build.sh` has not built it".into() };
    if built { Ok(path) } else { Err(missing()) }
}

/// The page, with the answer that it must always have.
fn page(server: &Running) -> Result<Request, Failure> {
    let request = Request::get(PAGE, &[("Accept-Encoding", "gzip, deflate, br, zstd")]);
    let answer = load::once(server.address, &request)?;
    Ok(request.expecting(200, Body::Exact(Bytes::from(answer.body))))
}

fn warm_up(stage: &Stage) -> Until {
    Until::Elapsed(stage.extent.of(WARM_UP, Duration::from_millis(100)))
}

fn latency(stage: &Stage, bundle: &Path) -> Result<Outcome, Failure> {
    let what = format!(
        "`{PAGE}` of the Nuxt bundle over one connection, closed loop. Whoever stands in front asks the very Node that is \
         asked directly; all of them share a core, the generator has another."
    );
    let mut outcome = Outcome::new("ssr-latency", "A page of Nuxt, directly and through", what);
    outcome.targets.push(Target {
        what: "p50 over node itself".into(),
        subject: Subject::Difference { of: OURS.into(), to: "node".into() },
        ..Target::ratio(&Metric::P50, "node", ADDED)
    });
    let role = Role::App { bundle, upstream: None, instances: 1 };
    let node = Running::start(&Node, &Launch::pinned(role), stage)?;
    let role = Role::App { bundle, upstream: Some(node.address), instances: 0 };
    let mut servers = Vec::new();
    for peer in company::present(stage, &[&Edgeplane, &Nginx], &mut outcome) {
        servers.push(Running::start(peer, &Launch::pinned(role), stage)?);
    }
    let load = Load::of(page(&node)?, 1);
    servers.push(node);
    for server in &servers {
        load::closed(server.address, &load, warm_up(stage))?;
    }
    for round in 0..stage.extent.pairs(PAIRS) {
        for place in 0..servers.len() {
            let Some(server) = servers.get((round + place) % servers.len()) else { continue };
            match load::closed(server.address, &load, Until::Elapsed(stage.extent.seconds)) {
                Ok(tally) => tally.record_latency(&mut outcome, server.name),
                Err(failure) => outcome.void = Some(format!("{}: {}", server.name, failure.told())),
            }
        }
    }
    Ok(outcome)
}

fn throughput(stage: &Stage, bundle: &Path) -> Result<Outcome, Failure> {
    let what = format!(
        "`{PAGE}` over {CONNECTIONS} connections, closed loop, through Edgeplane with one Node and with two. Edgeplane and \
         Node run wherever the kernel likes, the generator on one of the same cores. CPU is that of all of them."
    );
    let mut outcome = Outcome::new("ssr-throughput", "Pages of Nuxt with one Node and with two", what);
    outcome.targets.push(Target {
        what: "requests with two instances against one".into(),
        subject: Subject::Ratio { of: "two instances".into(), to: "one instance".into() },
        limit: Limit::AtLeast(LEAST),
        ..Target::ratio(&Metric::THROUGHPUT, "", LEAST)
    });
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        outcome.void = Some("there is one core".into());
        return Ok(outcome);
    }
    let peer: &dyn Peer = &Edgeplane;
    let mut servers = Vec::new();
    for (name, instances) in INSTANCES {
        let role = Role::App { bundle, upstream: None, instances };
        let launch = Launch { cores: Cores::All, threads: 2, ..Launch::pinned(role) };
        let server = Running::start(peer, &launch, stage)?;
        let load = Load::of(page(&server)?, CONNECTIONS);
        load::closed(server.address, &load, warm_up(stage))?;
        servers.push((name, server, load));
    }
    // This process, which generates the load, and everything it has started.
    let all = Tree::of(std::process::id());
    for round in 0..stage.extent.rounds {
        let first = round % servers.len();
        for (name, server, load) in servers.iter().cycle().skip(first).take(servers.len()) {
            let before = all.cpu_with_node();
            match load::closed(server.address, load, Until::Elapsed(stage.extent.seconds)) {
                Ok(tally) => {
                    let used = all.cpu_with_node().saturating_sub(before).as_secs_f64() * 1e6;
                    outcome.record(name, &Metric::CPU, used / load::count(tally.requests.max(1)));
                    outcome.record(name, &Metric::THROUGHPUT, tally.per_second());
                    tally.record_latency(&mut outcome, name);
                }
                Err(failure) => outcome.void = Some(format!("{name}: {}", failure.told())),
            }
        }
    }
    outcome.remarks.extend(room(&outcome));
    Ok(outcome)
}

/// What the machine had to do: with one instance much of what there is may be busy already.
fn room(outcome: &Outcome) -> Option<String> {
    let told = INSTANCES.map(|(name, _)| {
        let per_page = outcome.median(name, &Metric::CPU)?;
        Some((per_page, outcome.median(name, &Metric::THROUGHPUT)? * per_page / 1e6))
    });
    let [Some((one, busy)), Some((two, busier))] = told else { return None };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Some(format!(
        "Node, Edgeplane and the generator keep {busy:.2} of {cores} cores busy with one instance and {busier:.2} with two; a \
         page costs {one:.0} us of CPU with one and {two:.0} us with two."
    ))
}
