//! `edgeplane __child image`: a worker that turns sources into images, and can do nothing else.
//!
//! Sources are bytes that somebody else chose. Whatever goes wrong while they are decoded goes wrong in a process
//! without files, network, environment or descriptors, with a bound on its memory and its time, which may be killed at
//! any moment: see [`confine`]. The owner's side is [`Worker`].

mod confine;
mod message;
mod trial;
mod worker;

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Instant,
};

use edgeplane_optimizer::{Limits, SourceType, Stage, optimize};

pub use message::{Job, Nonsense, Reply, StageTimes, job_head, reply_head};
pub use worker::{Bounds, Lost, Worker, WorkerPlan, once};

/// The worker could not begin or go on its conversation: EX_IOERR of `sysexits.h`.
const CHANNEL_LOST: u8 = 74;

/// Says that decoders which are not memory-safe Rust may run without a sandbox.
const UNSANDBOXED: &str = "--unsandboxed";
/// Tries what is forbidden, and reports.
const TRIAL: &str = "--trial";

/// What holds a worker back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// Landlock: no file can be opened, and none was left open.
    pub files: bool,
    /// seccomp: no socket, no process, no signal.
    pub calls: bool,
}

impl Confinement {
    /// What this kernel, or the container around us, offers to hold a worker back.
    pub fn of_kernel() -> Self {
        confine::offered()
    }

    /// Whether a decoder that turned against us would be held.
    pub fn is_whole(self) -> bool {
        self.files && self.calls
    }
}

/// Whether decoders that are not memory-safe Rust may run: in the sandbox, or by the operator's word.
pub fn may_run_native(unsandboxed: bool) -> bool {
    unsandboxed || Confinement::of_kernel().is_whole()
}

/// Runs a worker until its owner closes the channel, which is standard input.
///
/// Arguments: the niceness, then [`UNSANDBOXED`] or [`TRIAL`].
pub(super) fn run(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let word = |arg: Option<OsString>| arg.and_then(|arg| arg.into_string().ok());
    let niceness = word(args.next()).and_then(|text| text.parse().ok()).unwrap_or(0);
    let mode = word(args.next());
    if mode.as_deref() == Some(TRIAL) {
        return trial::run(niceness);
    }
    // A panic is told to the owner, in a word and not on a terminal.
    std::panic::set_hook(Box::new(|_| ()));
    let closed = confine::close_all_but_standard();
    let Ok(channel) = io::stdin().as_fd().try_clone_to_owned().map(File::from) else {
        return ExitCode::from(CHANNEL_LOST);
    };
    let confinement = confine::confine(niceness, closed);
    let native = confinement.is_whole() || mode.as_deref() == Some(UNSANDBOXED);
    match serve(&channel, confinement, native) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(CHANNEL_LOST),
    }
}

/// Answers jobs, one at a time, until the owner is gone.
fn serve(mut channel: &File, confinement: Confinement, native: bool) -> io::Result<()> {
    channel.write_all(&message::greeting(confinement))?;
    loop {
        let job = match Job::read(&mut channel) {
            Ok(job) => job,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        let reply = work(&job, native);
        // What the job held is given back before the next one is waited for.
        drop(job);
        channel.write_all(&reply_head(&reply))?;
        if let Reply::Encoded(encoded, _) = reply {
            channel.write_all(&encoded.bytes)?;
        }
    }
}

/// Does one job.
fn work(job: &Job, native: bool) -> Reply {
    let mut times = StageTimes::default();
    let mut begun = Instant::now();
    let mut clock = |stage: Stage| {
        let now = Instant::now();
        if let Some(time) = Stage::ALL.iter().position(|other| *other == stage).and_then(|at| times.0.get_mut(at)) {
            *time = now - begun;
        }
        begun = now;
    };
    let limits = Limits { native, ..job.limits };
    // The job is read only, and gone afterwards: nothing half-done can be seen.
    let done = catch_unwind(AssertUnwindSafe(|| optimize(&job.source, &job.order, &limits, &mut clock)));
    match done {
        Ok(Ok(encoded)) => Reply::Encoded(encoded, times),
        Ok(Err(refusal)) => Reply::Refused(refusal),
        Err(_) => Reply::Panicked,
    }
}

/// Whether sources of this type are decoded by nothing but what is not memory-safe Rust: rav1d keeps dav1d's assembly.
pub fn needs_native(source_type: SourceType) -> bool {
    source_type == SourceType::Avif
}
