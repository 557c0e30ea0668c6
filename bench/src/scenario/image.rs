//! Pictures made smaller: the first time, which is work, and again, which is a look into the cache.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use bytes::Bytes;

use super::{Scenario, company};
use crate::{
    failure::Failure,
    load::{self, Body, Load, Request, Until, count},
    outcome::{Judge, Limit, Metric, OURS, Outcome, Subject, Target, Unit},
    peer::{Edgeplane, Ipx, Launch, Peer, Role, Running},
    photo,
    site::write,
    stage::Stage,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "image", run };

/// What a phone of some years ago makes, and the width that a page shows it in.
const WORK: Work = Work { source: (4000, 3000), width: 1080 };
/// Enough to see that it runs.
const SMALL_WORK: Work = Work { source: (800, 600), width: 320 };
const QUALITY: usize = 75;
/// Each makes a picture of its own from the same photograph.
const ROUNDS: usize = 5;
/// Connections that ask for a picture that is there.
const CONNECTIONS: usize = 32;

#[derive(Clone, Copy)]
struct Work {
    source: (usize, usize),
    width: usize,
}

/// Name, what a file of that kind begins with, and from where.
const FORMATS: [(&str, &str, usize, &[u8]); 4] = [
    ("avif", "AVIF", 4, b"ftypavif"),
    ("webp", "WebP", 8, b"WEBP"),
    ("jpeg", "JPEG", 0, b"\xFF\xD8\xFF"),
    ("png", "PNG", 0, b"\x89PNG"),
];

const MISS: Metric = Metric::less("time to make one", Unit::Milliseconds);
const MISS_CPU: Metric = Metric::less("CPU to make one", Unit::Milliseconds);
const BYTES: Metric = Metric::less("bytes", Unit::Bytes);
const HIT: Metric = Metric::less("CPU per cached one", Unit::Microseconds);
/// The same bytes as a file of the bundle.
const FILE_OF_SIZE: &str = "edgeplane, a file of the same bytes";
/// What a picture that is there costs, to what a file of its size costs.
const HIT_MOST: f64 = 1.2;

const MANIFEST: &str = r#"{
  "version": 1,
  "framework": { "name": "bench", "version": "1.0.0" },
  "routes": [
    { "path": "/_amplify/image", "target": { "kind": "ImageOptimization", "cacheControl": "public, max-age=3600" } },
    { "path": "/*.*", "target": { "kind": "Static" } },
    { "path": "/*", "target": { "kind": "Compute", "src": "default" } }
  ],
  "computeResources": [{ "name": "default", "runtime": "nodejs20.x", "entrypoint": "server.js" }],
  "imageSettings": {
    "sizes": [320, 640, 1080, 1920],
    "domains": [],
    "remotePatterns": [],
    "formats": ["image/avif", "image/webp", "image/jpeg", "image/png"],
    "minimumCacheTTL": 3600,
    "dangerouslyAllowSVG": false
  }
}
"#;

/// A small file beside the pictures.
pub(super) const FILE: &str = "/small.css";
pub(super) const CONTENT: &[u8] = &[b' '; 1024];

/// The specification wants a server beside pictures. Nobody asks it.
const SERVER: &str = "require('node:http').createServer((_, answer) => answer.end()).listen(3000)\n";

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    let rounds = stage.extent.rounds.min(ROUNDS);
    let bundle = bundle(stage, rounds)?;
    let Work { source: (width, height), width: to } = stage.extent.of(WORK, SMALL_WORK);
    let mut outcomes: Vec<Outcome> = FORMATS
        .iter()
        .map(|(name, title, ..)| {
            let what = format!(
                "A JPEG of {width} x {height} pixels becomes {title}, {to} pixels wide, quality {QUALITY}, on one core; \
                 never the same picture twice. Then the same picture again, over {CONNECTIONS} connections."
            );
            let mut outcome = Outcome::new(format!("image-{name}"), format!("Picture to {title}"), what);
            outcome.targets.push(Target {
                what: "CPU of a cached one against a file of its size".into(),
                metric: HIT,
                subject: Subject::Ratio { of: OURS.into(), to: FILE_OF_SIZE.into() },
                limit: Limit::AtMost(HIT_MOST),
                judge: Judge::Median,
            });
            outcome
        })
        .collect();
    let mut absent = Outcome::new("", "", "");
    let mut servers = Vec::new();
    for peer in company::present(stage, &[&Edgeplane as &dyn Peer, &Ipx], &mut absent) {
        let role = Role::App { bundle: &bundle, upstream: None, instances: 1 };
        servers.push(Running::start(peer, &Launch::pinned(role), stage)?);
    }
    for (outcome, format) in outcomes.iter_mut().zip(&FORMATS) {
        outcome.remarks.clone_from(&absent.remarks);
        outcome.remarks.push("Quality means something else to each encoder: read times beside bytes.".into());
        outcome.remarks.push("ipx keeps no pictures: it makes each again.".into());
        if format.0 == "png" {
            outcome.remarks.push("ipx is asked without a quality, which would make it reduce the colours.".into());
        }
        if let Err(failure) = measure(stage, &servers, format, rounds, outcome) {
            outcome.void = Some(failure.told());
        }
    }
    Ok(outcomes)
}

/// A bundle with as many copies of the photograph as are asked for, no two with the same bytes.
pub(super) fn bundle(stage: &Stage, rounds: usize) -> Result<PathBuf, Failure> {
    let folder = stage.folder("pictures")?;
    let photograph = folder.join("photograph.jpg");
    let (width, height) = stage.extent.of(WORK, SMALL_WORK).source;
    photo::jpeg(stage, width, height, &photograph)?;
    let jpeg = fs::read(&photograph).map_err(Failure::file("read", &photograph))?;
    let bundle = folder.join("bundle");
    found(&bundle, &[(&format!("static{FILE}"), CONTENT)])?;
    for copy in 0..=rounds {
        write(&bundle.join("static").join(name(copy)), &photo::with_comment(&jpeg, &format!("copy {copy}")))?;
    }
    Ok(bundle)
}

/// A bundle with an image route and these files.
pub(super) fn found(bundle: &Path, files: &[(&str, &[u8])]) -> Result<(), Failure> {
    write(&bundle.join("deploy-manifest.json"), MANIFEST.as_bytes())?;
    write(&bundle.join("compute/default/server.js"), SERVER.as_bytes())?;
    files.iter().try_for_each(|(name, content)| write(&bundle.join(name), content))
}

/// A request for a picture that nobody asked for before, as long as numbers are not used twice.
pub(super) fn never_made(number: usize) -> Request {
    // Quality and copy decide what is made; widths are few.
    let (quality, copy) = (number % 100 + 1, number / 100);
    let path = format!("/_amplify/image?url=%2F{}&w=640&q={quality}&format=webp", name(copy));
    Request::get(&path, &[])
}

fn name(copy: usize) -> String {
    format!("photo-{copy}.jpg")
}

/// A request for one copy in one format, as the server understands it.
fn request(server: &str, copy: usize, width: usize, format: &str) -> Request {
    let name = name(copy);
    let path = match (server, format) {
        (OURS, _) => format!("/_amplify/image?url=%2F{name}&w={width}&q={QUALITY}&format={format}"),
        (_, "png") => format!("/w_{width},f_png/{name}"),
        (_, _) => format!("/w_{width},f_{format},q_{QUALITY}/{name}"),
    };
    Request::get(&path, &[])
}

fn measure(
    stage: &Stage,
    servers: &[Running],
    (format, _, from, magic): &(&str, &str, usize, &[u8]),
    rounds: usize,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let width = stage.extent.of(WORK, SMALL_WORK).width;
    // Copy 0 is for whoever has to load a library first.
    for copy in 0..=rounds {
        for server in servers {
            let request = request(server.name, copy, width, format);
            let (before, began) = (server.tree().cpu(), Instant::now());
            let answer = load::once(server.address, &request)?;
            let (took, used) = (began.elapsed(), server.tree().cpu().saturating_sub(before));
            if answer.status != 200 || !answer.body.get(*from..).is_some_and(|rest| rest.starts_with(magic)) {
                return Err(Failure::void(format!(
                    "{}: `{}` is not answered with {format}",
                    server.name, request.path
                )));
            }
            if copy > 0 {
                outcome.record(server.name, &MISS, took.as_secs_f64() * 1e3);
                outcome.record(server.name, &MISS_CPU, used.as_secs_f64() * 1e3);
                outcome.record(server.name, &BYTES, count(answer.body.len() as u64));
            }
            if server.name == OURS && copy == rounds {
                hits(stage, server, &request, &Bytes::from(answer.body), outcome)?;
            }
        }
    }
    Ok(())
}

/// Pictures that are there, in turns with a file of the same bytes.
fn hits(
    stage: &Stage,
    server: &Running,
    request: &Request,
    picture: &Bytes,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let bundle = stage.folder("picture-as-file")?;
    found(&bundle, &[("static/picture.bin", picture)])?;
    let role = Role::App { bundle: &bundle, upstream: None, instances: 1 };
    let files = Running::start(&Edgeplane, &Launch::pinned(role), stage)?;
    let whole = Body::Exact(picture.clone());
    let kept = Load::of(request.clone().expecting(200, whole.clone()), CONNECTIONS);
    let file = Load::of(Request::get("/picture.bin", &[]).expecting(200, whole), CONNECTIONS);
    for _ in 0..stage.extent.rounds {
        for (name, server, load) in [(OURS, server, &kept), (FILE_OF_SIZE, &files, &file)] {
            let before = server.tree().cpu();
            let tally = load::closed(server.address, load, Until::Elapsed(stage.extent.seconds))?;
            let used = server.tree().cpu().saturating_sub(before);
            outcome.record(name, &HIT, used.as_secs_f64() * 1e6 / count(tally.requests.max(1)));
            outcome.record(name, &Metric::THROUGHPUT, tally.per_second());
        }
    }
    Ok(())
}
