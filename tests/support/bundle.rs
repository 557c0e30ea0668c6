//! Bundles to serve: the real ones that frameworks emit, and small ones written by hand.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Once,
};

use serde_json::{Value, json};

use super::scratch;

/// The bundle `name` of `tests/apps/build.sh`, built when it is not up to date.
///
/// # Panics
/// When it could not be built; what the framework said is on stderr.
pub(crate) fn built(name: &str) -> PathBuf {
    static BUILD: Once = Once::new();
    let bundles = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("bundles");
    BUILD.call_once(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/apps/build.sh");
        // One app that fails to build fails its own tests, below, and no others.
        let _status = Command::new(script).env("EDGEPLANE_BUNDLES", &bundles).status();
    });
    let bundle = bundles.join(name);
    assert!(bundle.exists(), "tests/apps/build.sh could not make the bundle {name}");
    bundle
}

/// A private copy of a bundle's public part, for tests that change files while they are served.
#[derive(Debug)]
pub(crate) struct Draft {
    root: PathBuf,
    manifest: Value,
}

/// The hand-written server that most synthetic bundles run; it honours `PORT` and `HOST`.
pub(crate) const SERVER: &str = include_str!("server.js");

impl Draft {
    /// A bundle of static files only: everything under `static/` is served, nothing else is there.
    pub(crate) fn statics() -> Self {
        Self::with_routes(json!([{"path": "/*", "target": {"kind": "Static"}}]))
    }

    /// The usual bundle: what has a dot is Static and falls back to Compute, the rest is Compute.
    pub(crate) fn usual() -> Self {
        Self::with_routes(json!([
            {"path": "/assets/*", "target": {"kind": "Static", "cacheControl": "public, max-age=31536000, immutable"}},
            {"path": "/*.*", "target": {"kind": "Static", "cacheControl": "public, max-age=2"},
             "fallback": {"kind": "Compute", "src": "default"}},
            {"path": "/*", "target": {"kind": "Compute", "src": "default"}},
        ]))
        .compute(SERVER)
    }

    /// A bundle with these routes and nothing else.
    pub(crate) fn with_routes(routes: Value) -> Self {
        let root = scratch::folder("bundle");
        fs::create_dir_all(root.join("static")).unwrap();
        let mut manifest = json!({"version": 1, "framework": {"name": "handmade", "version": "1.0.0"}});
        manifest["routes"] = routes;
        Self { root, manifest }
    }

    /// Adds `static/NAME`.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        write(&self.root.join("static").join(name), content.as_ref());
        self
    }

    /// Adds a compute resource whose entry point is `source`.
    pub(crate) fn compute(mut self, source: &str) -> Self {
        write(&self.root.join("compute/default/server.js"), source.as_bytes());
        self.manifest["computeResources"] =
            json!([{"name": "default", "runtime": "nodejs20.x", "entrypoint": "server.js"}]);
        self
    }

    /// Adds `compute/default/NAME`.
    pub(crate) fn compute_file(self, name: &str, content: &str) -> Self {
        write(&self.root.join("compute/default").join(name), content.as_bytes());
        self
    }

    /// Adds NAME beside the manifest.
    pub(crate) fn beside(self, name: &str, content: &str) -> Self {
        write(&self.root.join(name), content.as_bytes());
        self
    }

    /// Sets one top-level key of the manifest.
    pub(crate) fn key(mut self, key: &str, value: Value) -> Self {
        self.manifest[key] = value;
        self
    }

    /// Writes the manifest; the bundle is complete.
    pub(crate) fn write(self) -> PathBuf {
        self.write_text(&serde_json::to_string_pretty(&self.manifest).unwrap())
    }

    /// Writes `text` in place of the manifest.
    pub(crate) fn write_text(&self, text: &str) -> PathBuf {
        write(&self.root.join("deploy-manifest.json"), text.as_bytes());
        self.root.clone()
    }
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}
