//! Ending everything that descends from this process, also what moved to another group or session.

use std::{
    fs,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{
        signal::{self, Signal},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};

use super::readable;

/// How long killed processes may take to disappear. One in an uninterruptible wait (a dead network file system) may
/// stay for hours, and no signal helps; the keeper then ends without it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two looks at what is left.
const PAUSE: Duration = Duration::from_millis(5);

/// Kills the group and every other descendant, and reaps them all.
///
/// A sub-reaper becomes the parent of every orphan below it (prctl(2), PR_SET_CHILD_SUBREAPER), so what has no child
/// left has no descendant left. Killing a child can hand over its own children: hence the loop.
pub(super) fn end(group: Pid) {
    let give_up = Instant::now() + PATIENCE;
    // ESRCH: the group is empty already.
    let _ = signal::killpg(group, Signal::SIGKILL);
    while Instant::now() < give_up {
        match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return,
            Ok(status) if status.pid().is_some() => continue,
            _ => {}
        }
        for child in children() {
            let _ = signal::kill(child, Signal::SIGKILL);
        }
        let _ = readable::wait(None, None, Some(PAUSE));
    }
}

/// The processes whose parent is this one. Read from every `/proc/PID/stat`, because the short way,
/// `/proc/PID/task/TID/children`, exists only in kernels built with CONFIG_PROC_CHILDREN.
fn children() -> Vec<Pid> {
    let own = Pid::this();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| parent(*pid) == Some(own.as_raw()))
        .map(Pid::from_raw)
        .collect()
}

/// The parent of a process, while it exists.
fn parent(pid: i32) -> Option<i32> {
    parent_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The fourth field of `/proc/PID/stat`. The second is the program's name in parentheses and may itself hold
/// parentheses and blanks, so fields are counted from its end (proc_pid_stat(5)).
fn parent_in(stat: &str) -> Option<i32> {
    let (_, behind_name) = stat.rsplit_once(") ")?;
    behind_name.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        for (stat, expected) in [
            ("12 (node) S 7 12 12 0 -1", Some(7)),
            ("12 (a) S 1 (b) c) R 9 1 1", Some(9)),
            ("12 (node", None),
            ("", None),
        ] {
            assert_eq!(parent_in(stat), expected, "{stat:?}");
        }
    }
}
