//! Requests that go on while deployments come and go.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use super::{command, deploy_as, start};
use crate::{
    skew::bundle,
    support::{client::Request, server::Server},
};

/// Asks on one connection until it is told to end: a page, and under its deployment the asset that only this one has.
fn ask(server: &Server, ended: &AtomicBool, answers: &AtomicUsize) {
    let (address, mut connection) = (server.address(), server.connect());
    while !ended.load(Ordering::Acquire) {
        let page = Request::get("/page").send_on(&mut connection, address).expect(200).json();
        let (version, id) = (page["version"].as_str().unwrap(), page["id"].as_str().unwrap());
        assert_eq!(version, id, "the server of one deployment with the name of another");
        let target = format!("/assets/app-{version}.js");
        let asset = Request::get(&target).field("X-Amplify-Dpl", id).send_on(&mut connection, address);
        assert_eq!(asset.expect(200).text(), format!("app {version}"));
        let posted = Request::post("/form", "some words").send_on(&mut connection, address).expect(200).json();
        assert!(posted["version"].is_string());
        Request::get("/which.txt").send_on(&mut connection, address).expect(200);
        answers.fetch_add(4, Ordering::Relaxed);
    }
}

#[test]
fn deploys_and_rollbacks_under_load_lose_no_request() {
    let server = start();
    let (ended, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let asking: Vec<_> = (0..6).map(|_| scope.spawn(|| ask(&server, &ended, &answers))).collect();
        for version in ["two", "three", "four", "five"] {
            deploy_as(version, &bundle(version), server.state()).expect(0);
        }
        for to in ["two", "five"] {
            command(&["rollback", "--to", to], server.state()).expect(0);
        }
        ended.store(true, Ordering::Release);
        for one in asking {
            one.join().expect("no request is lost");
        }
    });
    assert!(answers.load(Ordering::Relaxed) > 500, "{answers:?} answers are no load");
    assert!(server.metric("edgeplane_requests_total{status=\"5xx\",target=\"compute\"}") < 1.0);
}
