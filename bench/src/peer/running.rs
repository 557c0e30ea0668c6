//! A server that runs: started on its core, waited for, and ended with everything it started.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use super::{Peer, Place, Role};
use crate::{cores, failure::Failure, measure::Tree, pause::pause, stage::Stage};

/// From start to the first accepted connection: Node with a cold disk included.
const START: Duration = Duration::from_secs(30);
/// From SIGTERM to the end.
const STOP: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(2);
/// How much of a log is shown when a start fails.
const TOLD_BYTES: usize = 2000;

/// Where a server may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    /// On this one only, counted from 0 among those that may be used.
    One(usize),
    /// Wherever the kernel likes.
    All,
}

/// How a peer is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) role: Role<'a>,
    pub(crate) cores: Cores,
    pub(crate) threads: usize,
    /// Further environment.
    pub(crate) environment: &'a [(&'a str, &'a str)],
}

impl<'a> Launch<'a> {
    /// On the server's core, with one thread: how nearly everything is measured.
    pub(crate) const fn pinned(role: Role<'a>) -> Self {
        Self { role, cores: Cores::One(crate::stage::SERVER_CORE), threads: 1, environment: &[] }
    }
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// From the start of the process until it accepted a connection.
    pub(crate) took: Duration,
    /// Its configuration, logs and state.
    pub(crate) folder: PathBuf,
    child: Child,
}

impl Running {
    /// Starts `peer` and waits until it accepts connections.
    pub(crate) fn start(peer: &dyn Peer, launch: &Launch<'_>, stage: &Stage) -> Result<Self, Failure> {
        if peer.version(&stage.programs).is_none() {
            stage.note(peer, "", "");
            return Err(Failure::Absent { peer: peer.name().into() });
        }
        let folder = stage.folder(peer.name())?;
        let address = free_address()?;
        let place = Place { programs: &stage.programs, folder: &folder, address, threads: launch.threads };
        let mut plan = peer.plan(&launch.role, &place)?;
        stage.note(peer, launch.role.purpose(), &plan.config);
        plan.command.envs(launch.environment.iter().copied());
        Self::spawn(peer.name(), plan.command, launch.cores, address, folder)
    }

    /// Starts any server that will listen on `address`. Its output goes to `output` in `folder`.
    pub(crate) fn spawn(
        name: &'static str,
        command: Command,
        cores: Cores,
        address: SocketAddr,
        folder: PathBuf,
    ) -> Result<Self, Failure> {
        let log = |file: &str| {
            let path = folder.join(file);
            File::create(&path).map_err(Failure::file("write", &path))
        };
        let mut command = on(cores, command);
        command.stdin(Stdio::null()).stdout(log("output")?).stderr(log("errors")?).process_group(0);
        let began = Instant::now();
        let child = command.spawn().map_err(|source| Failure::Run { program: name.into(), source })?;
        let mut running = Self { name, address, took: Duration::ZERO, folder, child };
        running.wait(began)?;
        running.took = began.elapsed();
        Ok(running)
    }

    fn wait(&mut self, began: Instant) -> Result<(), Failure> {
        loop {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            let ended = self.child.try_wait().map_err(Failure::system("ask for a child"))?;
            if let Some(status) = ended {
                return Err(Failure::Ended {
                    program: self.name.into(),
                    status: status.to_string(),
                    told: self.told(),
                });
            }
            if began.elapsed() > START {
                return Err(Failure::Silent { program: self.name.into(), waited: START, told: self.told() });
            }
            pause(LOOK);
        }
    }

    /// Its processes.
    pub(crate) fn tree(&self) -> Tree {
        Tree::of(self.child.id())
    }

    /// The end of what it printed, in one line.
    pub(crate) fn told(&self) -> String {
        let text = ["errors", "output"].map(|file| fs::read(self.folder.join(file)).unwrap_or_default()).concat();
        let text = text.get(text.len().saturating_sub(TOLD_BYTES)..).unwrap_or_default();
        String::from_utf8_lossy(text).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Running {
    /// Asks first: Edgeplane ends its Node in order. Whatever remains of the process group is killed.
    fn drop(&mut self) {
        let Ok(id) = i32::try_from(self.child.id()) else { return };
        let group = Pid::from_raw(id);
        let _ = killpg(group, Signal::SIGTERM);
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < STOP {
            pause(LOOK);
        }
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// The same command, bound to its core. `taskset` becomes the program, so that the process id is the server's.
fn on(cores: Cores, command: Command) -> Command {
    let Cores::One(n) = cores else { return command };
    let Some(core) = cores::nth(n) else { return command };
    let mut bound = Command::new("taskset");
    bound.args(["-c", &core.to_string()]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bound.env(name, value),
            None => bound.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        bound.current_dir(folder);
    }
    bound
}

/// An address of this machine that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Failure::system("take a port"))?;
    listener.local_addr().map_err(Failure::system("take a port"))
}
