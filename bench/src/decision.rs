//! The two decisions every request pays for, in this process alone: the route and the static answer.

use std::fs;

use edgeplane::{
    answer::Head,
    assets::{self, Pack, Policy},
    route::Routes,
};
use edgeplane_config::Settings;

use crate::failure::Failure;

/// Forty bytes, as long as paths of real sites are.
pub(crate) const PATH: &[u8] = b"/blog/2021/01/01/a-page-with-forty-bytes";

/// Sections of a site, and what catches all at the end.
pub(crate) fn routes(count: usize) -> Result<Routes, Failure> {
    let patterns: Vec<String> = (1..count).map(|n| format!("/section-{n}/*.*")).chain(["/*".to_owned()]).collect();
    compile(&patterns)
}

pub(crate) fn compile(patterns: &[String]) -> Result<Routes, Failure> {
    Routes::compile(patterns.iter().map(String::as_str)).map_err(decision)
}

/// A pack with one file, and a request for it.
#[derive(Debug)]
pub(crate) struct StaticAnswer {
    pack: Pack,
    policy: Policy<'static>,
}

const FIELDS: [httparse::Header<'static>; 2] = [
    httparse::Header { name: "host", value: b"localhost" },
    httparse::Header { name: "accept-encoding", value: b"gzip, deflate, br, zstd" },
];

impl StaticAnswer {
    pub(crate) fn prepare() -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(Failure::system("make a folder"))?;
        let files = folder.path().join("static");
        fs::create_dir(&files).map_err(Failure::file("make", &files))?;
        let file = files.join("app.js");
        fs::write(&file, "x".repeat(1024)).map_err(Failure::file("write", &file))?;
        let settings = Settings::default();
        let pack = assets::prepare(Some(&files), &folder.path().join("packs"), &settings.assets).map_err(decision)?;
        Ok(Self { pack, policy: Policy { cache_control: None, ranges_max: 16, index: true } })
    }

    /// The decision, and nothing of what follows.
    pub(crate) fn find(&self) -> assets::Outcome {
        let head =
            Head { method: "GET", path: "/app.js", query: None, fields: &FIELDS, http11: true, host: "localhost" };
        assets::answer(&self.pack, b"/app.js", &head, &self.policy)
    }
}

fn decision(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::Decision(Box::new(error))
}
