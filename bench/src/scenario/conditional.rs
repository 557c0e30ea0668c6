//! What a browser asks again: whether a file has changed, and a part of a large one.

use super::{
    Contest, Scenario,
    static_file::{CONNECTIONS, PEERS},
};
use crate::{
    failure::Failure,
    load::{Body, Load, Request},
    outcome::{Metric, Outcome, Target},
    peer::Role,
    site::LAST_MODIFIED,
    stage::Stage,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "conditional", run };

/// Nothing is promised of these two; more than nginx takes would be a surprise.
const MOST: f64 = 1.0;
const LARGE: &str = "10m.bin";
/// A piece from the middle of it, as a media player asks for.
const FROM: usize = 5_000_000;
const LENGTH: usize = 64 * 1024;

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    Ok(vec![not_modified(stage)?, range(stage)?])
}

/// ETags differ between servers, so the date is asked about.
fn not_modified(stage: &Stage) -> Result<Outcome, Failure> {
    let what = "`If-Modified-Since` with the file's own date; the answer has no body.";
    let mut outcome = Outcome::new("not-modified", "304 Not Modified", what);
    outcome.targets.push(Target::ratio(&Metric::CPU, "nginx", MOST));
    let request = Request::get("/10k.css", &[("If-Modified-Since", LAST_MODIFIED)]);
    let load = Load::of(request.expecting(304, Body::Length(0)), CONNECTIONS);
    let contest = Contest::start(stage, Role::Static(stage.site()?), &PEERS, &load, &mut outcome)?;
    contest.traced(5000).capacity(&mut outcome)?;
    Ok(outcome)
}

fn range(stage: &Stage) -> Result<Outcome, Failure> {
    let site = stage.site()?;
    let what = format!("{LENGTH} bytes from the middle of a file of 10 MB.");
    let mut outcome = Outcome::new("range", "Range of a large file", what);
    outcome.targets.push(Target::ratio(&Metric::CPU, "nginx", MOST));
    let piece = site.bytes(LARGE)?.slice(FROM..FROM + LENGTH);
    let field = format!("bytes={FROM}-{}", FROM + LENGTH - 1);
    let request = Request::get(&format!("/{LARGE}"), &[("Range", &field)]);
    let load = Load::of(request.expecting(206, Body::Exact(piece)), CONNECTIONS);
    let contest = Contest::start(stage, Role::Static(site), &PEERS, &load, &mut outcome)?;
    contest.traced(2000).capacity(&mut outcome)?;
    Ok(outcome)
}
