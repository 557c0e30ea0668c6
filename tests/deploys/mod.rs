//! Deploys to a running server: what becomes of requests, of what fails, and of what was there before.

mod failures;
mod load;

use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{
    skew::{bundle, end, folders, kept, page},
    support::{
        bundle,
        client::Request,
        process,
        server::{Finished, Launch, Server},
        wait,
    },
};

/// A command for the server with this state.
fn command(words: &[&str], state: &Path) -> Finished {
    let (name, words) = words.split_first().unwrap();
    Launch::bare(name).args(words).arg("--state-dir").arg(state).finish()
}

fn deploy(bundle: &Path, state: &Path) -> Finished {
    command(&["deploy", bundle.to_str().unwrap()], state)
}

fn deploy_as(id: &str, bundle: &Path, state: &Path) -> Finished {
    command(&["deploy", bundle.to_str().unwrap(), "--id", id], state)
}

/// What `status` says of the one site: each deployment and its state.
fn status(state: &Path) -> Vec<(String, String)> {
    let told: Value = serde_json::from_str(&command(&["status", "--format", "json"], state).expect(0).stdout).unwrap();
    let word = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
    let deployments = told["sites"][0]["deployments"].as_array().unwrap().clone();
    deployments.iter().map(|one| (word(one, "state"), word(one, "id"))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(state, id)| ((*state).to_owned(), (*id).to_owned())).collect()
}

/// A server of the first version, called `one`, with skew protection.
fn start() -> Server {
    let launch = Launch::new(&bundle("one")).setting("skew.enabled", "true");
    launch.env("AWS_AMPLIFY_DEPLOYMENT_ID", "one").start()
}

#[test]
fn what_is_deployed_answers_and_what_was_before_can_be_had_again() {
    let server = start();
    let done = deploy_as("two", &bundle("two"), server.state()).expect(0);
    assert_eq!(done.stdout, "two answers now\n");
    server.get("/which.txt").expect(200).saying("two");
    assert_eq!((page(&server, "/")["version"].as_str(), page(&server, "/")["id"].as_str()), (Some("two"), Some("two")));
    server.get("/assets/app-one.js?dpl=one").expect(200);
    assert_eq!(page(&server, "/?dpl=one")["version"], "one");
    assert_eq!(status(server.state()), pairs(&[("current", "two"), ("previous", "one")]));
    assert!(command(&["status"], server.state()).expect(0).stdout.contains("  current   two "));

    assert_eq!(command(&["rollback"], server.state()).expect(0).stdout, "one answers now\n");
    server.get("/which.txt").expect(200).saying("one");
    assert_eq!(page(&server, "/?dpl=two")["version"], "two");
    assert_eq!(command(&["rollback", "--to", "two"], server.state()).expect(0).stdout, "two answers now\n");
    assert_eq!(command(&["rollback", "--to", "two"], server.state()).expect(0).stdout, "two answers already\n");
    assert_eq!(page(&server, "/")["version"], "two");
    let lost = command(&["rollback", "--to", "three"], server.state()).expect(69);
    assert!(lost.stderr.contains("no deployment `three` is kept"), "{}", lost.stderr);
}

#[test]
fn a_restart_goes_on_with_what_was_deployed_until_its_folder_has_something_new() {
    let folder = bundle("one");
    let launch = || Launch::new(&folder).setting("skew.enabled", "true");
    let mut server = launch().start();
    deploy(&bundle("two"), server.state()).expect(0);
    let state = end(&mut server);
    let mut server = launch().state(&state).start();
    server.get("/which.txt").expect(200).saying("two");
    let before = kept(&state);
    end(&mut server);
    std::fs::write(folder.join("static/which.txt"), "three").unwrap();
    let server = launch().state(&state).start();
    server.get("/which.txt").expect(200).saying("three");
    assert_eq!(kept(&state)[1..], before);
}

#[test]
fn without_skew_protection_the_one_before_ends_and_is_kept_for_a_rollback_only() {
    let server = Launch::new(&bundle("one")).start();
    let node = server.nodes();
    let lost = command(&["rollback"], server.state()).expect(69);
    assert!(lost.stderr.contains("no previous deployment is kept"), "{}", lost.stderr);
    // A request that has begun is answered by the one it began with.
    let mut slow = server.connect();
    slow.send(Request::get("/slow").bytes(server.address()));
    wait::until("the request at Node", || server.metric("edgeplane_connections") >= 1.0);
    deploy_as("two", &bundle("two"), server.state()).expect(0);
    assert_eq!(page(&server, "/")["version"], "two");
    assert_eq!(slow.receive("GET").expect(200).json()["version"], "one");
    wait::until("the end of the first Node", || !process::runs(node[0]));
    deploy_as("three", &bundle("three"), server.state()).expect(0);
    server.get("/which.txt?dpl=two").expect(200).saying("three");
    assert_eq!(status(server.state()), pairs(&[("current", "three"), ("stored", "two")]));
    command(&["rollback"], server.state()).expect(0);
    assert_eq!(page(&server, "/")["version"], "two");
    wait::until("one Node", || server.nodes().len() == 1);
}

#[test]
fn a_hangup_deploys_what_lies_in_the_folder_now() {
    let folder = bundle("one");
    let server = Launch::new(&folder).start();
    std::fs::write(folder.join("static/which.txt"), "changed").unwrap();
    server.get("/which.txt").expect(200).saying("one");
    server.signal(Signal::SIGHUP);
    wait::until("what lies there now", || server.get("/which.txt").expect(200).text() == "changed");
    std::fs::write(folder.join("deploy-manifest.json"), "{").unwrap();
    server.signal(Signal::SIGHUP);
    wait::until("word of it", || server.log().contains("the running deployment stays"));
    server.get("/which.txt").expect(200).saying("changed");
    assert_eq!(page(&server, "/")["version"], "one");
}

#[test]
fn a_hangup_undoes_no_deploy_while_the_folder_is_as_it_was() {
    let folder = bundle("one");
    let server = Launch::new(&folder).start();
    deploy_as("two", &bundle("two"), server.state()).expect(0);
    server.signal(Signal::SIGHUP);
    wait::until("word of it", || server.log().contains("the bundle is the one that answers"));
    server.get("/which.txt").expect(200).saying("two");
    std::fs::write(folder.join("static/which.txt"), "changed").unwrap();
    server.signal(Signal::SIGHUP);
    wait::until("what lies there now", || server.get("/which.txt").expect(200).text() == "changed");
}

#[test]
fn the_same_bundle_once_more_changes_nothing_and_a_name_is_for_one_bundle() {
    let server = start();
    let two = bundle("two");
    deploy_as("two", &two, server.state()).expect(0);
    assert_eq!(deploy_as("two", &two, server.state()).expect(0).stdout, "two answers already\n");
    let taken = deploy_as("two", &bundle("three"), server.state()).expect(69);
    assert!(taken.stderr.contains("another bundle is deployed as `two` already"), "{}", taken.stderr);
    let named = deploy_as("../two", &bundle("three"), server.state()).expect(69);
    assert!(named.stderr.contains("is no name for a deployment"), "{}", named.stderr);
    assert_eq!(folders(server.state()), ["one", "two"]);
    server.get("/which.txt").expect(200).saying("two");
}

#[test]
fn an_app_of_nuxt_keeps_its_files_when_the_next_one_is_there() {
    let server = start();
    let nuxt = deploy_as("nuxt", &bundle::built("nuxt3"), server.state()).expect(0);
    assert_eq!(nuxt.stdout, "nuxt answers now\n");
    let page = server.get("/").expect(200).text();
    let script = page.split('"').find(|part| part.starts_with("/_nuxt/") && part.ends_with(".js")).unwrap().to_owned();
    let content = server.get(&script).expect(200).body;
    deploy_as("two", &bundle("two"), server.state()).expect(0);
    assert_ne!(server.get(&script).body, content);
    assert_eq!(server.get(&format!("{script}?dpl=nuxt")).expect(200).body, content);
    server.get("/?dpl=nuxt").expect(200).saying("/_nuxt/");
}
