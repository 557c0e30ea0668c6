//! What a person or a program does to a server by mistake or on purpose, found by trying.

use std::{fs, process::Command};

use crate::support::{bundle::Draft, scratch, server::Launch};

#[test]
fn a_relative_state_folder_serves_compute() {
    let folder = scratch::folder("relative");
    // Node runs in the bundle's folder and must find what lies in ours.
    let launch = Launch::new(&Draft::usual().write()).state("state".as_ref()).directory(&folder);
    let server = launch.start();
    server.get("/").expect(200);
    assert!(folder.join("state/packs").is_dir());
}

#[test]
fn a_settings_file_or_environment_file_without_an_end_is_refused() {
    let bundle = Draft::usual().write();
    let finished = Launch::new(&bundle).arg("--config").arg("/dev/zero").fail().expect(64);
    assert!(finished.stderr.contains("/dev/zero"), "{finished:#?}");
    let finished = Launch::new(&bundle).arg("--env-file").arg("/dev/zero").fail().expect(69);
    assert!(finished.stderr.contains("/dev/zero"), "{finished:#?}");
}

#[test]
fn a_wrong_environment_file_does_not_spill_its_secrets() {
    let file = scratch::folder("environment").join("app.env");
    fs::write(&file, "A=1\nTOKEN=hunter2 and more\n").unwrap();
    let finished = Launch::new(&Draft::usual().write()).arg("--env-file").arg(&file).fail().expect(69);
    assert!(finished.stderr.contains("line 2 of"), "{finished:#?}");
    assert!(!finished.stderr.contains("hunter2"), "{finished:#?}");
}

#[test]
fn a_pipe_is_a_settings_file() {
    let bundle = Draft::statics().file("index.html", "hi").write();
    let script = format!(
        "exec '{}' explain GET / --bundle '{}' --config <(echo 'static.cache-control = \"public, max-age=7\"')",
        env!("CARGO_BIN_EXE_edgeplane"),
        bundle.display()
    );
    let output = Command::new("bash").arg("-c").arg(script).env_remove("EDGEPLANE_CONFIG").output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("max-age=7"), "{output:?}");
}
