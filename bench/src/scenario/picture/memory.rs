//! Memory while one large picture is made: server and worker together, beside sharp with its Node.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use serde_json::json;

use super::{NAME, QUALITY, sharp::Sharp};
use crate::{
    failure::Failure,
    load::{self, Request, count},
    measure::Tree,
    outcome::{Metric, OURS, Outcome, Target},
    pause::pause,
    peer::{Edgeplane, Launch, Role, Running},
    scenario::image,
    stage::Stage,
};

const WIDTH: u32 = 1080;
const FORMATS: [&str; 3] = ["webp", "jpeg", "avif"];
/// Of sharp's.
const MOST: f64 = 0.7;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// Has the photograph made in each format by servers that have done nothing before.
pub(super) fn run(stage: &Stage, photograph: &Path) -> Result<Outcome, Failure> {
    let formats = FORMATS.join(", ");
    let what = format!(
        "The largest photograph becomes {WIDTH} pixels wide, as {formats} by turns, each by processes that have made \
         nothing before. Memory is the most at any time of all processes together, what they share counted once; of \
         Edgeplane the server and its worker, of sharp Node with the library."
    );
    let mut outcome = Outcome::new("picture-memory", "Memory for one large picture", what);
    if !stage.extent.smoke {
        outcome.targets.push(Target::ratio(&Metric::PEAK_MEMORY, NAME, MOST));
    }
    let bundle = stage.folder("one-picture")?;
    let source = fs::read(photograph).map_err(Failure::file("read", photograph))?;
    image::found(&bundle, &[("static/photograph.jpg", &source)])?;
    for _ in 0..stage.extent.rounds {
        for format in FORMATS {
            outcome.record(OURS, &Metric::PEAK_MEMORY, ours(stage, &bundle, format)?);
            outcome.record(NAME, &Metric::PEAK_MEMORY, theirs(stage, photograph, format)?);
        }
    }
    Ok(outcome)
}

fn ours(stage: &Stage, bundle: &Path, format: &str) -> Result<f64, Failure> {
    let role = Role::App { bundle, upstream: None, instances: 1 };
    let server = Running::start(&Edgeplane, &Launch::pinned(role), stage)?;
    let target = format!("/_amplify/image?url=%2Fphotograph.jpg&w={WIDTH}&q={QUALITY}&format={format}");
    let (answer, peak) = watched(server.tree(), || load::once(server.address, &Request::get(&target, &[])));
    match answer?.status {
        200 => Ok(peak),
        status => Err(Failure::void(format!("`{target}` is answered with {status}"))),
    }
}

fn theirs(stage: &Stage, photograph: &Path, format: &str) -> Result<f64, Failure> {
    let Some(mut sharp) = Sharp::start(stage)? else { return Err(Failure::Absent { peer: NAME.into() }) };
    let out = stage.folder("one-picture")?.join("theirs");
    let question = json!({
        "do": "make", "source": photograph, "width": WIDTH, "format": format, "quality": QUALITY, "out": out,
    });
    let tree = sharp.tree();
    let (made, peak) = watched(tree, || sharp.make(&question));
    made.map(|_| peak)
}

/// Does something, and tells the most memory that the processes held meanwhile.
fn watched<T>(tree: Tree, act: impl FnOnce() -> T) -> (T, f64) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut peak = 0;
            while !over.load(Relaxed) {
                peak = tree.shared_out().max(peak);
                pause(LOOK);
            }
            peak
        });
        let done = act();
        over.store(true, Relaxed);
        (done, count(watching.join().unwrap_or(0)))
    })
}
