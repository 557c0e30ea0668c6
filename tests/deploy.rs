//! What the files in `deploy/` rely on.

use std::{os::unix::net::UnixDatagram, time::Duration};

use nix::sys::signal::Signal;

use crate::support::{bundle::Draft, scratch, server::Launch};

fn unit() -> Vec<(String, String)> {
    let text = include_str!("../deploy/systemd/edgeplane.service");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn value(key: &str) -> String {
    unit().into_iter().find(|(name, _)| name == key).map(|(_, value)| value).unwrap_or_else(|| panic!("no {key}="))
}

#[test]
fn the_units_command_line_is_one_that_serve_understands() {
    let exec = value("ExecStart");
    let mut words = exec.split(' ');
    assert_eq!(words.next(), Some("/usr/bin/edgeplane"));
    let subcommand = words.next().unwrap();
    let mut launch = Launch::bare(subcommand);
    for word in words {
        launch = launch.arg(word);
    }
    for (key, assignment) in unit() {
        if key == "Environment" {
            let (name, value) = assignment.split_once('=').unwrap();
            launch = launch.env(name, value);
        }
    }
    // Everything is understood; only the bundle is not there.
    let finished = launch.finish();
    assert_eq!(finished.status.code(), Some(65), "{}", finished.stderr);
    assert!(finished.stderr.contains("/srv/app/.amplify-hosting"), "{}", finished.stderr);
}

#[test]
fn the_unit_leaves_time_to_drain_and_leaves_node_to_us() {
    let seconds: u64 = value("TimeoutStopSec").parse().unwrap();
    let settings = edgeplane_config::Settings::default();
    assert!(Duration::from_secs(seconds) > settings.timeouts.drain + settings.compute.stop_timeout);
    assert_eq!(value("KillMode"), "mixed");
    assert_eq!(value("RestartPreventExitStatus"), "64 65");
}

#[test]
fn the_service_manager_is_told_of_readiness_and_of_the_end() {
    assert_eq!(value("Type"), "notify");
    let path = scratch::folder("notify").join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let server = Launch::new(&Draft::usual().write()).env("NOTIFY_SOCKET", &path).start();
    let mut message = [0; 256];
    let mut receive = || {
        let n = socket.recv(&mut message).expect("a message within 30 s");
        String::from_utf8_lossy(&message[..n]).into_owned()
    };
    assert_eq!(receive().trim(), "READY=1");
    server.signal(Signal::SIGTERM);
    assert_eq!(receive().trim(), "STOPPING=1");
}
