//! The server behind the proxies: Node with answers of fixed sizes, on the generator's core.

use std::process::Command;

use bytes::Bytes;

use crate::{
    failure::Failure,
    load::{self, Body, Request},
    peer::{Cores, Running, free_address},
    site::write,
    stage::{LOAD_CORE, Stage},
};

/// Its program, in the binary, so that the suite needs no source folder.
const PROGRAM: &str = include_str!("../upstream.mjs");

/// Node, with one fixed answer per path.
#[derive(Debug)]
pub(crate) struct Upstream(pub(crate) Running);

impl Upstream {
    pub(crate) fn start(stage: &Stage) -> Result<Self, Failure> {
        Self::with_page(stage, "")
    }

    /// The same, with `page` under `/page`.
    pub(crate) fn with_page(stage: &Stage, page: &str) -> Result<Self, Failure> {
        let folder = stage.folder("upstream")?;
        let program = folder.join("upstream.mjs");
        write(&program, PROGRAM.as_bytes())?;
        let address = free_address()?;
        let mut command = Command::new("node");
        write(&folder.join("page.html"), page.as_bytes())?;
        command.arg(program).arg(address.port().to_string()).arg(folder.join("page.html"));
        Running::spawn("upstream", command, Cores::One(LOAD_CORE), address, folder).map(Self)
    }

    /// A request for `path` whose answer must be what this server answers when it is asked directly.
    pub(crate) fn request(&self, path: &str) -> Result<Request, Failure> {
        let request = Request::get(path, &[]);
        let answer = load::once(self.0.address, &request)?;
        Ok(request.expecting(answer.status, Body::Exact(Bytes::from(answer.body))))
    }
}
