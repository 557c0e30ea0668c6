//! Latency at half of nginx's capacity, at a fixed rate, counted from when each request was due.

use super::{Contest, Scenario, proxied, static_file::CONNECTIONS};
use crate::{
    failure::Failure,
    load::{Body, Load, Request},
    outcome::{Judge, Metric, Outcome, Target},
    peer::{Edgeplane, Haproxy, Nginx, Peer, Role},
    stage::Stage,
    upstream::Upstream,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "latency", run };

/// As many as give a 95 % interval that leaves out nobody's worst round.
const PAIRS: usize = 9;
/// Of nginx's capacity.
const SHARE: f64 = 0.5;
/// Ours to nginx's.
const MOST: f64 = 1.1;

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    let site = stage.site()?;
    let request = Request::get("/1k.css", &[]).expecting(200, Body::Exact(site.bytes("1k.css")?));
    let files = one(stage, "static", Role::Static(site), &[&Edgeplane, &Nginx], request)?;
    let upstream = Upstream::start(stage)?;
    let role = Role::Proxy { upstream: upstream.0.address };
    let mut app = one(stage, "proxied", role, &[&Edgeplane, &Nginx, &Haproxy], upstream.request("/10k")?)?;
    app.remarks.push(proxied::REMARK.into());
    Ok(vec![files, app])
}

fn one(stage: &Stage, kind: &str, role: Role<'_>, peers: &[&dyn Peer], request: Request) -> Result<Outcome, Failure> {
    let what = format!("`{}` at a fixed rate, over {CONNECTIONS} connections.", request.path);
    let mut outcome = Outcome::new(format!("latency-{kind}"), format!("Latency at half load, {kind}"), what);
    let target = Target { judge: Judge::Interval, ..Target::ratio(&Metric::P99, "nginx", MOST) };
    outcome.targets.push(target);
    let load = Load::of(request, CONNECTIONS);
    let contest = Contest::start(stage, role, peers, &load, &mut outcome)?;
    contest.warm_up()?;
    let Some(capacity) = contest.throughput("nginx")? else { return Ok(outcome) };
    let rate = capacity * SHARE;
    outcome.remarks.push(format!("nginx: {capacity:.0} requests/s in a closed loop; rate: {rate:.0} requests/s."));
    contest.latency(rate, stage.extent.pairs(PAIRS), &mut outcome)?;
    Ok(outcome)
}
