//! The hot lane may not become dearer unnoticed: instructions per operation, counted by callgrind.
//!
//! Instructions do not depend on what else the machine does: runs differ by some twenty in 13,550, and a path copied too
//! much, an allocation and its end, costs 260. The counts are those of the development profile on x86-64, which is what
//! tests are built with; the measurements of `make bench` are made with the release profile. Whoever makes an operation
//! cheaper lowers its limit; whoever makes it dearer has a reason.
#![cfg(target_arch = "x86_64")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

use std::process::Command;

/// Instructions that one operation may cost.
const ROUTE_MAX: u64 = 850;
const PLAIN_MAX: u64 = 13_750;

/// How much more, in percent, a plain request may cost beside 100 rewrites and redirects.
const RULED_MORE_MAX: u64 = 20;

/// How much more, in percent, a plain request may cost behind a list of 1000 networks and a rate.
const ADMITTED_MORE_MAX: u64 = 20;

/// Operations of the shorter run. The longer one does twice as many, so that what start and end cost cancels out.
const OPERATIONS: u64 = 2_000;

#[test]
fn a_route_is_found_in_so_many_instructions() {
    let cost = cost_of("route");
    assert!(cost <= ROUTE_MAX, "{cost} instructions, at most {ROUTE_MAX} were expected");
}

#[test]
fn a_plain_request_is_answered_in_so_many_instructions() {
    let cost = cost_of("plain");
    assert!(cost <= PLAIN_MAX, "{cost} instructions, at most {PLAIN_MAX} were expected");
}

#[test]
fn a_hundred_rules_hardly_cost_a_plain_request() {
    let (plain, ruled) = (cost_of("plain"), cost_of("ruled"));
    let most = plain + plain * RULED_MORE_MAX / 100;
    assert!(ruled <= most, "{ruled} instructions beside 100 rules and {plain} without, at most {most} were expected");
}

#[test]
fn a_list_and_a_rate_hardly_cost_a_plain_request() {
    let (plain, admitted) = (cost_of("plain"), cost_of("admitted"));
    let most = plain + plain * ADMITTED_MORE_MAX / 100;
    assert!(admitted <= most, "{admitted} instructions behind a list and a rate and {plain} without, at most {most}");
}

/// Instructions per operation.
fn cost_of(operation: &str) -> u64 {
    (instructions(operation, 2 * OPERATIONS) - instructions(operation, OPERATIONS)) / OPERATIONS
}

/// Instructions of a whole run.
fn instructions(operation: &str, count: u64) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", &format!("--callgrind-out-file={}", out.display())])
        .arg(env!("CARGO_BIN_EXE_edgeplane-bench"))
        .args(["count", operation, &count.to_string()])
        .output()
        .expect("valgrind runs; tests/prerequisites.sh installs it");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    let profile = std::fs::read_to_string(&out).unwrap();
    let totals =
        profile.lines().find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")));
    totals.and_then(|total| total.trim().parse().ok()).unwrap_or_else(|| panic!("no total in {out:?}: {told}"))
}
