//! Other processes, as `/proc` shows them.

use std::{fs, path::Path};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Whether a process runs (a zombie does not).
pub(crate) fn runs(id: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    state.rsplit(") ").next().and_then(|rest| rest.chars().next()).is_some_and(|state| state != 'Z' && state != 'X')
}

/// Sends a signal to a process that a test started, or that its server did.
pub(crate) fn signal(id: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(id).unwrap()), signal).unwrap();
}

/// The value of a line of `/proc/ID/status`, in KiB.
pub(crate) fn memory(id: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_else(|| panic!("no {field}: {status}"));
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no number: {line}"))
}

/// The processes below `id` that have become Node, in rising order.
pub(crate) fn nodes_below(id: u32) -> Vec<u32> {
    let is_node = |id: &u32| {
        let program = fs::read_link(format!("/proc/{id}/exe")).unwrap_or_default();
        program.file_name() == Path::new("node").file_name()
    };
    let mut nodes: Vec<u32> = descendants(id).into_iter().filter(is_node).collect();
    nodes.sort_unstable();
    nodes
}

/// The image workers below `id`, in rising order.
pub(crate) fn workers_below(id: u32) -> Vec<u32> {
    let is_worker =
        |id: &u32| fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|words| words.starts_with(b"edgeplane-image\0"));
    let mut workers: Vec<u32> = descendants(id).into_iter().filter(is_worker).filter(|id| runs(*id)).collect();
    workers.sort_unstable();
    workers
}

/// All processes below `id`, found by their parents.
fn descendants(id: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            let parent = stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()?;
            Some((id, parent))
        })
        .collect();
    let mut found = vec![id];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        next += 1;
    }
    found.split_off(1)
}
