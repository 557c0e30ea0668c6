//! The raw figures for programs: every round of every series, and what was promised.

use serde_json::{Value, json};

use crate::outcome::{Better, Judge, Limit, Metric, Outcome, Subject, Suite, Target};

use super::table::word;

/// The whole document, ending in a line end.
pub(super) fn document(suite: &Suite) -> String {
    let machine = &suite.machine;
    let peers = suite.peers.iter().map(|peer| {
        let configs = peer.configs.iter().map(|(purpose, text)| json!({ "purpose": purpose, "text": text }));
        json!({ "name": peer.name, "version": peer.version, "configs": configs.collect::<Vec<_>>() })
    });
    let document = json!({
        "machine": {
            "architecture": machine.architecture,
            "processor": machine.processor,
            "cores": machine.cores,
            "memory-bytes": machine.memory_bytes,
            "kernel": machine.kernel,
            "system": machine.system,
            "day": machine.day,
        },
        "extent": suite.extent,
        "peers": peers.collect::<Vec<_>>(),
        "outcomes": suite.outcomes.iter().map(outcome).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn outcome(outcome: &Outcome) -> Value {
    let series = outcome
        .series
        .iter()
        .map(|series| json!({ "peer": series.peer, "metric": metric(&series.metric), "rounds": series.rounds }));
    json!({
        "id": outcome.id,
        "title": outcome.title,
        "what": outcome.what,
        "series": series.collect::<Vec<_>>(),
        "targets": outcome.targets.iter().map(|of| target(outcome, of)).collect::<Vec<_>>(),
        "remarks": outcome.remarks,
        "void": outcome.void,
    })
}

fn metric(metric: &Metric) -> Value {
    let better = match metric.better {
        Better::Less => "less",
        Better::More => "more",
    };
    json!({ "name": metric.name, "unit": metric.unit.symbol(), "better": better })
}

/// With the judgement, which whoever reads it back makes again from the figures.
fn target(outcome: &Outcome, target: &Target) -> Value {
    let subject = match &target.subject {
        Subject::Figure { of } => json!({ "figure": of }),
        Subject::Ratio { of, to } => json!({ "ratio": of, "to": to }),
        Subject::Difference { of, to } => json!({ "difference": of, "to": to }),
    };
    let limit = match target.limit {
        Limit::AtMost(most) => json!({ "at-most": most }),
        Limit::AtLeast(least) => json!({ "at-least": least }),
    };
    let judge = match target.judge {
        Judge::Median => "median",
        Judge::Interval => "interval",
    };
    let judgement = outcome.judge(target);
    json!({
        "what": target.what,
        "metric": metric(&target.metric),
        "subject": subject,
        "limit": limit,
        "judge": judge,
        "measured": judgement.figure,
        "interval": judgement.interval.map(|interval| [interval.low, interval.high]),
        "verdict": word(judgement.verdict),
    })
}
