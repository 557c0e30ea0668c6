//! What runs as on a kernel, or in a container, that lacks some system calls.

use std::{collections::BTreeMap, sync::OnceLock, thread};

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use super::server::Launch;

/// Makes an empty set of rules for Landlock: without it there is no Landlock.
pub(crate) const LANDLOCK: i64 = libc::SYS_landlock_create_ruleset;
/// Closes many descriptors at once.
pub(crate) const CLOSE_RANGE: i64 = libc::SYS_close_range;

/// Runs `act` where these system calls do not exist, which also holds for whatever it starts.
pub(crate) fn without<T: Send>(calls: &[i64], act: impl FnOnce() -> T + Send) -> T {
    if calls.is_empty() {
        return act();
    }
    let absent = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let rules: BTreeMap<i64, Vec<_>> = calls.iter().map(|call| (*call, Vec::new())).collect();
    let machine = std::env::consts::ARCH.try_into().expect("a machine that filters know");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, absent, machine).expect("a filter");
    let filter = BpfProgram::try_from(filter).expect("a filter");
    // A filter stays with the thread that it was given to, so that thread is thrown away.
    thread::scope(|scope| {
        let alone = scope.spawn(|| {
            apply_filter(&filter).expect("a kernel with seccomp");
            act()
        });
        alone.join().unwrap_or_else(|panicked| std::panic::resume_unwind(panicked))
    })
}

/// Whether the program finds a sandbox where the tests run, by its own word. Where it has none its tests hold it to what it
/// says of that.
pub(crate) fn has_sandbox() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let told = Launch::bare("--version").arg("--verbose").finish().expect(0).stdout;
        let line = |name: &str| match told.lines().find_map(|line| line.strip_prefix(name)) {
            Some(" true") => true,
            Some(" false") => false,
            other => panic!("{name} is said to be {other:?} in {told}"),
        };
        line("landlock") && line("seccomp")
    })
}
