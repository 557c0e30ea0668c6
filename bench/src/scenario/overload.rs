//! Small files while more pictures are asked for than can be made: does the work on pixels hold up everybody?

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::Instant,
};

use bytes::Bytes;

use super::{Scenario, image};
use crate::{
    failure::Failure,
    load::{self, Body, Load, Request, count},
    outcome::{Judge, Limit, Metric, OURS, Outcome, Subject, Target, Unit},
    peer::{Edgeplane, Launch, Role, Running},
    stage::Stage,
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "overload", run };

/// Small files a second.
const RATE: f64 = 1000.0;
const CONNECTIONS: usize = 32;
/// Clients that ask for pictures, each for another as soon as it has its answer: far more than four times what one
/// core makes.
const CLIENTS: usize = 32;
const PAIRS: usize = 7;
/// p99 beside the pictures to p99 without.
const MOST: f64 = 2.0;
/// Of the server's peak memory: its own budget for pixels, and what it has anyhow.
const MEMORY_MAX: f64 = 1.5e9;

const IDLE: &str = "edgeplane, idle";
const MADE: Metric = Metric::more("pictures made", Unit::PerSecond);
const REFUSED: Metric = Metric::less("pictures refused with 503", Unit::PerSecond);

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    let what = format!(
        "`{}` {RATE} times a second while {CLIENTS} clients ask for pictures that were never made, one after the other; \
         beside it the same without pictures.",
        image::FILE
    );
    let mut outcome = Outcome::new("overload", "Small files while too many pictures are asked for", what);
    if !stage.extent.smoke {
        outcome.targets.push(Target {
            what: "p99 against p99 without the pictures".into(),
            metric: Metric::P99,
            subject: Subject::Ratio { of: OURS.into(), to: IDLE.into() },
            limit: Limit::AtMost(MOST),
            judge: Judge::Interval,
        });
        outcome.targets.push(Target::at_most(&Metric::PEAK_MEMORY, OURS, MEMORY_MAX));
    }
    let bundle = image::bundle(stage, CLIENTS)?;
    let role = Role::App { bundle: &bundle, upstream: None, instances: 1 };
    let server = Running::start(&Edgeplane, &Launch::pinned(role), stage)?;
    let file = Request::get(image::FILE, &[]).expecting(200, Body::Exact(Bytes::from_static(image::CONTENT)));
    let load = Load::of(file, CONNECTIONS);
    load::open(server.address, &load, RATE, stage.extent.seconds)?;
    let asked = AtomicUsize::new(0);
    for _ in 0..stage.extent.pairs(PAIRS) {
        load::open(server.address, &load, RATE, stage.extent.seconds)?.record_latency(&mut outcome, IDLE);
        if let Err(failure) = beside(stage, &server, &load, &asked, &mut outcome) {
            outcome.void = Some(failure.told());
            break;
        }
    }
    outcome.record(OURS, &Metric::PEAK_MEMORY, count(server.tree().memory().peak));
    Ok(vec![outcome])
}

/// One round with pictures.
fn beside(
    stage: &Stage,
    server: &Running,
    load: &Load,
    asked: &AtomicUsize,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let (over, made, refused) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let client = || -> Result<(), Failure> {
        while !over.load(Relaxed) {
            let request = image::never_made(asked.fetch_add(1, Relaxed));
            match load::once(server.address, &request)?.status {
                200 => made.fetch_add(1, Relaxed),
                503 => refused.fetch_add(1, Relaxed),
                status => return Err(Failure::void(format!("`{}` is answered with {status}", request.path))),
            };
        }
        Ok(())
    };
    let began = Instant::now();
    let tally = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        let tally = load::open(server.address, load, RATE, stage.extent.seconds);
        over.store(true, Relaxed);
        for client in clients {
            client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        tally
    })?;
    tally.record_latency(outcome, OURS);
    let per_second = |number: &AtomicUsize| count(number.load(Relaxed) as u64) / began.elapsed().as_secs_f64();
    outcome.record(OURS, &MADE, per_second(&made));
    outcome.record(OURS, &REFUSED, per_second(&refused));
    Ok(())
}
