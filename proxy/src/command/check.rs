//! `edgeplane check`: is this bundle fit to be served? Every problem at once, for people or for programs.

use std::path::Path;

use edgeplane_config::{Bundle, Problem, Problems, Settings, Severity};
use serde_json::json;
use tokio::runtime::Builder;

use super::{
    Failure,
    arguments::{CheckArgs, Format},
    output::{self, Paint, Tone},
    rules,
};
use crate::compute::trial;

/// Checks the bundle, tells what it found on standard output and fails when the bundle is refused.
pub(crate) fn run(settings: &Settings, args: &CheckArgs) -> Result<(), Failure> {
    let sidecar = !settings.upstream.is_empty();
    let (bundle, problems) = match Bundle::open_with(&args.bundle, sidecar, &settings.headers) {
        Ok(bundle) => {
            let warnings = bundle.warnings.clone();
            (Some(bundle), warnings)
        }
        Err(problems) => (None, problems),
    };
    let mut problems = problems;
    problems.0.extend(rules::problems(settings, bundle.as_ref()).0);
    let problems = if args.strict { problems.strict() } else { problems };
    output::result(&match args.format {
        Format::Text => text(&args.bundle, &problems, Paint::stdout()),
        Format::Json => json(&args.bundle, &problems),
    })?;
    match bundle {
        Some(bundle) if !problems.has_errors() => {
            if args.start {
                start(&bundle, settings, args.format)
            } else {
                Ok(())
            }
        }
        _ => Err(Failure::BundleReported),
    }
}

/// Starts the Node server once, where nothing but the bundle is, and waits until it answers.
fn start(bundle: &Bundle, settings: &Settings, format: Format) -> Result<(), Failure> {
    let told = if bundle.compute.is_none() || !settings.upstream.is_empty() {
        "there is no server to start".to_owned()
    } else {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|source| Failure::unavailable("start a thread", source))?;
        let report = runtime.block_on(trial::run(bundle, settings));
        let report = report.map_err(|source| Failure::unavailable("start the server of the bundle", source))?;
        format!("the server starts and answers after {} ms", report.took.as_millis())
    };
    match format {
        Format::Text => output::result(&format!("{told}\n")),
        // The exit code says it to programs; the document on standard output is complete.
        Format::Json => Ok(()),
    }
}

/// The problems, one after the other, and a last line that sums them up.
fn text(bundle: &Path, problems: &Problems, paint: Paint) -> String {
    let mut text = String::new();
    for problem in problems {
        text.push_str(&paint.problem(problem));
        text.push_str("\n\n");
    }
    let (errors, warnings) = (count(problems, Severity::Error), count(problems, Severity::Warning));
    let verdict = match (errors, warnings) {
        (0, 0) => paint.word(Tone::Good, "ok"),
        (0, _) => format!("{}, {}", paint.word(Tone::Good, "ok"), counted(warnings, "warning")),
        (_, 0) => paint.word(Tone::Bad, counted(errors, "error")),
        _ => format!("{}, {}", paint.word(Tone::Bad, counted(errors, "error")), counted(warnings, "warning")),
    };
    text + &format!("{}: {verdict}\n", bundle.display())
}

/// The public form of the problems; its keys are a contract.
fn json(bundle: &Path, problems: &Problems) -> String {
    let problem = |problem: &Problem| {
        let (line, column) = problem.location.position.unzip();
        json!({
            "rule": problem.rule.name(),
            "severity": problem.severity.as_str(),
            "pointer": problem.location.pointer,
            "file": problem.location.file,
            "line": line,
            "column": column,
            "message": problem.message,
            "help": problem.help,
        })
    };
    let problems: Vec<_> = problems.iter().map(problem).collect();
    format!("{:#}\n", json!({ "bundle": bundle, "problems": problems }))
}

fn count(problems: &Problems, severity: Severity) -> usize {
    problems.iter().filter(|problem| problem.severity == severity).count()
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
