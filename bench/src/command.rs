//! The command line of the measurements.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::{Args, Parser, Subcommand};

use crate::{
    count,
    failure::Failure,
    machine::machine,
    outcome::{Outcome, Suite},
    report,
    scenario::{self, Scenario},
    stage::{Extent, Programs, Stage},
};

/// Measures Edgeplane beside its peers.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure, and write the report
    Run(RunArgs),
    /// Do one operation so many times: for a tool that counts instructions
    Count {
        /// What to do
        operation: count::Operation,
        /// How often
        times: u64,
    },
    /// Write the report anew from the raw figures
    Report {
        /// The JSON file
        json: PathBuf,
    },
    /// Name the scenarios
    List,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Only scenarios whose name contains one of these
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Only see whether everything runs and the bytes are right
    #[arg(long)]
    smoke: bool,
    /// Only these peers beside Edgeplane
    #[arg(long, value_name = "PEER")]
    against: Vec<String>,
    /// How long one round takes
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Interleaved rounds; the figures are medians
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where the report goes; else `bench/results`, or a folder in the target folder if nothing is judged
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// The program under test; else the one beside this program
    #[arg(long, value_name = "FILE")]
    edgeplane: Option<PathBuf>,
    /// Where the peers are that are not found in PATH; else `bench-tools` in the target folder
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,
    /// Where the apps' bundles are; else `bundles` in the target folder
    #[arg(long, value_name = "DIR", env = "EDGEPLANE_BUNDLES")]
    bundles: Option<PathBuf>,
}

/// Seconds of a round when only the bytes matter.
const SMOKE_SECONDS: f64 = 0.25;

pub(crate) fn run() -> Result<(), Failure> {
    match Arguments::parse().command {
        Command::Run(args) => measure(&args),
        Command::Count { operation, times } => count::run(operation, times),
        Command::Report { json } => {
            report::write(&report::read(&json)?, json.parent().unwrap_or_else(|| Path::new(".")))
        }
        Command::List => scenario::ALL.iter().try_for_each(|scenario| say(scenario.name)),
    }
}

fn measure(args: &RunArgs) -> Result<(), Failure> {
    let own = env::current_exe().map_err(Failure::system("find this program"))?;
    let built = own.parent().unwrap_or_else(|| Path::new("."));
    let target = built.parent().unwrap_or(built);
    let beside = |given: &Option<PathBuf>, usual: PathBuf| {
        let path = given.clone().unwrap_or(usual);
        // Servers run in folders of their own.
        path.canonicalize().unwrap_or(path)
    };
    let programs = Programs {
        edgeplane: beside(&args.edgeplane, built.join("edgeplane")),
        tools: beside(&args.peers, target.join("bench-tools")),
        bundles: beside(&args.bundles, target.join("bundles")),
    };
    let extent = Extent {
        seconds: Duration::from_secs_f64(if args.smoke { SMOKE_SECONDS } else { args.seconds }),
        rounds: if args.smoke { 1 } else { args.rounds.max(1) },
        smoke: args.smoke,
    };
    let mut stage = Stage::set(extent, programs, &target.join("bench"))?;
    stage.against.clone_from(&args.against);
    let mut outcomes = Vec::new();
    let chosen =
        |scenario: &&Scenario| args.only.is_empty() || args.only.iter().any(|text| scenario.name.contains(text));
    for scenario in scenario::ALL.iter().filter(chosen) {
        outcomes.extend(one(&stage, scenario)?);
    }
    let extent = format!("{} interleaved rounds of {} s each; medians", extent.rounds, extent.seconds.as_secs_f64());
    let suite = Suite { machine: machine(), extent, peers: stage.peers(), outcomes };
    let usual = if args.smoke { target.join("bench/smoke") } else { "bench/results".into() };
    let results = args.results.clone().unwrap_or(usual);
    fs::create_dir_all(&results).map_err(Failure::file("make", &results))?;
    report::write(&suite, &results)?;
    unvoided(&suite)
}

/// One scenario; where it cannot run, an outcome that says why, because the others still can.
fn one(stage: &Stage, scenario: &Scenario) -> Result<Vec<Outcome>, Failure> {
    let began = Instant::now();
    say(&format!("{} ...", scenario.name))?;
    let outcomes = (scenario.run)(stage).unwrap_or_else(|failure| {
        let mut outcome = Outcome::new(scenario.name, scenario.name, "Could not be measured.");
        outcome.void = Some(failure.told());
        vec![outcome]
    });
    for outcome in &outcomes {
        say(&if stage.extent.smoke { short(outcome) } else { brief(outcome) })?;
    }
    say(&format!("{}: {:.1} s", scenario.name, began.elapsed().as_secs_f64()))?;
    Ok(outcomes)
}

/// What one sees while the suite runs.
fn brief(outcome: &Outcome) -> String {
    let mut lines = vec![format!("  {}", outcome.id)];
    lines.extend(outcome.void.iter().map(|why| format!("    VOID: {why}")));
    lines.extend(outcome.series.iter().filter_map(|series| {
        let median = outcome.median(&series.peer, &series.metric)?;
        let (peer, name, unit) = (&series.peer, &series.metric.name, series.metric.unit.symbol());
        Some(format!("    {peer:18} {name:24} {median:14.2} {unit}"))
    }));
    lines.extend(outcome.targets.iter().map(|target| {
        let judged = outcome.judge(target);
        let figure = judged.figure.map_or_else(|| "none".to_owned(), |figure| format!("{figure:.3}"));
        format!("    {:?}: {figure} where {:?}: {}", judged.verdict, target.limit, target.what)
    }));
    lines.extend(outcome.remarks.iter().map(|remark| format!("    {remark}")));
    lines.join("\n")
}

/// In a smoke run figures mean nothing.
fn short(outcome: &Outcome) -> String {
    format!("  {}: {}", outcome.id, outcome.void.as_deref().unwrap_or("ok"))
}

/// A void outcome is a failure, which the report shows, too; a missed target is a figure like others.
fn unvoided(suite: &Suite) -> Result<(), Failure> {
    let void = suite.outcomes.iter().filter_map(|outcome| Some(format!("{}: {}", outcome.id, outcome.void.as_ref()?)));
    let void: Vec<_> = void.collect();
    if void.is_empty() { Ok(()) } else { Err(Failure::void(void.join("; "))) }
}

fn say(text: &str) -> Result<(), Failure> {
    writeln!(io::stdout().lock(), "{text}").map_err(Failure::system("write to the terminal"))
}
