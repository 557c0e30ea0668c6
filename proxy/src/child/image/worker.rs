//! The owner's side of a worker: starting it, giving it a job, and ending it.

use std::{
    io::{self, Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream, unix::process::CommandExt},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use edgeplane_optimizer::{Limits, Order};
use nix::{time as clock, unistd::Pid};
use rustix::process::{Resource, Rlimit, getrlimit, prlimit};

use super::{Confinement, Reply, UNSANDBOXED, job_head, message};
use crate::child::SUBCOMMAND;

/// How long a worker may take to start and give up what it has. It needs milliseconds.
const GREETING_PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks at whether anybody still waits for a job.
const LOOK: Duration = Duration::from_millis(20);

/// Words for the allocator, which a worker forgets once it has read them: take the memory for pixels from the kernel
/// and give it back at once, so that `RLIMIT_DATA` bounds what a job holds and a waiting worker is small. In KiB, ms.
const ALLOCATOR: [(&str, &str); 3] =
    [("MIMALLOC_ARENA_RESERVE", "16384"), ("MIMALLOC_ARENA_MAX_OBJECT_SIZE", "1024"), ("MIMALLOC_PURGE_DELAY", "0")];

/// How workers are started and bounded.
#[derive(Clone, Debug)]
pub struct WorkerPlan {
    /// This program.
    pub program: PathBuf,
    /// How far workers stand back behind what answers requests: 0 to 19.
    pub niceness: u8,
    /// Whether decoders that are not memory-safe Rust may run where the kernel confines nothing.
    pub unsandboxed: bool,
    /// Bytes a worker may hold beside what its job was priced at: its code's data, stacks, the allocator's spare.
    pub memory_bytes: usize,
}

impl WorkerPlan {
    /// A plan for this program. Not `current_exe`: after an upgrade in place that names a file that is gone.
    pub fn new(niceness: u8, unsandboxed: bool, memory_bytes: usize) -> Self {
        Self { program: PathBuf::from("/proc/self/exe"), niceness, unsandboxed, memory_bytes }
    }
}

/// Why a job has no reply. The worker is gone in every case.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// It could not be started.
    #[error("failed to start an image worker")]
    Start(#[source] io::Error),
    /// It took longer than it may.
    #[error("an image worker took too long and was killed")]
    Deadline,
    /// Nobody waits for the job any more.
    #[error("an image worker's job was no longer wanted, and it was killed")]
    Unwanted,
    /// It ended in the middle of a job: killed by somebody else, or by its bounds, or broken by its source.
    #[error("an image worker ended in the middle of a job")]
    Died(#[source] io::Error),
}

/// A running worker. Dropping it kills it.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    channel: UnixStream,
    confinement: Confinement,
    plan: WorkerPlan,
}

/// What a job may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes it was priced at.
    pub memory_bytes: usize,
    /// When it is too late.
    pub deadline: Instant,
}

impl Worker {
    /// Starts a worker and waits until it has given up what it must not have.
    ///
    /// The kernel ends it when the *calling thread* ends (PR_SET_PDEATHSIG), so the thread that starts it must be the
    /// one that uses it.
    ///
    /// # Errors
    /// [`Lost::Start`].
    pub fn start(plan: &WorkerPlan) -> Result<Self, Lost> {
        let (ours, theirs) = UnixStream::pair().map_err(Lost::Start)?;
        let child = command(plan, theirs).spawn().map_err(Lost::Start)?;
        let mut worker = Self { child, channel: ours, confinement: Confinement::default(), plan: plan.clone() };
        let limit = Instant::now() + GREETING_PATIENCE;
        let mut patient = Patient { channel: &worker.channel, deadline: limit, wanted: &|| true };
        let greeting = patient.prepare().and_then(|()| message::read_greeting(&mut patient));
        worker.confinement = greeting.map_err(Lost::Start)?;
        Ok(worker)
    }

    /// What holds it back.
    pub fn confinement(&self) -> Confinement {
        self.confinement
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether its process still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Bytes of memory it holds now; 0 when it cannot be told.
    pub fn memory_bytes(&self) -> usize {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap_or_default();
        let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
        pages.saturating_mul(rustix::param::page_size())
    }

    /// Has one job done, for as long as it is `wanted`. After an error the worker is of no use any more.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn run(
        &mut self,
        order: &Order,
        source: &[u8],
        limits: &Limits,
        bounds: Bounds,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Reply, Lost> {
        self.bound(bounds);
        let mut patient = Patient { channel: &self.channel, deadline: bounds.deadline, wanted };
        let done = patient.prepare().and_then(|()| {
            patient.write_all(&job_head(order, source.len(), limits))?;
            patient.write_all(source)?;
            Reply::read(&mut patient, limits.output_bytes)
        });
        done.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => Lost::Deadline,
            io::ErrorKind::ConnectionAborted => Lost::Unwanted,
            _ => Lost::Died(error),
        })
    }

    /// Bounds what the worker's process may hold and compute from now on. From outside, so that it cannot move them.
    fn bound(&self, bounds: Bounds) {
        let Ok(id) = i32::try_from(self.child.id()) else { return };
        let pid = rustix::process::Pid::from_raw(id);
        // The hard limit is ours and stays: only a privileged process could raise it.
        let soft = |resource, bound: u64| {
            let maximum = getrlimit(resource).maximum;
            Rlimit { current: Some(maximum.map_or(bound, |most| most.min(bound))), maximum }
        };
        let bytes = self.plan.memory_bytes.saturating_add(bounds.memory_bytes) as u64;
        // Without these the deadline still holds, and the price still admits.
        let _ = prlimit(pid, Resource::Data, soft(Resource::Data, bytes));
        let used = clock::clock_getcpuclockid(Pid::from_raw(id)).and_then(clock::clock_gettime);
        if let Ok(used) = used {
            // Its threads may use every processor; and whole seconds, rounded up twice.
            let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
            let rest = bounds.deadline.saturating_duration_since(Instant::now()).as_secs() + 2;
            let _ = prlimit(pid, Resource::Cpu, soft(Resource::Cpu, used.tv_sec().unsigned_abs() + rest * threads));
        }
    }
}

/// One job in a worker of its own, for a command that has nothing else to do. Called by the thread that waits for it.
///
/// # Errors
/// [`Lost`].
pub fn once(plan: &WorkerPlan, order: &Order, source: &[u8], limits: &Limits, bounds: Bounds) -> Result<Reply, Lost> {
    Worker::start(plan)?.run(order, source, limits, bounds, &|| true)
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be gone already; then there is only something to reap.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(plan: &WorkerPlan, channel: UnixStream) -> Command {
    let mut command = Command::new(&plan.program);
    command
        .arg0("edgeplane-image")
        .args([SUBCOMMAND, "image"])
        .arg(plan.niceness.to_string())
        .args(plan.unsandboxed.then_some(UNSANDBOXED))
        .current_dir("/")
        .env_clear()
        .envs(ALLOCATOR)
        .stdin(Stdio::from(OwnedFd::from(channel)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Out of our group: Ctrl-C in a terminal is for us, and a picture under way is still answered.
        .process_group(0);
    command
}

/// The channel, read and written with an eye on the clock and on whoever waits.
struct Patient<'a> {
    channel: &'a UnixStream,
    deadline: Instant,
    wanted: &'a dyn Fn() -> bool,
}

impl Patient<'_> {
    fn prepare(&self) -> io::Result<()> {
        self.channel.set_read_timeout(Some(LOOK))?;
        self.channel.set_write_timeout(Some(LOOK))
    }

    /// Repeats `attempt` until it does more than wait. Errors of the kind `TimedOut` and `ConnectionAborted` mean
    /// the deadline and that nobody waits; a socket of this machine gives neither by itself.
    fn insist(&self, mut attempt: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
        loop {
            match attempt() {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                done => return done,
            }
            if Instant::now() >= self.deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if !(self.wanted)() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut channel = self.channel;
        self.insist(|| channel.read(buffer))
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut channel = self.channel;
        self.insist(|| channel.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
