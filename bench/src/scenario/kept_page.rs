//! A page of Nuxt that is kept: what it costs beside a file of its size, and beside the Node that renders it.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{Scenario, ssr, static_file::CONNECTIONS};
use crate::{
    failure::Failure,
    load::{self, Body, Load, Request, Until, count},
    outcome::{Limit, Metric, Outcome, Subject, Target},
    peer::{Edgeplane, Launch, Node, Role, Running},
    site::write,
    stage::Stage,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "kept-page", run };

/// A page that says how long it may be kept.
const PAGE: &str = "/kept/headers";
/// The same bytes as a file.
const FILE: &str = "/page.html";
/// What a kept page may cost in CPU against a file of its size.
const MOST: f64 = 1.2;
/// What is to come of keeping it.
const LEAST: f64 = 50.0;
const KEPT: &str = "a kept page";
const OF_ITS_SIZE: &str = "a file of its size";
const ON: [(&str, &str); 1] = [("EDGEPLANE_EDGE_CACHE_ENABLED", "true")];
const MANIFEST: &str = r#"{
  "version": 1,
  "framework": { "name": "bench", "version": "1.0.0" },
  "routes": [{ "path": "/*", "target": { "kind": "Static" } }]
}
"#;

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    let bundle = ssr::bundle(stage, "nuxt3")?;
    let what = format!(
        "`{PAGE}` of the Nuxt bundle over {CONNECTIONS} keep-alive connections, closed loop: kept by Edgeplane, as a file \
         that Edgeplane serves, and of Node itself, which renders it each time."
    );
    let mut outcome = Outcome::new("kept-page", "A page of Nuxt, kept", what);
    outcome.targets.push(Target {
        what: "CPU of a kept page against a file of its size".into(),
        subject: Subject::Ratio { of: KEPT.into(), to: OF_ITS_SIZE.into() },
        ..Target::ratio(&Metric::CPU, "", MOST)
    });
    outcome.targets.push(Target {
        what: "requests for a kept page against Node alone".into(),
        subject: Subject::Ratio { of: KEPT.into(), to: "node".into() },
        limit: Limit::AtLeast(LEAST),
        ..Target::ratio(&Metric::THROUGHPUT, "", LEAST)
    });
    let node =
        Running::start(&Node, &Launch::pinned(Role::App { bundle: &bundle, upstream: None, instances: 1 }), stage)?;
    let role = Role::App { bundle: &bundle, upstream: Some(node.address), instances: 0 };
    let mut kept = Running::start(&Edgeplane, &Launch { environment: &ON, ..Launch::pinned(role) }, stage)?;
    kept.name = KEPT;
    let page = Request::get(PAGE, &[]);
    let content = Bytes::from(load::once(kept.address, &page)?.body);
    let files = files(stage, &content)?;
    let mut file =
        Running::start(&Edgeplane, &Launch::pinned(Role::App { bundle: &files, upstream: None, instances: 1 }), stage)?;
    file.name = OF_ITS_SIZE;
    let exactly = |request: Request| Load::of(request.expecting(200, Body::Exact(content.clone())), CONNECTIONS);
    let servers = [
        (kept, exactly(page.clone())),
        (file, exactly(Request::get(FILE, &[]))),
        (node, Load::of(page.expecting(200, Body::Any), CONNECTIONS)),
    ];
    if let Err(failure) = rounds(stage, &servers, &mut outcome) {
        outcome.void = Some(failure.told());
    }
    Ok(vec![outcome])
}

fn rounds(stage: &Stage, servers: &[(Running, Load)], outcome: &mut Outcome) -> Result<(), Failure> {
    for round in 0..stage.extent.rounds + 1 {
        for (server, load) in servers.iter().cycle().skip(round % servers.len()).take(servers.len()) {
            let before = server.tree().cpu();
            let tally = load::closed(server.address, load, Until::Elapsed(stage.extent.seconds))?;
            let used = server.tree().cpu().saturating_sub(before).as_secs_f64() * 1e6;
            // The first round fills caches and has Node compile.
            if round > 0 {
                outcome.record(server.name, &Metric::CPU, used / count(tally.requests.max(1)));
                outcome.record(server.name, &Metric::THROUGHPUT, tally.per_second());
                tally.record_latency(outcome, server.name);
            }
        }
    }
    Ok(())
}

/// A bundle of one file.
fn files(stage: &Stage, content: &Bytes) -> Result<PathBuf, Failure> {
    let folder = stage.folder("kept-page")?;
    let inside = |name: &str| Path::new(&folder).join(name);
    write(&inside("static/page.html"), content)?;
    write(&inside("deploy-manifest.json"), MANIFEST.as_bytes())?;
    Ok(folder)
}
