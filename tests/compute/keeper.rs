//! Node never outlives edgeplane, whoever is killed.

use std::{os::unix::net::UnixStream as StdUnixStream, process::Stdio};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::app::{EDGEPLANE, gone, runs, within};

/// Starts a child in its own group and one in its own session, tells all process ids and stays.
const FAMILY: &str = "
const { spawn } = require('node:child_process');
const stay = 'setInterval(() => {}, 1000)';
const near = spawn(process.execPath, ['-e', stay], { stdio: 'ignore' });
const far = spawn(process.execPath, ['-e', stay], { stdio: 'ignore', detached: true });
console.log(`${process.pid} ${near.pid} ${far.pid}`);
setInterval(() => {}, 1000);
";

/// A keeper with Node under it, and our end of its control socket.
struct Kept {
    keeper: Child,
    control: Option<StdUnixStream>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Kept {
    fn start(script: &str) -> Self {
        let (control, theirs) = StdUnixStream::pair().unwrap();
        let mut keeper = Command::new(EDGEPLANE)
            .args(["__child", "node", "node", "-e", script])
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            // What a failing test leaves behind must not hold the output of the test run.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(keeper.stdout.take().unwrap()).lines();
        Self { keeper, control: Some(control), lines }
    }

    async fn line(&mut self) -> String {
        within("Node prints a line", self.lines.next_line()).await.unwrap().expect("a line, not the end")
    }

    async fn family(&mut self) -> Vec<i32> {
        pids(&self.line().await)
    }

    async fn exit_code(&mut self) -> Option<i32> {
        within("the keeper ends", self.keeper.wait()).await.unwrap().code()
    }

    fn keeper_pid(&self) -> i32 {
        self.keeper.id().unwrap().try_into().unwrap()
    }

    /// Everything the keeper reported until its end.
    async fn reports(&mut self) -> String {
        let control = self.control.take().unwrap();
        control.set_nonblocking(true).unwrap();
        let mut text = String::new();
        let mut control = tokio::net::UnixStream::from_std(control).unwrap();
        within("the control socket ends", control.read_to_string(&mut text)).await.unwrap();
        text
    }
}

fn pids(line: &str) -> Vec<i32> {
    line.split(' ').map(|pid| pid.parse().unwrap()).collect()
}

fn send(signal: Signal, pid: i32) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

#[tokio::test]
async fn the_exit_status_of_node_is_passed_on() {
    let mut kept = Kept::start("process.exit(13)");
    assert_eq!(kept.exit_code().await, Some(13));
    assert!(kept.reports().await.ends_with("\nexited 13\n"));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_reported() {
    let (control, theirs) = StdUnixStream::pair().unwrap();
    let status = Command::new(EDGEPLANE)
        .args(["__child", "node", "/nowhere/node"])
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
        .status();
    assert_eq!(within("the keeper ends", status).await.unwrap().code(), Some(127));
    let text = std::io::read_to_string(control).unwrap();
    assert_eq!(text, format!("refused {}\n", libc::ENOENT));
}

#[tokio::test]
async fn a_keeper_without_a_program_says_usage() {
    let status = Command::new(EDGEPLANE).args(["__child", "node"]).stdin(Stdio::null()).status();
    assert_eq!(status.await.unwrap().code(), Some(64));
}

#[tokio::test]
async fn killed_node_takes_its_children_along() {
    let mut kept = Kept::start(FAMILY);
    let family = kept.family().await;
    assert!(family.iter().all(|pid| runs(*pid)), "{family:?}");
    send(Signal::SIGKILL, family[0]);
    assert_eq!(kept.exit_code().await, Some(128 + 9));
    // The report comes after the work.
    assert!(!family.iter().any(|pid| runs(*pid)), "{family:?}");
    assert_eq!(kept.reports().await, format!("started {}\nkilled 9\n", family[0]));
}

#[tokio::test]
async fn closing_the_control_socket_ends_everything() {
    let mut kept = Kept::start(FAMILY);
    let family = kept.family().await;
    kept.control = None;
    kept.exit_code().await;
    gone(&family).await;
}

#[tokio::test]
async fn node_that_ignores_sigterm_ends_as_well() {
    let mut kept =
        Kept::start("process.on('SIGTERM', () => {}); console.log(process.pid); setInterval(() => {}, 1000)");
    let family = kept.family().await;
    kept.control = None;
    assert_eq!(kept.exit_code().await, Some(128 + 9));
    gone(&family).await;
}

#[tokio::test]
async fn sigterm_reaches_node() {
    let script = "process.on('SIGTERM', () => { console.log('bye'); process.exit(7) }); console.log('up');
                  setInterval(() => {}, 1000)";
    let mut kept = Kept::start(script);
    assert_eq!(kept.line().await, "up");
    send(Signal::SIGTERM, kept.keeper_pid());
    assert_eq!(kept.line().await, "bye");
    assert_eq!(kept.exit_code().await, Some(7));
}

#[tokio::test]
async fn a_killed_keeper_takes_node_along() {
    let mut kept = Kept::start("console.log(process.pid); setInterval(() => {}, 1000)");
    let family = kept.family().await;
    send(Signal::SIGKILL, kept.keeper_pid());
    gone(&family).await;
    assert!(kept.reports().await.starts_with("started"), "and nothing was reported but the start");
}

/// A parent that has a keeper, in another process, so that it can be killed. Node connects its children's standard
/// input by a socket pair, as edgeplane does.
#[tokio::test]
async fn a_killed_parent_takes_everything_along() {
    let parent = "
        const [, edgeplane, family] = process.argv;
        require('node:child_process').spawn(edgeplane, ['__child', 'node', process.execPath, '-e', family],
          { stdio: ['pipe', 'inherit', 'inherit'], detached: true });
    ";
    let mut parent = Command::new("node")
        .args(["-e", parent, EDGEPLANE, FAMILY])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let family = pids(&within("Node prints a line", lines.next_line()).await.unwrap().unwrap());
    parent.kill().await.unwrap();
    gone(&family).await;
    let end = within("nobody holds the output", lines.next_line()).await.unwrap();
    assert_eq!(end, None);
}
