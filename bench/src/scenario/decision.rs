//! The decisions alone, in this process: how long they take, and that patterns made to hurt do not.

use std::{hint::black_box, thread, time::Instant};

use super::Scenario;
use crate::{
    cores,
    decision::{PATH, PlainRequest, Ruling, compile, routes},
    failure::Failure,
    load::count,
    measure::Tree,
    outcome::{Limit, Metric, OURS, Outcome, Subject, Target, Unit},
    site::Random,
    stage::{SERVER_CORE, Stage},
};

pub(crate) const SCENARIO: Scenario = Scenario { name: "decision", run };

/// Rounds are short, so there are more of them than anybody asks for.
const ROUNDS: usize = 11;
const OPERATIONS: usize = 100_000;
const OPERATIONS_SMOKE: usize = 1000;
const TIME: Metric = Metric::less("time", Unit::Nanoseconds);
const GROWTH: Metric = Metric::less("memory grown", Unit::Bytes);
/// What a decision among 25 rules may take, how much more than with one, and with patterns made to hurt.
const MOST_NS: f64 = 100.0;
const MOST_TIMES: f64 = 1.2;
const WARM_MOST_NS: f64 = 1000.0;
const FRESH_MOST_NS: f64 = 20_000.0;
/// What is flat, beside what the allocator keeps for itself.
const GROWTH_MOST: f64 = 1024.0 * 1024.0;
const N_HOSTILE: usize = 25;

fn run(stage: &Stage) -> Result<Vec<Outcome>, Failure> {
    let operations = stage.extent.of(OPERATIONS, OPERATIONS_SMOKE);
    let measured = move || {
        cores::stay_on(SERVER_CORE)?;
        Ok(vec![few_and_many(operations)?, hostile(operations)?, rules(operations)?, plain_request(operations)?])
    };
    thread::scope(|scope| match scope.spawn(measured).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

fn few_and_many(operations: usize) -> Result<Outcome, Failure> {
    let what = "The route of a path of 40 bytes which only the last rule takes.";
    let mut outcome = Outcome::new("route", "Route decision", what);
    outcome.targets.push(most("25 rules", MOST_NS));
    outcome.targets.push(Target {
        what: "25 rules against 1 rule".into(),
        subject: Subject::Ratio { of: "25 rules".into(), to: "1 rule".into() },
        ..most("25 rules", MOST_TIMES)
    });
    let sets = [("1 rule", routes(1)?), ("5 rules", routes(5)?), ("25 rules", routes(25)?)];
    for _ in 0..ROUNDS {
        for (name, routes) in &sets {
            outcome.record(name, &TIME, nanoseconds(operations, |_| routes.find(black_box(PATH))));
        }
    }
    Ok(outcome)
}

/// Patterns of which every prefix of a path may be the beginning in many ways, and which no path completes.
fn hostile(operations: usize) -> Result<Outcome, Failure> {
    let what = "25 patterns such as `/*c*a*f*b-7`, against paths of 40 letters that never match one of them.";
    let mut outcome = Outcome::new("route-hostile", "Route decision, patterns made to hurt", what);
    outcome.targets.push(most("warm path", WARM_MOST_NS));
    outcome.targets.push(most("fresh random paths", FRESH_MOST_NS));
    let what = "memory grown over fresh random paths".into();
    outcome.targets.push(Target { what, metric: GROWTH, ..most(OURS, GROWTH_MOST) });

    let mut random = Random(3);
    let patterns: Vec<String> = (1..N_HOSTILE)
        .map(|n| {
            let stars: String = (0..4).flat_map(|_| ['*', letter(&mut random)]).collect();
            format!("/{stars}-{n}")
        })
        .chain(["/*".to_owned()])
        .collect();
    let routes = compile(&patterns)?;
    let warm = path(&mut Random(4));
    let find = |paths: &[Path]| nanoseconds(paths.len(), |n| paths.get(n).and_then(|path| routes.find(path)));
    let mut paths = vec![[0; PATH.len()]; operations];
    let mut refill = |paths: &mut [Path]| paths.fill_with(|| path(&mut random));
    // Whatever is kept between searches is full after these.
    refill(&mut paths);
    find(&paths);
    let own = Tree::of(std::process::id());
    let before = own.memory().own;
    for _ in 0..ROUNDS {
        refill(&mut paths);
        outcome.record("fresh random paths", &TIME, find(&paths));
        outcome.record("warm path", &TIME, nanoseconds(operations, |_| routes.find(black_box(&warm))));
    }
    outcome.record(OURS, &GROWTH, count(own.memory().own.saturating_sub(before)));
    Ok(outcome)
}

/// Rewrites and redirects of which none takes the path.
fn rules(operations: usize) -> Result<Outcome, Failure> {
    let what = "The custom rules of a path of 40 bytes that none of them takes: redirects of old pages and sections.";
    let mut outcome = Outcome::new("rules", "Rule decision", what);
    outcome.targets.push(Target {
        what: "100 rules against 2 rules".into(),
        subject: Subject::Ratio { of: "100 rules".into(), to: "2 rules".into() },
        ..most("100 rules", MOST_TIMES)
    });
    let path = std::str::from_utf8(PATH).unwrap_or_default();
    let sets = [("2 rules", Ruling::prepare(2)?), ("100 rules", Ruling::prepare(100)?)];
    for _ in 0..ROUNDS {
        for (name, rules) in &sets {
            outcome.record(name, &TIME, nanoseconds(operations, |_| rules.find(black_box(path))));
        }
    }
    Ok(outcome)
}

fn plain_request(operations: usize) -> Result<Outcome, Failure> {
    let what = "From the bytes of a browser's request for a file of 1 KB to the bytes of the answer and its metrics; nothing is sent.";
    let mut outcome = Outcome::new("plain-request", "Plain request, without a socket", what);
    outcome.targets.push(Target {
        what: "beside 100 rewrites and redirects".into(),
        subject: Subject::Ratio { of: "100 rules".into(), to: OURS.into() },
        ..most("100 rules", MOST_TIMES)
    });
    let (mut request, mut ruled) = (PlainRequest::prepare(0)?, PlainRequest::prepare(100)?);
    for _ in 0..ROUNDS {
        outcome.record(OURS, &TIME, nanoseconds(operations, |_| request.answer()));
        outcome.record("100 rules", &TIME, nanoseconds(operations, |_| ruled.answer()));
    }
    Ok(outcome)
}

fn most(of: &str, nanoseconds: f64) -> Target {
    Target { what: of.into(), limit: Limit::AtMost(nanoseconds), ..Target::at_most(&TIME, of, nanoseconds) }
}

/// Of ten letters, so that patterns and paths have some in common.
fn letter(random: &mut Random) -> char {
    char::from(b'a' + u8::try_from(random.next() % 10).unwrap_or_default())
}

/// A path as long as [`PATH`].
type Path = [u8; PATH.len()];

fn path(random: &mut Random) -> Path {
    let mut path = [b'/'; PATH.len()];
    for byte in &mut path[1..] {
        *byte = u8::try_from(u32::from(letter(random))).unwrap_or(b'a');
    }
    path
}

/// Of one operation.
fn nanoseconds<T>(operations: usize, mut operation: impl FnMut(usize) -> T) -> f64 {
    let began = Instant::now();
    for n in 0..operations {
        black_box(operation(n));
    }
    began.elapsed().as_secs_f64() * 1e9 / count(operations as u64)
}
