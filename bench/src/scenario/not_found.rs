//! What is not among the files: the app is asked, or nobody is.

use super::{
    Contest, Scenario, proxied,
    static_file::{CONNECTIONS, PEERS},
};
use crate::{
    failure::Failure,
    load::{Body, Load, Request},
    outcome::{Metric, Outcome, Target},
    peer::{Caddy, Edgeplane, Nginx, Role},
    stage::Stage,
    upstream::Upstream,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "not-found", run };

/// A name with a dot, so that the route to the files takes it.
const MISSING: &str = "/not/here.css";
/// Nothing is promised of these two; more than nginx takes would be a surprise.
const MOST: f64 = 1.0;

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    Ok(vec![fallback(stage)?, nobody(stage)?])
}

fn fallback(stage: &Stage) -> Result<Outcome, Failure> {
    let upstream = Upstream::start(stage)?;
    let what = "A path that the files' route takes and no file has: the app answers it (nginx: `try_files`).";
    let mut outcome = Outcome::new("fallback", "404 of the files, answered by the app", what);
    outcome.remarks.push(proxied::REMARK.into());
    outcome.targets.push(Target::ratio(&Metric::CPU, "nginx", MOST));
    let load = Load::of(upstream.request(MISSING)?, CONNECTIONS);
    let role = Role::Fallback { site: stage.site()?, upstream: upstream.0.address };
    let contest = Contest::start(stage, role, &[&Edgeplane, &Nginx, &Caddy], &load, &mut outcome)?;
    contest.traced(5000).capacity(&mut outcome)?;
    Ok(outcome)
}

fn nobody(stage: &Stage) -> Result<Outcome, Failure> {
    let what = "A path that nobody has. What is said with the 404 is each server's own.";
    let mut outcome = Outcome::new("not-found", "404", what);
    outcome.targets.push(Target::ratio(&Metric::CPU, "nginx", MOST));
    let request = Request::get(MISSING, &[]).expecting(404, Body::Any);
    let load = Load::of(request, CONNECTIONS);
    let contest = Contest::start(stage, Role::Static(stage.site()?), &PEERS, &load, &mut outcome)?;
    contest.traced(5000).capacity(&mut outcome)?;
    Ok(outcome)
}
