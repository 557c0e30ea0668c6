//! What a worker gives up before it sees the first byte of a source.
//!
//! | what               | by which means                                                                     |
//! |--------------------|------------------------------------------------------------------------------------|
//! | files              | Landlock (every right, no exception); no descriptor but the channel, and none to come |
//! | network, processes | seccomp: a list of the system calls that computing needs, everything else is EPERM   |
//! | new code           | seccomp: no mapping may be executable                                              |
//! | privileges         | PR_SET_NO_NEW_PRIVS                                                                |
//! | secrets            | an empty environment; not dumpable, so that no core holds a picture                |
//! | outliving us       | PR_SET_PDEATHSIG, and the end of the channel                                       |
//! | memory, time       | RLIMIT_DATA and RLIMIT_CPU, set by the owner for each job (`worker.rs`)            |
//!
//! A kernel, or a container around us, may lack Landlock or seccomp. The worker then says so in its greeting, and
//! neither side lets it near a decoder that is not memory-safe Rust unless `image.unsandboxed` says so.

use std::{collections::BTreeMap, ffi::OsString, fs, io};

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
use nix::sys::{
    prctl,
    resource::{Resource, setrlimit},
    signal::Signal,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

use super::Confinement;

/// The newest rights this program knows. Older kernels enforce those that they know.
const RIGHTS: ABI = ABI::V6;

/// What the kernel offers, asked without giving anything up.
#[expect(unsafe_code, reason = "both questions are system calls without a safe form")]
pub(super) fn offered() -> Confinement {
    const VERSION: libc::c_uint = 1;
    let nothing = std::ptr::null::<libc::c_void>();
    // SAFETY: without attributes and with this flag the call only tells a version (landlock(7)).
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, VERSION) };
    // SAFETY: a filter at address zero cannot be read: EFAULT where filters are known, EINVAL where not (seccomp(2)).
    let filter = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, nothing) };
    let unread = io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT);
    Confinement { files: version > 0, calls: filter == -1 && unread }
}

/// Gives everything up. Called by the only thread there is. `closed` tells whether no descriptor is left that somebody else
/// opened.
pub(super) fn confine(niceness: i32, closed: bool) -> Confinement {
    give_up_processor_time(niceness);
    forget_environment();
    // What fails here is a lack of the kernel's that the two big means below make up for.
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    let _ = prctl::set_dumpable(false);
    let _ = prctl::set_no_new_privs();
    return_memory_early();
    // An open file needs no right to be read.
    let files = give_up_files() && closed;
    for resource in [Resource::RLIMIT_CORE, Resource::RLIMIT_MEMLOCK] {
        let _ = setrlimit(resource, 0, 0);
    }
    // What is open stays open, and nothing else ever will be.
    let _ = setrlimit(Resource::RLIMIT_NOFILE, 3, 3);
    Confinement { files, calls: give_up_calls().is_ok() }
}

/// Whoever answers requests comes first: a lower priority, and no preemption of others on waking up (sched(7)).
#[expect(unsafe_code, reason = "two system calls without a safe form")]
fn give_up_processor_time(niceness: i32) {
    // SAFETY: the call takes integers only and changes this process.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, niceness) };
    if niceness > 0 {
        let parameters = libc::sched_param { sched_priority: 0 };
        // SAFETY: the pointer is to a local of the expected type, which the call only reads.
        unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const parameters) };
    }
}

/// Descriptors are closed on exec where we open them; this is for those that somebody else's code opened. Says whether none
/// is left.
#[expect(unsafe_code, reason = "closing what one does not own is what it is about")]
pub(super) fn close_all_but_standard() -> bool {
    // SAFETY: nothing in this process has opened a descriptor yet, so none above the standard ones has an owner.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) } == 0;
    closed || close_each().unwrap_or(false)
}

/// The same, where the kernel, or the container around us, does not offer to close all at once.
#[expect(unsafe_code, reason = "closing what one does not own is what it is about")]
fn close_each() -> io::Result<bool> {
    let number = |name: OsString| name.to_str().and_then(|name| name.parse::<libc::c_int>().ok());
    let mut open = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        open.extend(number(entry?.file_name()).filter(|number| *number > libc::STDERR_FILENO));
    }
    // The last of them was the folder's own, which is closed already.
    let gone = open.into_iter().map(|number| {
        // SAFETY: as above.
        unsafe { libc::close(number) };
        // SAFETY: the call takes integers only, and asks whether there is such a descriptor.
        (unsafe { libc::fcntl(number, libc::F_GETFD) }) == -1
    });
    Ok(gone.fold(true, |all, one| all & one))
}

/// The owner gives nothing but words for the allocator, which has read them by now.
#[expect(unsafe_code, reason = "the environment is shared by all threads")]
fn forget_environment() {
    // SAFETY: there is one thread, and nothing holds a reference into the environment.
    unsafe { libc::clearenv() };
}

/// Makes the C library return large blocks when they are freed: a worker waits far longer than it works.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "mallopt(3) has no safe form")]
fn return_memory_early() {
    const LARGE: libc::c_int = 1 << 20;
    for option in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
        // SAFETY: the call takes integers only, and there is one thread.
        unsafe { libc::mallopt(option, LARGE) };
    }
}

#[cfg(not(target_env = "gnu"))]
fn return_memory_early() {}

/// Every right to files, ports and signals beyond this process, without an exception.
fn give_up_files() -> bool {
    let restricted = Ruleset::default()
        .handle_access(AccessFs::from_all(RIGHTS))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(RIGHTS)))
        .and_then(|rules| rules.scope(Scope::from_all(RIGHTS)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    // Older kernels know fewer rights, but all of them know how to forbid opening a file.
    restricted.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

/// Installs the filters.
fn give_up_calls() -> Result<(), seccompiler::Error> {
    // Among filters the strictest word holds. `clone3` hides its flags behind a pointer, which no filter can follow:
    // told that the kernel lacks it, the C library falls back to `clone`.
    let lacking = libc::ENOSYS.unsigned_abs();
    apply(SeccompAction::Allow, SeccompAction::Errno(lacking), BTreeMap::from([(libc::SYS_clone3, Vec::new())]))?;
    apply(SeccompAction::Errno(libc::EPERM.unsigned_abs()), SeccompAction::Allow, allowed()?)
}

fn apply(
    otherwise: SeccompAction,
    matching: SeccompAction,
    calls: BTreeMap<i64, Vec<SeccompRule>>,
) -> Result<(), seccompiler::Error> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter: BpfProgram = SeccompFilter::new(calls, otherwise, matching, architecture)?.try_into()?;
    apply_filter(&filter)
}

/// What computing needs: memory, threads of its own, locks, clocks, the channel, and an end.
fn allowed() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::Error> {
    const ALWAYS: [i64; 34] = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_getcpu,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_set_robust_list,
        libc::SYS_set_tid_address,
        libc::SYS_rseq,
        libc::SYS_membarrier,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_getrusage,
        libc::SYS_getrandom,
        libc::SYS_clone3,
        libc::SYS_mincore,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> = ALWAYS.into_iter().map(|call| (call, Vec::new())).collect();
    // A thread of this process, never a process.
    calls.insert(libc::SYS_clone, rule(0, libc::CLONE_THREAD.unsigned_abs(), libc::CLONE_THREAD.unsigned_abs())?);
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        calls.insert(call, rule(2, libc::PROT_EXEC.unsigned_abs(), 0)?);
    }
    Ok(calls)
}

/// Passes where the masked bits of an argument have this value.
fn rule(argument: u8, mask: u32, value: u32) -> Result<Vec<SeccompRule>, seccompiler::Error> {
    let compare = SeccompCmpOp::MaskedEq(u64::from(mask));
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, u64::from(value))?;
    Ok(vec![SeccompRule::new(vec![condition])?])
}
