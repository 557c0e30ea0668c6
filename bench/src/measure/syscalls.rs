//! System calls, counted by strace in a run of its own: being traced costs too much to measure anything else.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::Tree;
use crate::{failure::Failure, pause::pause};

/// From its start until it traces every thread.
const ATTACH: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(5);

/// The system calls that `tree` makes while `work` is done; `None` where nothing can be traced.
pub(crate) fn syscalls(
    tree: Tree,
    folder: &Path,
    work: impl FnOnce() -> Result<(), Failure>,
) -> Result<Option<u64>, Failure> {
    let table = folder.join("syscalls");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-c", "-o"]).arg(&table);
    for process in tree.members() {
        command.args(["-p", &process.to_string()]);
    }
    let Ok(mut tracer) = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        return Ok(None);
    };
    if !attached(&mut tracer, tree) {
        end(&mut tracer);
        return Ok(None);
    }
    let worked = work();
    end(&mut tracer);
    worked?;
    let text = fs::read_to_string(&table).map_err(Failure::file("read", &table))?;
    Ok(total(&text))
}

/// Waits until every thread says who traces it.
fn attached(tracer: &mut Child, tree: Tree) -> bool {
    let began = Instant::now();
    let id = format!("TracerPid:\t{}", tracer.id());
    while began.elapsed() < ATTACH && matches!(tracer.try_wait(), Ok(None)) {
        let statuses = tree.members().into_iter().flat_map(|process| {
            let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
            threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok())
        });
        if statuses.into_iter().all(|status| status.lines().any(|line| line == id)) {
            return true;
        }
        pause(LOOK);
    }
    false
}

/// Lets the processes go; then strace writes its table.
fn end(tracer: &mut Child) {
    if let Ok(id) = i32::try_from(tracer.id()) {
        let _ = kill(Pid::from_raw(id), Signal::SIGINT);
    }
    let _ = tracer.wait();
}

/// The calls in the last line of the table: `100.00    0.012345           3      4000        12 total`.
fn total(table: &str) -> Option<u64> {
    let line = table.lines().rev().find(|line| line.ends_with(" total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_in_the_last_line() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n\
                     100.00    0.010000          10      1000         3 writev\n\
                     100.00    0.010000          10      1234         3 total\n";
        assert_eq!(total(table), Some(1234));
        assert_eq!(total(""), None);
    }
}
