//! A bundle written by a test, and ways to look at what runs.

use std::{
    fs,
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use edgeplane::compute::{Fleet, Phase, Plan, environment};
use edgeplane_config::{Address, Amount, ComputeFolder, ComputeSettings};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time,
};

/// The program under test.
pub(crate) const EDGEPLANE: &str = env!("CARGO_BIN_EXE_edgeplane");

/// Nothing in these tests needs longer, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server as frameworks write them: port 3000, all interfaces. It answers with its process id and the path.
pub(crate) const SERVER: &str = "
require('node:http').createServer((request, response) => {
  if (request.url === '/exit') process.exit(13);
  response.end(`${process.pid} ${request.url}`);
}).listen(3000);
";

/// The folders of a bundle.
pub(crate) struct App {
    root: TempDir,
    pub(crate) entrypoint: &'static str,
}

impl App {
    /// A bundle of this one file.
    pub(crate) fn new(entrypoint: &'static str, text: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("compute/default")).unwrap();
        Self { root, entrypoint }.with(&format!("compute/default/{entrypoint}"), text)
    }

    /// And this file.
    pub(crate) fn with(self, name: &str, text: &str) -> Self {
        let path = self.root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn folder(&self) -> ComputeFolder {
        ComputeFolder {
            dir: self.root().join("compute/default"),
            entrypoint: self.entrypoint.to_owned(),
            node_major: 20,
        }
    }

    pub(crate) fn plan(&self, instances: usize) -> Plan {
        let environment = environment::of_app(std::env::vars_os(), []);
        let run_dir = self.root().join("run");
        let mut plan = Plan::new(self.folder(), settings(), Amount::Just(instances), environment, run_dir);
        plan.keeper = PathBuf::from(EDGEPLANE);
        plan
    }

    /// Starts one instance, which must work.
    pub(crate) async fn start(&self) -> Fleet {
        Fleet::start(self.plan(1)).await.expect("the app starts")
    }
}

/// Short times: the tests wait for them.
pub(crate) fn settings() -> ComputeSettings {
    ComputeSettings {
        node: PathBuf::from("node"),
        readiness_path: "/".to_owned(),
        start_timeout: PATIENCE,
        ready_wait: Duration::from_secs(10),
        stop_timeout: PATIENCE,
        restart_min: Duration::from_millis(20),
        restart_max: Duration::from_millis(200),
        pool_idle: Duration::from_secs(4),
        pool_size: 128,
        attempts: 2,
    }
}

/// Waits until a condition holds, and gives up with its description.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    eventually(what, async || holds().then_some(())).await;
}

/// Waits until there is something.
pub(crate) async fn eventually<T>(what: &str, mut find: impl AsyncFnMut() -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = find().await {
                return found;
            }
            time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(what, search).await
}

/// The outcome of something that must not take for ever.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    let Ok(outcome) = time::timeout(PATIENCE, work).await else { panic!("not within {PATIENCE:?}: {what}") };
    outcome
}

/// Whether the process exists and is no zombie.
pub(crate) fn runs(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Waits until none of the processes runs.
pub(crate) async fn gone(pids: &[i32]) {
    until(&format!("{pids:?} are gone"), || !pids.iter().any(|pid| runs(*pid))).await;
}

/// The process ids of the instances.
pub(crate) fn pids(fleet: &Fleet) -> Vec<i32> {
    fleet.states().into_iter().filter_map(|state| state.pid).collect()
}

/// Waits until so many instances are ready.
pub(crate) async fn ready(fleet: &Fleet, count: usize) {
    let what = format!("{count} instances are ready");
    until(&what, || fleet.states().iter().filter(|state| state.phase == Phase::Ready).count() == count).await;
}

/// The body of a GET to the next instance; `None` when the connection fails or breaks.
pub(crate) async fn get(fleet: &Fleet, path: &str) -> Option<String> {
    let address = fleet.pick(&[])?.address.clone();
    get_at(&address, path).await
}

/// The body of a GET to this address.
pub(crate) async fn get_at(address: &Address, path: &str) -> Option<String> {
    let request = format!("GET {path} HTTP/1.0\r\nhost: localhost\r\n\r\n");
    let mut answer = Vec::new();
    match address {
        Address::Tcp(address) => {
            let mut stream = TcpStream::connect(address).await.ok()?;
            stream.write_all(request.as_bytes()).await.ok()?;
            stream.read_to_end(&mut answer).await.ok()?;
        }
        Address::Unix(path) => {
            let mut stream = UnixStream::connect(path).await.ok()?;
            stream.write_all(request.as_bytes()).await.ok()?;
            stream.read_to_end(&mut answer).await.ok()?;
        }
        Address::Name(..) => return None,
    }
    let (_, body) = std::str::from_utf8(&answer).ok()?.split_once("\r\n\r\n")?;
    Some(body.to_owned())
}
