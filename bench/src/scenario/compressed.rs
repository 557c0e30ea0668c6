//! Compressed variants: the very bytes that Edgeplane serves, laid beside the files for the others.

use super::{
    Contest, Scenario,
    static_file::{CONNECTIONS, PEERS},
};
use crate::{
    failure::Failure,
    load::{Body, Load, Request},
    outcome::{Metric, Outcome, Target},
    peer::{Nginx, Role},
    stage::Stage,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "compressed", run };

/// The field's value, the ending of the sibling, and how much of nginx's CPU time.
const CODINGS: [(&str, &str, f64); 2] = [("br", "br", 0.65), ("gzip", "gz", 0.65)];
const FILE: &str = "100k.css";
const MOST_REQUESTS_TRACED: u64 = 5000;

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    CODINGS.iter().map(|(coding, ending, most)| one(stage, coding, ending, *most)).collect()
}

fn one(stage: &Stage, coding: &str, ending: &str, most: f64) -> Result<Outcome, Failure> {
    let site = stage.site()?;
    let variant = site.bytes(&format!("{FILE}.{ending}"))?;
    let what = format!(
        "A style sheet of 100 KB, asked for with `Accept-Encoding: {coding}`: {} bytes, the same from everybody.",
        variant.len()
    );
    let mut outcome = Outcome::new(format!("compressed-{coding}"), format!("Compressed variant, {coding}"), what);
    outcome.targets.push(Target::ratio(&Metric::CPU, "nginx", most));
    let request = Request::get(&format!("/{FILE}"), &[("Accept-Encoding", coding)]);
    let load = Load::of(request.expecting(200, Body::Exact(variant)), CONNECTIONS);
    let able = |peer: &&&dyn crate::peer::Peer| coding != "br" || peer.name() != "nginx" || Nginx::has_brotli();
    let peers: Vec<_> = PEERS.iter().filter(able).copied().collect();
    if peers.len() < PEERS.len() {
        outcome.remarks.push("nginx has no brotli_static here".into());
    }
    let contest = Contest::start(stage, Role::Static(site), &peers, &load, &mut outcome)?;
    contest.traced(MOST_REQUESTS_TRACED).capacity(&mut outcome)?;
    Ok(outcome)
}
