//! What a test run leaves behind: nothing. One watcher process outlives the run, however it ends, and cleans up.
//!
//! Servers shared between tests live in statics, which are never dropped; and a run may be killed. The watcher reads
//! from a pipe whose other end only this process holds: when that end closes, it kills the servers it was told of
//! and removes the folder.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

const WATCH: &str = r#"
while read -r verb id; do
  case $verb in
    add) ids="$ids $id" ;;
    gone) kept=; for each in $ids; do [ "$each" = "$id" ] || kept="$kept $each"; done; ids=$kept ;;
  esac
done
[ -z "$ids" ] || kill -9 $ids 2>/dev/null
rm -rf "$1"
"#;

struct Scratch {
    folder: PathBuf,
    watcher: Mutex<Child>,
}

/// A new empty folder, gone after the run.
pub(crate) fn folder(name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let folder = scratch().folder.join(format!("{}-{name}", COUNT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Has the process `id` killed when the run ends.
pub(crate) fn watch(id: u32) {
    tell("add", id);
}

/// The process `id` ended already; its number may belong to another one soon.
pub(crate) fn ended(id: u32) {
    tell("gone", id);
}

fn tell(verb: &str, id: u32) {
    let mut watcher = scratch().watcher.lock().unwrap();
    writeln!(watcher.stdin.as_mut().unwrap(), "{verb} {id}").unwrap();
}

fn scratch() -> &'static Scratch {
    static SCRATCH: OnceLock<Scratch> = OnceLock::new();
    SCRATCH.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("run-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        let watcher = Command::new("sh")
            .args(["-c", WATCH, "watch"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Scratch { folder, watcher: Mutex::new(watcher) }
    })
}
