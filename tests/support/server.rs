//! The program under test, as a process.

use std::{
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;

use super::{
    client::{Connection, Request},
    lacking, process,
    reply::Reply,
    scratch, tls, wait,
};

/// How long a bundle may take from start to ready.
const START: Duration = Duration::from_secs(60);

/// How to start the program.
#[derive(Debug)]
pub(crate) struct Launch {
    command: Command,
    listen: String,
    state: PathBuf,
    lacking: Vec<i64>,
}

impl Launch {
    /// `edgeplane serve BUNDLE`, on free ports, with a state folder of its own.
    pub(crate) fn new(bundle: &Path) -> Self {
        Self::bare("serve").arg(bundle)
    }

    /// `edgeplane serve` in front of servers that run already.
    pub(crate) fn sidecar(upstream: &str) -> Self {
        let mut launch = Self::bare("serve");
        // Without a bundle argument the default one is looked for in the working folder; this one has none.
        launch.command.current_dir(scratch::folder("nowhere"));
        launch.arg("--upstream").arg(upstream)
    }

    /// Any other subcommand.
    pub(crate) fn bare(subcommand: &str) -> Self {
        let state = scratch::folder("state");
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgeplane"));
        command.env_clear().arg(subcommand);
        for name in ["PATH", "HOME", "LLVM_PROFILE_FILE"] {
            if let Ok(value) = std::env::var(name) {
                command.env(name, value);
            }
        }
        // Beside a hundred other tests, whoever comes last hardly comes at all.
        command.env("EDGEPLANE_IMAGE_NICENESS", "0");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, listen: "127.0.0.1:0".into(), state, lacking: Vec::new() }
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds several.
    pub(crate) fn args(self, arguments: &[&str]) -> Self {
        arguments.iter().fold(self, Self::arg)
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets a setting by the name it has in `edgeplane.toml`, such as `limits.request-body`.
    pub(crate) fn setting(self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        let name = format!("EDGEPLANE_{}", name.to_ascii_uppercase().replace(['.', '-'], "_"));
        self.env(&name, value)
    }

    /// Uses the state folder of another server.
    pub(crate) fn state(mut self, state: &Path) -> Self {
        state.clone_into(&mut self.state);
        self
    }

    /// Lets no file of its grow beyond so many bytes: writing more fails, as it does on a full disk.
    pub(crate) fn largest_file(mut self, bytes: u64) -> Self {
        let mut limited = Command::new("sh");
        // The signal that would end the process is ignored, which a program inherits.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", bytes / 512);
        limited.args(["-c", &script]).arg(self.command.get_program()).args(self.command.get_args());
        limited.env_clear();
        for (name, value) in self.command.get_envs() {
            if let Some(value) = value {
                limited.env(name, value);
            }
        }
        limited.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command = limited;
        self
    }

    /// Runs it as on a kernel that lacks a system call.
    pub(crate) fn without(mut self, call: i64) -> Self {
        self.lacking.push(call);
        self
    }

    /// Runs it in that folder.
    pub(crate) fn directory(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Listens there instead of on a free loopback port.
    pub(crate) fn listen(mut self, address: &str) -> Self {
        address.clone_into(&mut self.listen);
        self
    }

    /// Speaks TLS, with the certificate for `localhost`.
    pub(crate) fn tls(self) -> Self {
        self.certificates(&[&tls::LOCALHOST], "")
    }

    /// Speaks TLS, with these certificates and more settings.
    pub(crate) fn certificates(self, pairs: &[&tls::Pair], more: &str) -> Self {
        self.listen("https://127.0.0.1:0").env("EDGEPLANE_CONFIG", tls::settings(pairs, more))
    }

    /// Takes a settings file, and listens where that says.
    pub(crate) fn by_file(self, settings: &Path) -> Self {
        self.listen("").env("EDGEPLANE_CONFIG", settings)
    }

    /// Starts serving and waits until it is ready.
    ///
    /// # Panics
    /// When it ends or is not ready in time, with what it said.
    pub(crate) fn start(mut self) -> Server {
        self.place();
        let command = &mut self.command;
        let mut child = lacking::without(&self.lacking, || command.spawn()).expect("the edgeplane binary starts");
        scratch::watch(child.id());
        let log = collect(child.stderr.take().expect("stderr is piped"));
        let access = collect(child.stdout.take().expect("stdout is piped"));
        let mut server = Server { child, state: self.state, log, access, address: None, admin: None };
        server.await_addresses();
        wait::within(START, "/readyz", || {
            server.assert_running();
            (server.admin("/readyz").status == 200).then_some(())
        });
        server
    }

    /// Serves in vain: for what cannot start.
    pub(crate) fn fail(mut self) -> Finished {
        self.place();
        self.finish()
    }

    fn place(&mut self) {
        if !self.listen.is_empty() {
            self.command.args(["--listen", &self.listen]);
        }
        self.command.args(["--admin", "127.0.0.1:0", "--state-dir"]).arg(&self.state);
    }

    /// Runs it to its end.
    pub(crate) fn finish(mut self) -> Finished {
        let command = &mut self.command;
        let output = lacking::without(&self.lacking, || command.output()).expect("the edgeplane binary starts");
        Finished {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A command that ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it wrote.
    pub(crate) stdout: String,
    /// What it complained about.
    pub(crate) stderr: String,
}

impl Finished {
    /// Fails unless it ended with this exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
        self
    }
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    state: PathBuf,
    log: Lines,
    access: Lines,
    address: Option<SocketAddr>,
    admin: Option<SocketAddr>,
}

type Lines = Arc<Mutex<Vec<String>>>;

impl Server {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("known since the start")
    }

    /// Where it listens with this scheme, of several places.
    pub(crate) fn address_of(&self, scheme: &str) -> SocketAddr {
        let begin = format!("listening {scheme}://");
        wait::within(START, &begin, || {
            let lines = self.log.lock().unwrap();
            let address = lines
                .iter()
                .find_map(|line| address_in(line.strip_prefix("listening ").filter(|_| line.starts_with(&begin))?));
            address.inspect(|address| tls::listens(*address, scheme == "https"))
        })
    }

    /// The folder of its packs and caches.
    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// GET on a connection of its own.
    pub(crate) fn get(&self, target: &str) -> Reply {
        Request::get(target).send(self.address())
    }

    /// Sends a request on a connection of its own.
    pub(crate) fn send(&self, request: &Request) -> Reply {
        request.send(self.address())
    }

    /// Sends bytes on a connection of its own and reads one answer.
    pub(crate) fn raw(&self, bytes: impl AsRef<[u8]>) -> Reply {
        let mut connection = self.connect();
        connection.send(bytes);
        connection.receive("GET")
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address())
    }

    /// GET on the admin address.
    pub(crate) fn admin(&self, target: &str) -> Reply {
        Request::get(target).field("Connection", "close").send(self.admin.expect("known since the start"))
    }

    /// A metric, with its labels as they are printed.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.admin("/metrics").expect(200).text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {text}"))
    }

    /// The lines on stderr so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// The lines on stdout so far: the access log.
    pub(crate) fn access_log(&self) -> Vec<String> {
        self.access.lock().unwrap().clone()
    }

    /// The ids of the Node processes it started, in rising order.
    pub(crate) fn nodes(&self) -> Vec<u32> {
        process::nodes_below(self.id())
    }

    /// A memory figure of the process itself, in KiB, by its name in `/proc/PID/status`.
    pub(crate) fn memory(&self, field: &str) -> u64 {
        process::memory(self.id(), field)
    }

    /// Sends a signal to the process.
    pub(crate) fn signal(&self, signal: Signal) {
        process::signal(self.id(), signal);
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = wait::within(START, "the server's end", || child.try_wait().unwrap());
        scratch::ended(self.child.id());
        status
    }

    /// Fails if the process ended.
    #[track_caller]
    pub(crate) fn assert_running(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("edgeplane ended with {status}:\n{}", self.log());
        }
    }

    fn await_addresses(&mut self) {
        let (address, admin) = wait::within(START, "the addresses on stderr", || {
            self.assert_running();
            let lines = self.log.lock().unwrap().clone();
            // Whole lines: what Node says is in the log, too, and may well be that it is listening.
            let named = |word: &str| lines.iter().find_map(|line| address_in(line.strip_prefix(word)?.trim_start()));
            named("listening ").zip(named("admin "))
        });
        let speaks_tls =
            self.log.lock().unwrap().iter().any(|line| line.starts_with(&format!("listening https://{address}")));
        tls::listens(address, speaks_tls);
        tls::listens(admin, false);
        self.address = Some(address);
        self.admin = Some(admin);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _gone = self.child.kill();
            let _status = self.child.wait();
        }
        scratch::ended(self.child.id());
        if thread::panicking() {
            eprintln!("--- what edgeplane said:\n{}\n---", self.log());
        }
    }
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = line.strip_prefix("http://").or_else(|| line.strip_prefix("https://"))?;
    rest.split(['/', ' ']).next()?.parse().ok()
}

fn collect(stream: impl Read + Send + 'static) -> Lines {
    let lines = Lines::default();
    let kept = Arc::clone(&lines);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            kept.lock().unwrap().push(line);
        }
    });
    lines
}
