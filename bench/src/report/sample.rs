//! A small suite for the tests of the report.

use crate::outcome::{Limit, Machine, Metric, OURS, Outcome, PeerNote, Subject, Suite, Target, Unit};

/// Two outcomes with figures and one that is void.
pub(super) fn suite() -> Suite {
    let mut small = Outcome::new("static-1k", "Static file of 1 KB", "One file, 32 connections, <log> on.");
    for (peer, rounds) in [("nginx", [10.0, 11.0, 9.0]), (OURS, [5.0, 5.5, 4.5]), ("caddy", [40.0, 41.0, 42.0])] {
        rounds.iter().for_each(|round| small.record(peer, &Metric::CPU, *round));
    }
    small.record("nginx", &Metric::SYSCALLS, 2.0);
    small.record(OURS, &Metric::SYSCALLS, 2.0);
    small.targets.push(Target::ratio(&Metric::CPU, "nginx", 0.6));
    small.remarks.push("Caddy writes its log unbuffered.".into());
    let latency = Metric::less("p50", Unit::Microseconds);
    let mut page = Outcome::new("ssr", "A page", "Through us & directly.");
    [300.0, 310.0, 320.0].iter().for_each(|round| page.record(OURS, &latency, *round));
    [100.0, 101.0, 102.0].iter().for_each(|round| page.record("node", &latency, *round));
    page.targets.push(Target {
        what: "p50 over node".into(),
        subject: Subject::Difference { of: OURS.into(), to: "node".into() },
        limit: Limit::AtMost(150.0),
        ..Target::ratio(&latency, "node", 1.0)
    });
    let mut void = Outcome::new("static-10m", "Static file of 10 MB", "One file.");
    void.targets.push(Target::ratio(&Metric::CPU_PER_GIGABYTE, "nginx", 1.0));
    void.void = Some("`/10m.bin` was answered with wrong bytes".into());
    Suite {
        machine: Machine {
            architecture: "x86_64".into(),
            processor: "A processor".into(),
            cores: 2,
            memory_bytes: 8 << 30,
            kernel: "Linux 6.1".into(),
            system: "Debian 12".into(),
            day: "2026-11-21".into(),
        },
        extent: "5 s, 7 rounds".into(),
        peers: vec![
            PeerNote {
                name: "nginx".into(),
                version: Some("nginx/1.22.1".into()),
                configs: vec![("static files".into(), "events { }\n".into())],
            },
            PeerNote { name: "caddy".into(), version: None, configs: Vec::new() },
        ],
        outcomes: vec![small, page, void],
    }
}
