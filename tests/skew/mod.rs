//! Skew protection over the network: a page that was made by one deployment goes on with it after the next one is there.

mod cookie;
mod lasting;

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{
    bundle::Draft,
    client::Request,
    reply::Reply,
    server::{Launch, Server},
};

/// A server that tells who it is.
const SERVER: &str = r"
const http = require('node:http')
http.createServer((request, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8')
  if (request.url.startsWith('/kept')) response.setHeader('cache-control', 's-maxage=60')
  const wait = request.url.startsWith('/slow') ? 1000 : 0
  const { AWS_AMPLIFY_DEPLOYMENT_ID: id } = process.env
  const told = { version: 'VERSION', id, url: request.url, folder: __dirname, pid: process.pid }
  setTimeout(() => response.end(JSON.stringify(told)), wait)
}).listen(process.env.PORT, process.env.HOST)
";

/// A bundle whose page, file and one asset tell its version; the asset is in no other.
pub(crate) fn bundle(version: &str) -> PathBuf {
    Draft::usual()
        .compute(&SERVER.replace("VERSION", version))
        .file(&format!("assets/app-{version}.js"), format!("app {version}"))
        .file("which.txt", version)
        .file("page.html", format!("<p>{version}"))
        .write()
}

fn launch(bundle: &Path) -> Launch {
    Launch::new(bundle).setting("skew.enabled", "true")
}

/// Starts it with the state of one before, which ends first.
fn after(mut before: Server, bundle: &Path) -> Server {
    let state = end(&mut before);
    launch(bundle).state(&state).start()
}

pub(crate) fn end(server: &mut Server) -> PathBuf {
    server.signal(Signal::SIGTERM);
    assert!(server.ended().success());
    server.state().to_owned()
}

/// What is kept on disk, the current one first.
pub(crate) fn kept(state: &Path) -> Vec<String> {
    let text = fs::read_to_string(state.join("sites/default/line.json")).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    let ids = told["deployments"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned());
    ids.collect()
}

/// The folders of deployments that are there.
pub(crate) fn folders(state: &Path) -> Vec<String> {
    let entries = fs::read_dir(state.join("sites/default/deployments")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

pub(crate) fn page(server: &Server, target: &str) -> Value {
    server.get(target).expect(200).json()
}

fn with(server: &Server, target: &str, name: &str, value: &str) -> Reply {
    server.send(&Request::get(target).field(name, value))
}

#[test]
fn a_page_of_the_deployment_before_gets_its_own_files_and_its_own_server() {
    let first = launch(&bundle("one")).start();
    let id = page(&first, "/")["id"].as_str().unwrap().to_owned();
    let second = after(first, &bundle("two"));
    assert_eq!((&kept(second.state())[1], kept(second.state()).len()), (&id, 2));

    second.get("/assets/app-two.js").expect(200).saying("app two");
    second.get("/assets/app-one.js").expect(404);
    second.get(&format!("/assets/app-one.js?dpl={id}")).expect(200).saying("app one");
    with(&second, "/assets/app-one.js", "X-Amplify-Dpl", &id).expect(200).saying("app one");
    with(&second, "/assets/app-one.js", "Cookie", &format!("a=b; __dpl={id}")).expect(200).saying("app one");
    with(&second, "/which.txt", "Cookie", &format!("_dpl={id}")).expect(200).saying("one");

    let of_first = page(&second, &format!("/a?x=1&dpl={id}"));
    assert_eq!((&of_first["version"], of_first["id"].as_str()), (&"one".into(), Some(&*id)));
    assert_eq!(of_first["url"], format!("/a?x=1&dpl={id}"), "Node sees what the client asked for");
    let of_second = page(&second, "/a");
    assert_eq!((&of_second["version"], of_second["id"].as_str()), (&"two".into(), Some(&*kept(second.state())[0])));
}

#[test]
fn the_field_decides_before_the_query_and_what_is_not_known_is_the_current_ones() {
    let first = launch(&bundle("one")).env("AWS_AMPLIFY_DEPLOYMENT_ID", "first").start();
    assert_eq!(page(&first, "/")["id"], "first");
    let second = after(first, &bundle("two"));
    let target = "/which.txt?dpl=first";
    with(&second, target, "Cookie", "__dpl=nobody").expect(200).saying("one");
    with(&second, target, "X-Amplify-Dpl", "nobody").expect(200).saying("two");
    for name in ["nobody", "", "../first", "a%2fb"] {
        second.get(&format!("/which.txt?dpl={name}")).expect(200).saying("two");
        with(&second, "/which.txt", "X-Amplify-Dpl", name).expect(200).saying("two");
    }
    // The way of plain requests and the other one choose alike.
    second.raw("GET /which.txt?dpl=first HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\n\r\n").expect(206).saying("on");
    second.raw("GET /which.txt?dpl=first HTTP/1.0\r\n\r\n").expect(200).saying("one");
    let explained = Launch::bare("explain")
        .args(&["GET", target, "--bundle"])
        .arg(bundle("two"))
        .setting("skew.enabled", "true")
        .finish()
        .expect(0);
    let told = "deployment  first, which the query's dpl names; the current one where that is not kept";
    assert!(explained.stdout.contains(told), "{}", explained.stdout);
}

#[test]
fn pages_that_are_kept_belong_to_their_deployment() {
    let first = launch(&bundle("one")).env("AWS_AMPLIFY_DEPLOYMENT_ID", "first").start();
    let state = { end(&mut { first }) };
    let second = launch(&bundle("two")).state(&state).setting("edge-cache.enabled", "true").start();
    for _ in 0..3 {
        assert_eq!(page(&second, "/kept")["version"], "two");
        let of_first = with(&second, "/kept", "X-Amplify-Dpl", "first").expect(200);
        assert_eq!(of_first.json()["version"], "one", "{}", of_first.summary());
    }
    let misses = second.metric("edgeplane_edge_cache_requests_total{result=\"miss\"}");
    assert!((misses - 2.0).abs() < 0.5, "{misses} misses");
}

#[test]
fn without_it_nothing_is_copied_and_nothing_is_chosen() {
    let folder = bundle("one");
    let first = Launch::new(&folder).start();
    assert_eq!(page(&first, "/")["id"], Value::Null);
    assert_eq!(page(&first, "/")["folder"], folder.join("compute/default").to_str().unwrap());
    assert!(!first.state().join("sites").exists());
    let mut first = first;
    let state = end(&mut first);
    let second = Launch::new(&bundle("two")).state(&state).start();
    second.get("/which.txt?dpl=first").expect(200).saying("two");
    assert!(!state.join("sites").exists());
}
