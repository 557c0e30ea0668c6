//! The recorded page loads of the Nuxt bundle: page, scripts, styles, pictures, as a browser asks for them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::{Scenario, company, ssr};
use crate::{
    failure::Failure,
    load::{self, Body, Request, count},
    outcome::{Metric, Outcome, Unit},
    peer::{Cores, Edgeplane, Launch, Nginx, Node, Role, Running},
    recording::{PageLoad, page_loads},
    site::write,
    stage::{LOAD_CORE, Stage},
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "page-load", run };

/// Browsers at once.
const BROWSERS: usize = 4;
/// What a picture's address begins with.
const PICTURES: &str = "/_amplify/image";
/// Codings with the endings nginx looks for.
const CODINGS: [(&str, &str); 2] = [("br", "br"), ("gzip", "gz")];

const CPU: Metric = Metric::less("CPU per page load", Unit::Microseconds);
const LOADS: Metric = Metric::more("page loads", Unit::PerSecond);

/// A server and what browsers ask it.
struct Host {
    server: Running,
    pages: Vec<PageLoad>,
}

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    let bundle = ssr::bundle(stage, "nuxt3")?;
    let pages = page_loads(&bundle)?;
    let n_requests: usize = pages.iter().map(|page| page.steps.len()).sum();
    let what = format!(
        "{} page loads of the Nuxt bundle, {n_requests} requests with the fields and in the order Chromium sent them, \
         each on new connections, at most six at a time; {BROWSERS} browsers at once.",
        pages.len()
    );
    let mut outcome = Outcome::new("page-load", "Page loads as recorded from Chromium", what);
    outcome.remarks.push(
        "Both have the same Node behind them, which runs on the generator's core and is not counted. nginx has no \
         optimizer: it is given the finished pictures as files."
            .into(),
    );
    let role = Role::App { bundle: &bundle, upstream: None, instances: 1 };
    let node = Running::start(&Node, &Launch { cores: Cores::One(LOAD_CORE), ..Launch::pinned(role) }, stage)?;
    let role = Role::App { bundle: &bundle, upstream: Some(node.address), instances: 0 };
    let ours = Running::start(&Edgeplane, &Launch::pinned(role), stage)?;
    let prepared = prepare(stage, &bundle, &ours, &pages)?;
    let mut hosts = vec![Host { pages: expecting(&ours, pages.clone())?, server: ours }];
    for peer in company::present(stage, &[&Nginx], &mut outcome) {
        let role = Role::App { bundle: &prepared, upstream: Some(node.address), instances: 0 };
        let server = Running::start(peer, &Launch::pinned(role), stage)?;
        hosts.push(Host { pages: expecting(&server, moved(&pages))?, server });
    }
    outcome.void = differing(&hosts);
    if outcome.void.is_none() {
        measure(stage, &hosts, &mut outcome);
    }
    Ok(vec![outcome])
}

/// A bundle for nginx: the same files, the variants that Edgeplane has of those that are asked for, and the pictures.
fn prepare(stage: &Stage, bundle: &Path, ours: &Running, pages: &[PageLoad]) -> Result<PathBuf, Failure> {
    let folder = stage.folder("pages")?;
    let paths: BTreeSet<_> = pages.iter().flat_map(|page| &page.steps).map(|step| step.path.as_str()).collect();
    for path in paths {
        let name = path.split('?').next().unwrap_or(path).trim_start_matches('/');
        let (from, to) = (bundle.join("static").join(name), folder.join("static").join(name));
        if path.starts_with(PICTURES) {
            continue;
        }
        let Ok(contents) = std::fs::read(&from) else { continue };
        write(&to, &contents)?;
        for (coding, ending) in CODINGS {
            let answer = load::once(ours.address, &Request::get(path, &[("Accept-Encoding", coding)]))?;
            if answer.field("content-encoding") == Some(coding) {
                write(&folder.join("static").join(format!("{name}.{ending}")), &answer.body)?;
            }
        }
    }
    for step in pages.iter().flat_map(|page| &page.steps).filter(|step| step.path.starts_with(PICTURES)) {
        let answer = load::once(ours.address, &step.request)?;
        write(&folder.join("static").join(picture(&step.path).trim_start_matches('/')), &answer.body)?;
    }
    Ok(folder)
}

/// The pages with pictures under names of files.
fn moved(pages: &[PageLoad]) -> Vec<PageLoad> {
    let mut pages = pages.to_vec();
    for step in pages.iter_mut().flat_map(|page| &mut page.steps) {
        if step.path.starts_with(PICTURES) {
            *step = step.moved(&picture(&step.path));
        }
    }
    pages
}

/// The file for a picture's address.
fn picture(path: &str) -> String {
    let plain = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    format!("/pictures/{}.bin", plain.collect::<String>())
}

/// The pages with the answers that they must always have, which are those they have now.
fn expecting(server: &Running, mut pages: Vec<PageLoad>) -> Result<Vec<PageLoad>, Failure> {
    for step in pages.iter_mut().flat_map(|page| &mut page.steps) {
        let answer = load::once(server.address, &step.request)?;
        if answer.status != 200 {
            return Err(Failure::void(format!("{}: `{}` is answered with {}", server.name, step.path, answer.status)));
        }
        step.request = step.request.clone().expecting(200, Body::Exact(Bytes::from(answer.body)));
    }
    Ok(pages)
}

/// Everybody must send the same bytes for the same request.
fn differing(hosts: &[Host]) -> Option<String> {
    let (first, others) = hosts.split_first()?;
    let steps = |host: &Host| host.pages.iter().flat_map(|page| page.steps.clone()).collect::<Vec<_>>();
    others.iter().find_map(|other| {
        let pairs = steps(first).into_iter().zip(steps(other));
        let (step, _) =
            pairs.into_iter().find(|(ours, theirs)| ours.request.expect.body != theirs.request.expect.body)?;
        Some(format!("{} and {} send other bytes for `{}`", first.server.name, other.server.name, step.path))
    })
}

/// Interleaved rounds; then memory. Wrong answers void the outcome.
fn measure(stage: &Stage, hosts: &[Host], outcome: &mut Outcome) {
    let once = |host: &Host, outcome: Option<&mut Outcome>| -> Result<(), Failure> {
        let before = host.server.tree().cpu();
        let seen = load::pages(host.server.address, &host.pages, BROWSERS, stage.extent.seconds)?;
        let used = host.server.tree().cpu().saturating_sub(before).as_secs_f64() * 1e6;
        let Some(outcome) = outcome else { return Ok(()) };
        let name = host.server.name;
        outcome.record(name, &CPU, used / count(seen.loads.requests.max(1)));
        outcome.record(name, &Metric::CPU, used / count(seen.requests.max(1)));
        outcome.record(name, &LOADS, seen.loads.per_second());
        seen.loads.record_latency(outcome, name);
        Ok(())
    };
    let failed = |host: &Host, failure: &Failure| Some(format!("{}: {}", host.server.name, failure.told()));
    for round in 0..=stage.extent.rounds {
        for place in 0..hosts.len() {
            let Some(host) = hosts.get((round + place) % hosts.len()) else { continue };
            // The first round fills caches and lets Node compile.
            let recorded = if round == 0 { None } else { Some(&mut *outcome) };
            if let Err(failure) = once(host, recorded) {
                outcome.void = failed(host, &failure);
                return;
            }
        }
    }
    for host in hosts {
        outcome.record(host.server.name, &Metric::PEAK_MEMORY, count(host.server.tree().memory().peak));
    }
}
