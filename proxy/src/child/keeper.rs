//! The keeper: a process between us and Node that sees to it that Node never outlives us.
//!
//! ```text
//! edgeplane ── control socket (the keeper's stdin) ── keeper ── Node ── whatever Node starts
//! ```
//!
//! | what ends             | what happens                                                                          |
//! |-----------------------|---------------------------------------------------------------------------------------|
//! | edgeplane, in any way | the kernel closes its end of the socket: SIGTERM to Node, after a grace SIGKILL to all |
//! | Node, in any way      | what it left behind is killed, its status is reported, the keeper ends with the same   |
//! | the keeper, by `-9`   | Node gets SIGKILL from the kernel (PR_SET_PDEATHSIG); edgeplane kills Node's group     |
//!
//! The keeper itself does not use PR_SET_PDEATHSIG: that signal is sent when the *thread* that forked ends, and
//! runtimes end threads. The end of a socket is about the process, cannot be missed and has no race at start.
//! Towards Node the signal is right, because the keeper has one thread. The kernel drops it where the Node binary
//! carries file capabilities or set-user-ID; then only the last row of the table loses its first half. What a Node that
//! was orphaned so has put into sessions of their own is out of reach, as is everything when edgeplane and the keeper
//! are killed together: the container or the service's cgroup ends these.
//!
//! A keeper has no runtime, no heap to speak of and shares its code with us: about 0.6 MiB of memory of its own.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use nix::{
    sys::{
        prctl,
        signal::{self, SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{self, Pid},
};

use super::{Report, lineage, readable};

/// Between SIGTERM and SIGKILL once edgeplane is gone. Nobody waits for answers any more, so this only lets Node
/// flush what it wants to write; a supervised stop has its own, longer time-out before.
const GRACE: Duration = Duration::from_secs(1);

/// The keeper could not do its own work: EX_OSERR of `sysexits.h`.
const SYSTEM_ERROR: u8 = 71;
/// The program could not be executed, as shells say it.
const NOT_EXECUTED: u8 = 127;

/// Signals passed on to Node. Whoever sends one means the program, not its keeper.
const FORWARDED: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

/// Runs `program` until it ends or standard input does.
pub(super) fn keep(program: &OsStr, args: impl Iterator<Item = OsString>) -> ExitCode {
    match Keeper::start(program, args) {
        Ok(Ok(keeper)) => keeper.watch(),
        Ok(Err(refused)) => refused,
        Err(_) => ExitCode::from(SYSTEM_ERROR),
    }
}

/// A running program and the descriptors the keeper listens to.
struct Keeper {
    node: Pid,
    signals: SignalFd,
    /// `None` once edgeplane is gone.
    control: Option<UnixStream>,
    /// Whether Node was already asked to end.
    asked: bool,
    kill_at: Option<Instant>,
}

impl Keeper {
    /// Starts the program. The inner error is the exit code after a refusal that was reported.
    fn start(program: &OsStr, args: impl Iterator<Item = OsString>) -> io::Result<Result<Self, ExitCode>> {
        // The duplicate is closed on exec, so Node never holds the socket: its end is ours alone.
        let mut control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        let null = OwnedFd::from(File::options().read(true).write(true).open("/dev/null")?);
        unistd::dup2_stdin(&null)?;

        // Blocked before the fork: a SIGCHLD or SIGTERM that comes early waits in the descriptor.
        let signals = watch_signals()?;
        prctl::set_child_subreaper(true)?;
        let spawned = spawn(program, args);

        // Node alone holds the output pipes from here on: their end means that Node and its children are gone.
        unistd::dup2_stdout(&null)?;
        unistd::dup2_stderr(&null)?;
        let node = match spawned {
            Ok(node) => node,
            Err(error) => {
                tell(&mut control, &Report::Refused(error.raw_os_error().unwrap_or(0)));
                return Ok(Err(ExitCode::from(NOT_EXECUTED)));
            }
        };
        // A keeper in the bundle's folder would keep its file system from being unmounted.
        let _ = std::env::set_current_dir("/");
        tell(&mut control, &Report::Started(node.as_raw()));
        Ok(Ok(Self { node, signals, control: Some(control), asked: false, kill_at: None }))
    }

    /// Passes on signals until Node has ended, then ends what is left of it.
    fn watch(mut self) -> ExitCode {
        loop {
            let patience = self.kill_at.map(|at| at.saturating_duration_since(Instant::now()));
            let control = self.control.as_ref().map(UnixStream::as_fd);
            let Ok(ready) = readable::wait(Some(self.signals.as_fd()), control, patience) else {
                // Without poll the keeper can keep nothing: better no Node than one without a keeper.
                lineage::end(self.node);
                return ExitCode::from(SYSTEM_ERROR);
            };
            if ready.first
                && let Some(end) = self.on_signals()
            {
                return self.finish(&end);
            }
            if ready.second {
                self.on_control();
            }
            if self.kill_at.is_some_and(|at| at <= Instant::now()) {
                let _ = signal::killpg(self.node, Signal::SIGKILL);
                self.kill_at = None;
            }
        }
    }

    /// Handles every pending signal; `Some` when Node has ended.
    fn on_signals(&mut self) -> Option<Report> {
        while let Ok(Some(received)) = self.signals.read_signal() {
            let number = libc::c_int::try_from(received.ssi_signo).ok();
            match number.and_then(|number| Signal::try_from(number).ok()) {
                Some(Signal::SIGCHLD) => {}
                Some(passed_on) => {
                    self.asked = true;
                    let _ = signal::kill(self.node, passed_on);
                }
                None => {}
            }
        }
        reap(self.node)
    }

    /// The socket carries nothing towards the keeper: what is readable is its end.
    fn on_control(&mut self) {
        let mut ignored = [0; 64];
        let gone = match self.control.as_mut().map(|control| control.read(&mut ignored)) {
            Some(Ok(0)) => true,
            Some(Err(error)) => !matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock),
            Some(Ok(_)) | None => false,
        };
        if gone {
            self.control = None;
            // Asked before: edgeplane's own time-out has passed, and closing the socket is its order to kill.
            let grace = if self.asked { Duration::ZERO } else { GRACE };
            self.asked = true;
            let _ = signal::kill(self.node, Signal::SIGTERM);
            self.kill_at = Some(Instant::now() + grace);
        }
    }

    fn finish(mut self, end: &Report) -> ExitCode {
        lineage::end(self.node);
        if let Some(control) = &mut self.control {
            tell(control, end);
        }
        let code = match end {
            Report::Killed(signal) => 128 + signal,
            Report::Exited(status) | Report::Started(status) | Report::Refused(status) => *status,
        };
        ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
    }
}

/// Reaps every child that has ended, adopted orphans included; `Some` when Node was among them.
fn reap(node: Pid) -> Option<Report> {
    let mut end = None;
    loop {
        match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, status)) if pid == node => end = Some(Report::Exited(status)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == node => end = Some(Report::Killed(signal as i32)),
            Ok(status) if status.pid().is_some() => {}
            _ => return end,
        }
    }
}

fn watch_signals() -> io::Result<SignalFd> {
    let mut watched: SigSet = FORWARDED.into_iter().collect();
    watched.add(Signal::SIGCHLD);
    watched.thread_block()?;
    Ok(SignalFd::with_flags(&watched, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?)
}

/// Starts the program as the leader of its own group, bound to the life of this process.
#[expect(unsafe_code, reason = "the binding must be made by the child itself, between fork and exec")]
fn spawn(program: &OsStr, args: impl Iterator<Item = OsString>) -> io::Result<Pid> {
    let keeper = Pid::this();
    let mut command = Command::new(program);
    command.args(args).process_group(0);
    let bind = move || {
        SigSet::empty().thread_set_mask()?;
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The keeper may have died between fork and prctl; then no signal will come any more.
        if unistd::getppid() == keeper { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EOWNERDEAD)) }
    };
    // SAFETY: `bind` runs between fork and exec and makes three system calls (sigprocmask, prctl, getppid) without
    // allocating or locking; it captures one integer by value.
    unsafe { command.pre_exec(bind) };
    let child = command.spawn()?;
    Ok(Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?))
}

/// Reports, and does not mind when nobody listens any more: the end of the socket is handled where it is read.
fn tell(control: &mut UnixStream, report: &Report) {
    let _ = control.write_all(format!("{report}\n").as_bytes());
}
