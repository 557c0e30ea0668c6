//! Deploys that come to nothing leave what runs as it was.

use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::Path,
    thread,
};

use nix::sys::signal::Signal;
use serde_json::json;

use super::{deploy, deploy_as, start};
use crate::{
    skew::{bundle, folders, kept, page},
    support::{
        bundle::Draft,
        server::{Launch, Server},
        wait,
    },
};

/// As it was before.
#[track_caller]
fn assert_untouched(server: &Server) {
    assert_eq!(page(server, "/")["version"], "one");
    server.get("/which.txt").expect(200).saying("one");
    assert_eq!((folders(server.state()), kept(server.state())), (vec!["one".to_owned()], vec!["one".to_owned()]));
    assert_eq!(server.nodes().len(), 1);
}

#[test]
fn a_bundle_that_is_wrong_is_refused_with_every_problem() {
    let server = start();
    let routes = json!([{"path": "/a", "target": {"kind": "Nothing"}}]);
    let refused = deploy(&Draft::with_routes(routes).write(), server.state()).expect(65);
    assert!(refused.stderr.contains("deploy-manifest.json:"), "{}", refused.stderr);
    // Only the server knows that there is no upstream in place of the Node that is missing.
    let lacking = Draft::with_routes(json!([{"path": "/*", "target": {"kind": "Compute", "src": "default"}}]));
    let refused = deploy(&lacking.write(), server.state()).expect(65);
    assert!(refused.stderr.contains("compute"), "{}", refused.stderr);
    let refused = deploy(Path::new("/nowhere"), server.state()).expect(65);
    assert!(refused.stderr.contains("there is no folder"), "{}", refused.stderr);
    assert_untouched(&server);
}

#[test]
fn a_server_that_does_not_start_never_answers() {
    let server = start();
    let broken = Draft::usual().compute("throw new Error('no database')").write();
    let failed = deploy(&broken, server.state()).expect(69);
    assert!(failed.stderr.contains("no database"), "{}", failed.stderr);
    assert_untouched(&server);
}

#[test]
fn a_second_deploy_at_once_is_told_so_and_one_that_is_killed_leaves_nothing() {
    let mut server = start();
    let state = server.state().to_owned();
    let never = Draft::usual().compute("setInterval(() => {}, 1000)").write();
    let first = thread::spawn({
        let state = state.clone();
        move || deploy_as("never", &never, &state)
    });
    wait::until("the first deploy", || server.nodes().len() == 2);
    let second = deploy(&bundle("two"), &state).expect(69);
    assert!(second.stderr.contains("another deploy of the site `default` is under way"), "{}", second.stderr);
    assert_eq!(page(&server, "/")["version"], "one");

    server.signal(Signal::SIGKILL);
    server.ended();
    first.join().unwrap().expect(69);
    assert!(folders(&state).contains(&"never".to_owned()));
    let launch = Launch::new(&bundle("one")).setting("skew.enabled", "true").state(&state);
    let server = launch.env("AWS_AMPLIFY_DEPLOYMENT_ID", "one").start();
    assert_untouched(&server);
}

/// What the control socket answers to these bytes of a chunked body.
fn sent(state: &Path, body: &[u8], ended: bool) -> String {
    let mut stream = UnixStream::connect(state.join("admin.sock")).unwrap();
    let head =
        "POST /deploy?id=two HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    stream.write_all(format!("{head}{:x}\r\n", body.len()).as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    if ended {
        stream.write_all(b"\r\n0\r\n\r\n").unwrap();
    } else {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    let mut answer = String::new();
    let _end = stream.read_to_string(&mut answer);
    answer
}

/// A tar archive of one file that says its own name.
fn archive(name: &str) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(b"00000000004");
    header[156] = b'0';
    header[257..263].copy_from_slice(b"ustar\0");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = header.to_vec();
    bytes.extend_from_slice(b"text");
    bytes.resize(4 * 512, 0);
    bytes
}

#[test]
fn an_archive_that_leads_out_or_is_broken_off_is_no_bundle() {
    let server = start();
    let state = server.state().to_owned();
    let outside = state.join("sites/default/deployments/outside");
    let answer = sent(&state, &archive("../../outside"), true);
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("is no path inside of a bundle"), "{answer}");
    assert!(!outside.exists());
    let answer = sent(&state, &archive("deploy-manifest.json"), true);
    assert!(answer.starts_with("HTTP/1.1 422 ") && answer.contains("problems"), "{answer}");
    sent(&state, &archive("deploy-manifest.json"), false);
    let answer = sent(&state, b"no archive at all", true);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    wait::until("the end of the last attempt", || folders(&state).len() == 1);
    assert_untouched(&server);
}
