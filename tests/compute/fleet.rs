//! A fleet of real Node processes: starts, failures, restarts, ends.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use edgeplane::compute::{Fleet, StartError, StartFailure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::app::{App, PATIENCE, SERVER, eventually, get, gone, pids, ready, runs, until, within};

/// The failure of an app that ends before it answers.
async fn failure(app: &App) -> Box<StartFailure> {
    failure_within(app, PATIENCE).await
}

/// The failure of an app that does not answer in this time.
async fn failure_within(app: &App, start_timeout: Duration) -> Box<StartFailure> {
    let mut plan = app.plan(2);
    plan.settings.start_timeout = start_timeout;
    match within("the start ends", Fleet::start(plan)).await {
        Err(StartError::AllFailed { count: 2, first }) => first,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn instances_share_a_bundle_that_wants_port_3000() {
    let app = App::new("server.js", SERVER);
    let fleet = Fleet::start(app.plan(3)).await.unwrap();
    ready(&fleet, 3).await;
    let mut answering = Vec::new();
    for _ in 0..3 {
        let answer = get(&fleet, "/hello").await.unwrap();
        answering.push(answer.strip_suffix(" /hello").unwrap().parse::<i32>().unwrap());
    }
    answering.sort_unstable();
    let mut expected = pids(&fleet);
    expected.sort_unstable();
    assert_eq!(answering, expected);
    let names: Vec<String> = fleet.states().into_iter().map(|state| state.name).collect();
    assert_eq!(names, ["default-1", "default-2", "default-3"]);

    fleet.stop().await;
    assert!(!expected.iter().any(|pid| runs(*pid)), "stop returns when all have ended");
    assert_eq!(fleet.pick(&[]), None);
}

#[tokio::test]
async fn the_server_sees_its_environment_and_static_beside_it() {
    let script = "require('node:http').createServer((request, response) => {
        const file = require('node:fs').readFileSync('../../static/robots.txt', 'utf8');
        response.end(`${process.env.NODE_ENV} ${process.env.PORT} ${process.env.EDGEPLANE_INSTANCE} ${file}`);
    }).listen(3000)";
    let app = App::new("server.js", script).with("static/robots.txt", "allow");
    let fleet = app.start().await;
    assert_eq!(get(&fleet, "/").await.as_deref(), Some("production 3000 default-1 allow"));
}

#[tokio::test]
async fn one_that_dies_is_started_again_at_the_same_address() {
    let app = App::new("server.js", SERVER);
    let fleet = app.start().await;
    let address = fleet.pick(&[]).unwrap().address.clone();
    let [first] = pids(&fleet)[..] else { panic!("one process expected") };
    get(&fleet, "/exit").await;
    until("it was started again", || fleet.states()[0].restarts == 1).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    assert_eq!(fleet.pick_by(&[], deadline).await.unwrap().address, &address);
    assert_ne!(pids(&fleet), [first]);
    assert!(get(&fleet, "/").await.is_some());
}

#[tokio::test]
async fn the_others_serve_while_one_restarts() {
    let app = App::new("server.js", SERVER);
    let mut plan = app.plan(2);
    plan.settings.restart_min = Duration::from_secs(60);
    plan.settings.restart_max = Duration::from_secs(60);
    let fleet = Fleet::start(plan).await.unwrap();
    ready(&fleet, 2).await;
    let victim = pids(&fleet)[0];
    kill(Pid::from_raw(victim), Signal::SIGKILL).unwrap();
    until("the death is noticed", || fleet.ready() == 1).await;
    for _ in 0..4 {
        assert!(get(&fleet, "/").await.is_some());
    }
    assert_eq!(fleet.states()[0].phase.as_str(), "backoff");
    within("a fleet that waits can be stopped", fleet.stop()).await;
}

#[tokio::test]
async fn a_killed_keeper_is_noticed_and_nothing_is_left() {
    let script = format!(
        "require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {{}}, 1000)'], {{ stdio: 'ignore' }})
           .on('spawn', function () {{ require('node:fs').appendFileSync('children', `${{this.pid}}\\n`) }});
         {SERVER}"
    );
    let app = App::new("server.js", &script);
    let fleet = app.start().await;
    let node = pids(&fleet)[0];
    let child = eventually("the app has a child", async || {
        std::fs::read_to_string(app.folder().dir.join("children")).ok()?.trim().parse().ok()
    })
    .await;
    kill(Pid::from_raw(parent(node)), Signal::SIGKILL).unwrap();
    gone(&[node, child]).await;
    until("it was started again", || fleet.states()[0].restarts == 1).await;
    ready(&fleet, 1).await;
}

fn parent(pid: i32) -> i32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("PPid:\t")).unwrap().parse().unwrap()
}

#[tokio::test]
async fn dropping_a_fleet_ends_it() {
    let app = App::new("server.js", SERVER);
    let fleet = app.start().await;
    let pids = pids(&fleet);
    drop(fleet);
    gone(&pids).await;
}

#[tokio::test]
async fn node_that_ignores_sigterm_is_killed_after_the_stop_timeout() {
    let app = App::new("server.js", &format!("process.on('SIGTERM', () => {{}});\n{SERVER}"));
    let mut plan = app.plan(1);
    plan.settings.stop_timeout = Duration::from_millis(100);
    let fleet = Fleet::start(plan).await.unwrap();
    let pids = pids(&fleet);
    within("the fleet stops", fleet.stop()).await;
    assert!(!runs(pids[0]));
}

#[tokio::test]
async fn a_suspected_instance_that_answers_is_ready_again() {
    let app = App::new("server.js", SERVER);
    let fleet = app.start().await;
    let (id, before) = (fleet.pick(&[]).unwrap().id, fleet.states()[0].clone());
    fleet.report_failure(id);
    until("it was looked at", || fleet.states()[0].since != before.since).await;
    ready(&fleet, 1).await;
    let after = &fleet.states()[0];
    assert_eq!((after.pid, after.restarts), (before.pid, 0));
}

#[tokio::test]
async fn two_fleets_live_side_by_side() {
    let (blue, green) = (App::new("server.js", SERVER), App::new("server.js", SERVER));
    let (old, new) = (blue.start().await, green.start().await);
    assert_ne!(get(&old, "/").await.unwrap(), get(&new, "/").await.unwrap());
    old.stop().await;
    assert!(get(&new, "/").await.is_some());
}

#[tokio::test]
async fn an_exit_is_told_with_its_status_and_output() {
    let failure = failure(&App::new("server.js", "console.error('no database'); process.exit(13)")).await;
    let text = failure.to_string();
    assert!(text.contains("did not start: Node ended with status 13"), "{text}");
    assert!(text.contains("no database"), "{text}");
}

#[tokio::test]
async fn a_missing_module_is_told_with_its_remedy() {
    let failure = failure(&App::new("entry.mjs", "import 'no-such-package'")).await;
    assert!(failure.help.as_ref().is_some_and(|help| help.contains("self-contained")), "{failure}");
    assert!(failure.last_words.iter().any(|line| line.contains("no-such-package")), "{failure}");
}

#[tokio::test]
async fn a_server_on_another_port_is_told() {
    let script =
        "const server = require('node:http').createServer().listen(0, () => console.log(server.address().port))";
    let app = App::new("server.js", script);
    let mut failure = failure_within(&app, Duration::from_secs(1)).await;
    if failure.last_words.is_empty() {
        // The machine is so busy that Node had not come to listening.
        failure = failure_within(&app, PATIENCE / 2).await;
    }
    let [port] = &failure.last_words[..] else { panic!("{failure}") };
    assert!(failure.to_string().contains(&format!("it listens on port {port} and not on 3000")), "{failure}");
    assert!(failure.help.as_ref().is_some_and(|help| help.contains(&format!("PORT={port}"))), "{failure}");
}

#[tokio::test]
async fn a_missing_node_and_a_missing_keeper_are_told() {
    let app = App::new("server.js", SERVER);
    let mut plan = app.plan(1);
    plan.settings.node = "no-such-node".into();
    let error = Fleet::start(plan).await.unwrap_err();
    assert!(matches!(error, StartError::Program(_)) && error.to_string().contains("no-such-node"), "{error}");

    let mut plan = app.plan(1);
    plan.keeper = "/nowhere/edgeplane".into();
    let error = Fleet::start(plan).await.unwrap_err();
    let first = error.source().unwrap().to_string();
    assert!(first.contains("could not start the keeper /nowhere/edgeplane"), "{first}");
}
