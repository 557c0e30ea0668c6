//! How long somebody waits for a picture that nobody has asked for before, beside sharp with its AVIF.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::json;

use super::{NAME, QUALITY, sharp::Sharp};
use crate::{
    failure::Failure,
    load::{self, Answer, Request},
    outcome::{Metric, OURS, Outcome, Target, Unit},
    pause::pause,
    peer::{Edgeplane, Launch, Role, Running},
    scenario::image,
    stage::Stage,
};

const WIDTHS: &[u32] = &[640, 1080, 1920];
const FIRST: Metric = Metric::less("time to the first answer", Unit::Milliseconds);
/// Of the time that sharp takes.
const MOST: f64 = 0.4;
/// What browsers say today.
const ACCEPT: &str = "image/avif,image/webp,image/apng,image/*,*/*;q=0.8";
/// Elsewhere nobody is answered with another format than the one asked for.
const AS_IT_SHIPS: [(&str, &str); 1] = [("EDGEPLANE_IMAGE_AVIF_WAIT", "250ms")];
/// Until the AVIF that is made behind an interim answer is there.
const BEHIND: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// Asks servers that have made nothing before, one picture after the other; each is let come to rest before the next.
pub(super) fn run(stage: &Stage, sharp: &mut Sharp, photographs: &[PathBuf]) -> Result<Outcome, Failure> {
    let widths = stage.extent.of(WIDTHS, &[320]);
    let told: Vec<String> = widths.iter().map(u32::to_string).collect();
    let what = format!(
        "A client that takes AVIF asks for photographs that nobody has asked for, {} pixels wide, quality {QUALITY}: \
         from the request to the last byte of the first answer, which may be an interim one. sharp makes the AVIF that \
         Next.js has its clients wait for. One core, nothing else to do.",
        told.join(", ")
    );
    let mut outcome = Outcome::new("picture-first", "The first answer of a miss", what);
    if !stage.extent.smoke {
        outcome.targets.push(Target::ratio(&FIRST, NAME, MOST));
    }
    let bundle = bundle(stage, photographs)?;
    let out = bundle.join("theirs");
    for _ in 0..stage.extent.rounds {
        let role = Role::App { bundle: &bundle, upstream: None, instances: 1 };
        let server = Running::start(&Edgeplane, &Launch { environment: &AS_IT_SHIPS, ..Launch::pinned(role) }, stage)?;
        for (number, photograph) in photographs.iter().enumerate() {
            for width in widths {
                let question = json!({
                    "do": "make", "source": photograph, "width": width, "format": "avif", "quality": QUALITY, "out": out,
                });
                outcome.record(NAME, &FIRST, sharp.make(&question)?.wall_ms);
                outcome.record(OURS, &FIRST, ours(&server, number, *width)?);
            }
        }
    }
    Ok(outcome)
}

fn bundle(stage: &Stage, photographs: &[PathBuf]) -> Result<PathBuf, Failure> {
    let bundle = stage.folder("first-pictures")?;
    let files = photographs.iter().enumerate().map(|(number, path)| read(number, path));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    image::found(&bundle, &files)?;
    Ok(bundle)
}

fn read(number: usize, path: &Path) -> Result<(String, Vec<u8>), Failure> {
    Ok((format!("static/photograph-{number}.jpg"), fs::read(path).map_err(Failure::file("read", path))?))
}

/// The time in milliseconds; afterwards the server has nothing more to do.
fn ours(server: &Running, photograph: usize, width: u32) -> Result<f64, Failure> {
    let target = format!("/_amplify/image?url=%2Fphotograph-{photograph}.jpg&w={width}&q={QUALITY}");
    let request = Request::get(&target, &[("accept", ACCEPT)]);
    let began = Instant::now();
    let answer = load::once(server.address, &request)?;
    let took = began.elapsed();
    if answer.status != 200 || !cache(&answer).starts_with("MISS") {
        return Err(Failure::void(format!("`{target}`: {} {}, not a miss", answer.status, cache(&answer))));
    }
    let patience = Instant::now() + BEHIND;
    loop {
        let again = load::once(server.address, &request)?;
        if again.field("content-type") == Some("image/avif") && cache(&again) == "HIT" {
            return Ok(took.as_secs_f64() * 1e3);
        }
        if Instant::now() > patience {
            return Err(Failure::void(format!("`{target}` does not become AVIF")));
        }
        pause(LOOK);
    }
}

fn cache(answer: &Answer) -> &str {
    answer.field("x-edgeplane-cache").unwrap_or_default()
}
