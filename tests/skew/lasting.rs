//! What stays of deployments: on disk, over restarts, and of their Node.

use std::fs;

use nix::sys::signal::Signal;

use super::{after, bundle, end, folders, kept, launch, page};
use crate::support::{process, wait};

#[test]
fn the_same_bundle_is_the_same_deployment_after_a_restart() {
    let folder = bundle("one");
    let first = launch(&folder).start();
    let ids = kept(first.state());
    let again = after(first, &folder);
    assert_eq!((kept(again.state()), folders(again.state())), (ids.clone(), ids));
}

#[test]
fn no_more_are_kept_than_the_settings_say() {
    let mut state = None;
    let mut ids = Vec::new();
    for version in ["one", "two", "three"] {
        let launch = launch(&bundle(version)).setting("skew.previous", "1");
        let mut server = state.iter().fold(launch, |launch, state: &std::path::PathBuf| launch.state(state)).start();
        state = Some(end(&mut server));
        ids = kept(server.state());
    }
    let state = state.unwrap();
    let mut expected = ids.clone();
    expected.sort_unstable();
    assert_eq!((ids.len(), folders(&state)), (2, expected));
}

#[test]
fn what_was_broken_off_is_swept_away_and_what_is_damaged_is_let_go() {
    let first = launch(&bundle("one")).env("AWS_AMPLIFY_DEPLOYMENT_ID", "first").start();
    let state = end(&mut { first });
    let deployments = state.join("sites/default/deployments");
    fs::create_dir(deployments.join(".newabc")).unwrap();
    fs::remove_file(deployments.join("first/deploy-manifest.json")).unwrap();
    let second = launch(&bundle("two")).state(&state).start();
    assert_eq!((kept(&state).len(), folders(&state)), (1, kept(&state)));
    assert!(second.log().contains("a previous deployment is let go"), "{}", second.log());
    second.get("/which.txt?dpl=first").expect(200).saying("two");
}

#[test]
fn a_bundle_that_is_deleted_while_it_is_served_is_not_missed() {
    let folder = bundle("one");
    let server = launch(&folder).start();
    fs::remove_dir_all(&folder).unwrap();
    let node = server.nodes()[0];
    process::signal(node, Signal::SIGKILL);
    wait::until("another Node", || server.nodes().first().is_some_and(|other| *other != node));
    let told = page(&server, "/");
    assert_eq!(told["version"], "one");
    assert!(told["folder"].as_str().unwrap().starts_with(server.state().to_str().unwrap()), "{told}");
    server.get("/assets/app-one.js").expect(200);
}

#[test]
fn node_of_a_previous_deployment_runs_while_it_is_asked_and_no_longer() {
    let first = launch(&bundle("one")).env("AWS_AMPLIFY_DEPLOYMENT_ID", "first").start();
    let state = end(&mut { first });
    let server = launch(&bundle("two")).state(&state).setting("skew.idle", "1s").start();
    let current = server.nodes();
    assert_eq!(current.len(), 1);
    let mut pids = Vec::new();
    for _ in 0..2 {
        let told = page(&server, "/a?dpl=first");
        assert_eq!(told["version"], "one");
        pids.push(told["pid"].clone());
        assert_eq!(server.nodes().len(), 2);
        assert!(server.admin("/metrics").text().contains("edgeplane_instance_ready{instance=\"default.2-1\"} 1"));
        wait::until("its rest", || server.nodes() == current);
        wait::until("no word of it", || !server.admin("/metrics").text().contains("default.2-1"));
    }
    assert_ne!(pids[0], pids[1]);
    server.admin("/readyz").expect(200);
}

#[test]
fn a_bundle_that_is_too_large_to_be_copied_is_refused() {
    let failed = launch(&bundle("one")).setting("deploy.bytes-max", "1KiB").fail().expect(69);
    assert!(failed.stderr.contains("the bundle has more than 1024 bytes (`deploy.bytes-max`)"), "{}", failed.stderr);
    let failed = launch(&bundle("one")).setting("deploy.files-max", "3").fail().expect(69);
    assert!(failed.stderr.contains("the bundle has more than 3 files (`deploy.files-max`)"), "{}", failed.stderr);
}
