//! The generated files: the same bytes for everybody, and the same compressed variants.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;

use crate::{
    failure::Failure,
    load::{self, Request},
    peer::{Edgeplane, Launch, Role, Running},
    stage::Stage,
};

/// Small files beside the measured ones, so that tables and caches have something to hold.
const N_OTHERS: usize = 1000;
/// The manifest of a bundle that is static but for what it does not have.
const MANIFEST: &str = r#"{
  "version": 1,
  "framework": { "name": "bench", "version": "1.0.0" },
  "routes": [
    { "path": "/*.*", "target": { "kind": "Static" }, "fallback": { "kind": "Compute", "src": "default" } },
    { "path": "/*", "target": { "kind": "Compute", "src": "default" } }
  ],
  "computeResources": [{ "name": "default", "runtime": "nodejs20.x", "entrypoint": "server.js" }]
}
"#;
/// The same without anything to fall back to.
const STATIC_MANIFEST: &str = r#"{
  "version": 1,
  "framework": { "name": "bench", "version": "1.0.0" },
  "routes": [{ "path": "/*", "target": { "kind": "Static" } }]
}
"#;

/// When every file was modified, and as HTTP says it.
const MODIFIED: Duration = Duration::from_secs(1_767_225_600);
pub(crate) const LAST_MODIFIED: &str = "Thu, 01 Jan 2026 00:00:00 GMT";

/// A measured file: its name, and how large it is.
pub(crate) const SIZES: [(&str, usize); 4] =
    [("1k.css", 1 << 10), ("10k.css", 10 << 10), ("100k.css", 100 << 10), ("10m.bin", 10 << 20)];

/// What is served.
#[derive(Debug)]
pub(crate) struct Site {
    /// An all-static bundle.
    pub(crate) bundle: PathBuf,
    /// The same files, with a fallback to Compute.
    pub(crate) fallback_bundle: PathBuf,
    /// Its pack, with the best variants.
    pub(crate) pack: PathBuf,
    /// The same files for everybody else, with `.br` and `.gz` beside them.
    pub(crate) files: PathBuf,
}

impl Site {
    /// Generates the files, packs them, and takes the compressed variants from the pack.
    pub(crate) fn make(stage: &Stage) -> Result<Self, Failure> {
        let folder = stage.folder("site")?;
        let site = Self {
            bundle: folder.join("bundle"),
            fallback_bundle: folder.join("fallback"),
            pack: folder.join("site.pack"),
            files: folder.join("files"),
        };
        write_files(&site.bundle.join("static"))?;
        write_files(&site.files)?;
        write(&site.bundle.join("deploy-manifest.json"), STATIC_MANIFEST.as_bytes())?;
        write_files(&site.fallback_bundle.join("static"))?;
        write(&site.fallback_bundle.join("deploy-manifest.json"), MANIFEST.as_bytes())?;
        // Never started: behind this bundle there is always an upstream.
        write(&site.fallback_bundle.join("compute/default/server.js"), b"")?;
        pack(&stage.programs.edgeplane, &site.bundle, &site.pack)?;
        site.take_variants(stage)?;
        Ok(site)
    }

    /// The bytes of the file `name`, or of its variant where `name` ends in `.br` or `.gz`.
    pub(crate) fn bytes(&self, name: &str) -> Result<Bytes, Failure> {
        let path = self.files.join(name);
        fs::read(&path).map(Bytes::from).map_err(Failure::file("read", &path))
    }

    /// Asks Edgeplane for each variant and lays it beside the file, where nginx and the others look for it.
    fn take_variants(&self, stage: &Stage) -> Result<(), Failure> {
        let server = Running::start(&Edgeplane, &Launch::pinned(Role::Static(self)), stage)?;
        for (name, _) in SIZES {
            for (coding, ending) in [("br", "br"), ("gzip", "gz")] {
                let request = Request::get(&format!("/{name}"), &[("Accept-Encoding", coding)]);
                let answer = load::once(server.address, &request)?;
                if answer.field("content-encoding").is_some_and(|value| value == coding) {
                    write_dated(&self.files.join(format!("{name}.{ending}")), &answer.body)?;
                }
            }
        }
        Ok(())
    }
}

/// `edgeplane pack`.
pub(crate) fn pack(edgeplane: &Path, bundle: &Path, out: &Path) -> Result<(), Failure> {
    let mut command = Command::new(edgeplane);
    command.arg("pack").arg(bundle).arg(out).stdin(Stdio::null());
    let done = command.output().map_err(|source| Failure::Run { program: "edgeplane pack".into(), source })?;
    if done.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(Failure::Ended { program: "edgeplane pack".into(), status: done.status.to_string(), told })
}

fn write_files(folder: &Path) -> Result<(), Failure> {
    for (name, length) in SIZES {
        let contents = if name.ends_with(".bin") { noise(length) } else { style_sheet(length) };
        write_dated(&folder.join(name), &contents)?;
    }
    for n in 0..N_OTHERS {
        write_dated(&folder.join(format!("others/{n}.css")), &style_sheet(200 + n))?;
    }
    Ok(())
}

/// A style sheet of that length that compresses as such files do.
fn style_sheet(length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(length + 80);
    let mut random = Random(1);
    while text.len() < length {
        let (name, color, size) = (random.next() % 5000, random.next() % 0x100_0000, random.next() % 64);
        // Writing to memory cannot fail.
        let _ = writeln!(text, ".card-{name} > a {{ color: #{color:06x}; margin: 0 {size}px auto; }}");
    }
    text.truncate(length);
    text
}

/// Bytes that do not compress, the same ones in every run.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut random = Random(2);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// The xorshift64 generator: repeatable, and random enough for file contents and paths.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Failure::file("make", folder))?;
    }
    fs::write(path, contents).map_err(Failure::file("write", path))
}

/// A file of the site: as old as all of them, for whoever asks whether it has changed.
fn write_dated(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    write(path, contents)?;
    let file = File::options().write(true).open(path).map_err(Failure::file("open", path))?;
    file.set_modified(UNIX_EPOCH + MODIFIED).map_err(Failure::file("date", path))
}
