//! One running Node under its keeper.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream as StdUnixStream},
    path::PathBuf,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use edgeplane_config::Address;
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::UnixStream,
    process::{Child, Command},
    task::JoinHandle,
    time,
};

use super::{
    Plan,
    output::{self, LastWords, Log, Stream},
    preload,
};
use crate::child::{Report, SUBCOMMAND};

/// How long a keeper may take to start Node, and, killed, to end. It needs milliseconds.
const KEEPER_PATIENCE: Duration = Duration::from_secs(10);
/// How long the rest of Node's output may take to arrive after its end.
const OUTPUT_PATIENCE: Duration = Duration::from_millis(500);

/// How a Node process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Its keeper was killed, and Node with it.
    KeeperLost,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "Node ended with status {code}"),
            Self::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "Node was ended by {signal}"),
                Err(_) => write!(f, "Node was ended by signal {number}"),
            },
            Self::KeeperLost => f.write_str("the process that keeps Node was killed"),
        }
    }
}

/// Node could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// No file for the preload script.
    #[error("could not write the preload script into {}", dir.display())]
    Preload {
        /// The run folder.
        dir: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The keeper could not be started.
    #[error("could not start the keeper {}", program.display())]
    Keeper {
        /// This program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The keeper ended or was silent.
    #[error("the keeper said nothing of Node")]
    Silent,
    /// The keeper could not execute Node.
    #[error("could not execute {}", program.display())]
    Refused {
        /// The Node executable.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A running Node. Dropping it closes the control socket, on which the keeper ends Node.
#[derive(Debug)]
pub(super) struct Process {
    keeper: Child,
    /// `None` once closed.
    control: Option<Lines<BufReader<UnixStream>>>,
    node: Pid,
    words: LastWords,
    readers: Vec<JoinHandle<()>>,
    end: Option<Exit>,
}

impl Process {
    /// Starts Node for the instance of that name.
    pub(super) async fn spawn(plan: &Plan, name: &Arc<str>, address: &Address, log: &Log) -> Result<Self, SpawnError> {
        let script = preload::place(&plan.run_dir)
            .map_err(|source| SpawnError::Preload { dir: plan.run_dir.clone(), source })?;
        let failed = |source| SpawnError::Keeper { program: plan.keeper.clone(), source };
        let (ours, theirs) = StdUnixStream::pair().map_err(failed)?;
        ours.set_nonblocking(true).map_err(failed)?;
        let control = UnixStream::from_std(ours).map_err(failed)?;

        let mut keeper = command(plan, name, address, script, theirs.into()).spawn().map_err(failed)?;
        let words = LastWords::default();
        let mut readers = Vec::new();
        if let Some(source) = keeper.stdout.take() {
            readers.push(tokio::spawn(output::capture(source, Stream::Out, name.clone(), words.clone(), log.clone())));
        }
        if let Some(source) = keeper.stderr.take() {
            readers.push(tokio::spawn(output::capture(source, Stream::Err, name.clone(), words.clone(), log.clone())));
        }
        let mut control = BufReader::new(control).lines();
        match time::timeout(KEEPER_PATIENCE, next(&mut control)).await {
            Ok(Some(Report::Started(pid))) => {
                Ok(Self { keeper, control: Some(control), node: Pid::from_raw(pid), words, readers, end: None })
            }
            Ok(Some(Report::Refused(errno))) => Err(SpawnError::Refused {
                program: plan.settings.node.clone(),
                source: io::Error::from_raw_os_error(errno),
            }),
            _ => Err(SpawnError::Silent),
        }
    }

    /// The process id of Node.
    pub(super) fn pid(&self) -> i32 {
        self.node.as_raw()
    }

    /// Waits for the end of Node and of all it started. Can be cancelled and called again.
    pub(super) async fn wait(&mut self) -> Exit {
        if let Some(control) = &mut self.control {
            while let Some(report) = next(control).await {
                match report {
                    Report::Exited(code) => self.end = Some(Exit::Code(code)),
                    Report::Killed(signal) => self.end = Some(Exit::Signal(signal)),
                    Report::Started(_) | Report::Refused(_) => {}
                }
            }
        }
        // The keeper's end of the socket is closed: it has ended or is about to.
        if time::timeout(KEEPER_PATIENCE, self.keeper.wait()).await.is_err() {
            let _ = self.keeper.kill().await;
            self.end = None;
        }
        *self.end.get_or_insert_with(|| {
            // The kernel has killed Node, and nobody has killed its children, which are in its group. The group's
            // number is free for others only once all of them are gone.
            let _ = signal::killpg(self.node, Signal::SIGKILL);
            Exit::KeeperLost
        })
    }

    /// Asks Node to end (SIGTERM), and ends it (SIGKILL) when `patience` is over.
    pub(super) async fn stop(mut self, patience: Duration) -> Exit {
        if let Some(keeper) = self.keeper.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = signal::kill(Pid::from_raw(keeper), Signal::SIGTERM);
        }
        if let Ok(end) = time::timeout(patience, self.wait()).await {
            return end;
        }
        // The keeper was asked already, so the end of the socket makes it kill at once.
        self.control = None;
        self.end = Some(Exit::Signal(libc::SIGKILL));
        self.wait().await
    }

    /// The last lines Node printed. Called after its end, so that they are all there.
    pub(super) async fn last_words(&mut self) -> Vec<String> {
        for reader in self.readers.drain(..) {
            let _ = time::timeout(OUTPUT_PATIENCE, reader).await;
        }
        self.words.lines()
    }

    /// The last lines so far.
    pub(super) fn words(&self) -> LastWords {
        self.words.clone()
    }
}

/// The next report; lines that are none are skipped, the end of the socket is `None`.
async fn next(control: &mut Lines<BufReader<UnixStream>>) -> Option<Report> {
    while let Some(line) = control.next_line().await.ok()? {
        match line.parse() {
            Ok(report) => return Some(report),
            Err(error) => tracing::error!(%error, "unexpected line on a control socket"),
        }
    }
    None
}

fn command(plan: &Plan, name: &str, address: &Address, script: PathBuf, control: OwnedFd) -> Command {
    let mut command = Command::new(&plan.keeper);
    command
        .arg0("edgeplane-keeper")
        .args([SUBCOMMAND, "node"])
        .arg(&plan.settings.node)
        .arg("--require")
        .arg(script)
        // Not the bare name: one that begins with a dash would be an option.
        .arg(format!("./{}", plan.folder.entrypoint))
        .current_dir(&plan.folder.dir)
        .env_clear()
        .envs(&plan.environment)
        .env("EDGEPLANE_INSTANCE", name)
        .env("EDGEPLANE_INSTANCE_ADDRESS", written(address))
        .stdin(Stdio::from(control))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Out of our group: Ctrl-C in a terminal is for us, and Node ends when requests have drained.
        .process_group(0);
    command
}

/// The address as the preload script reads it.
fn written(address: &Address) -> String {
    match address {
        Address::Tcp(address) => address.to_string(),
        Address::Unix(path) => format!("unix:{}", path.display()),
        Address::Name(name, port) => format!("{name}:{port}"),
    }
}
