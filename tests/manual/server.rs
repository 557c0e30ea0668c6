//! A server that serves `examples/hello` under the addresses the manual writes.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// The addresses in the manual: those of the default settings.
const PUBLIC: &str = "127.0.0.1:8080";
const ADMIN: &str = "127.0.0.1:9901";

/// Ends with the tests.
pub(super) struct Server {
    process: Child,
    public: String,
    admin: String,
    _state: tempfile::TempDir,
}

impl Server {
    pub(super) fn start() -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_edgeplane"))
            .args(["serve", "examples/hello", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log", "off"])
            .arg("--state-dir")
            .arg(state.path())
            .current_dir(super::root())
            .env("EDGEPLANE_HTTP2_CLEARTEXT", "true")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (mut public, mut admin, mut said) = (None, None, String::new());
        // The server ends with an error where it cannot start, and so does this loop.
        while public.is_none() {
            let Some(Ok(line)) = lines.next() else { panic!("the server did not start:\n{said}") };
            let address = |rest: &str| rest.trim().trim_start_matches("http://").split('/').next().map(str::to_owned);
            public = public.or_else(|| line.strip_prefix("listening ").and_then(address));
            admin = admin.or_else(|| line.strip_prefix("admin ").and_then(address));
            said += &line;
            said.push('\n');
        }
        // Read on, so that the server never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, public: public.unwrap(), admin: admin.expect("an admin line"), _state: state }
    }

    /// Runs a command that asks the server, in the addresses of the manual.
    pub(super) fn shell(&self, command: &str, folder: &Path) -> (String, i32) {
        let command = command.replace(PUBLIC, &self.public).replace(ADMIN, &self.admin);
        let (printed, code) = super::shell(&command, folder);
        (printed.replace(&self.public, PUBLIC).replace(&self.admin, ADMIN), code)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
