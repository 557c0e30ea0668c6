//! The worker processes: what they cannot do, and what becomes of a request whose worker is gone.

use std::{thread, time::Duration};

use edgeplane_optimizer::{Limits, optimize};
use nix::sys::signal::Signal;
use serde_json::json;

use super::{coffee, image_bundle};
use crate::support::{
    bundle,
    client::Request,
    lacking, picture, process,
    server::{Finished, Launch, Server},
    wait,
};

fn settings() -> serde_json::Value {
    json!({"sizes": [96, 640, 1080, 1920], "domains": [], "remotePatterns": [], "formats": ["image/webp", "image/avif"],
           "minimumCacheTTL": 60, "dangerouslyAllowSVG": false})
}

fn workers(server: &Server) -> Vec<u32> {
    process::workers_below(server.id())
}

fn ended(server: &Server, reason: &str) -> f64 {
    server.metric(&format!("edgeplane_image_workers_ended_total{{reason=\"{reason}\"}}"))
}

#[test]
fn a_confined_worker_can_do_nothing_but_compute() {
    // What closes descriptors at once is younger than the sandbox, and a container may withhold it.
    for lacking in [Vec::new(), vec![lacking::CLOSE_RANGE]] {
        let trial = trial(&lacking);
        let report = &trial.stdout;
        if !lacking::has_sandbox() {
            trial.expect(1);
            continue;
        }
        assert!(report.starts_with("landlock true\nseccomp true\n"), "{report}");
        let mut acts = report.lines().skip(2);
        assert!(acts.clone().count() >= 15 && acts.all(|line| line.ends_with(": refused")), "{lacking:?}: {report}");
        trial.expect(0);
    }
}

#[test]
fn a_worker_without_landlock_says_what_it_can_do_all_the_same() {
    let trial = trial(&[lacking::LANDLOCK]).expect(1);
    let report = &trial.stdout;
    assert!(report.starts_with("landlock false\nseccomp "), "{report}");
    assert!(report.contains("\nread what was left open: refused\n"), "{report}");
}

fn trial(lacking: &[i64]) -> Finished {
    let launch = Launch::bare("__child").args(&["image", "0", "--trial"]).env("SECRET", "x");
    lacking.iter().fold(launch, |launch, call| launch.without(*call)).finish()
}

#[test]
fn a_worker_holds_no_descriptor_and_no_environment_of_ours() {
    let server = Launch::new(&image_bundle(&settings()).file("a.jpg", coffee()).write()).start();
    assert_eq!(workers(&server), [0; 0], "none before it is needed");
    server.get("/img?url=%2Fa.jpg&w=96").expect(200);
    let found = workers(&server);
    assert_eq!(found.len(), 1, "one job, one worker");
    // Readable by root alone: the worker is not dumpable. Elsewhere its own trial must do.
    if let Ok(descriptors) = std::fs::read_dir(format!("/proc/{}/fd", found[0])) {
        let targets: Vec<_> = descriptors.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok()).collect();
        let known = |target: &std::path::PathBuf| {
            let target = target.to_string_lossy();
            target == "/dev/null" || target.starts_with("socket:")
        };
        assert!(targets.iter().all(known), "{targets:?}");
        assert!(targets.iter().filter(|target| target.to_string_lossy().starts_with("socket:")).count() <= 2);
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", found[0])).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line) || !lacking::has_sandbox(), "no {line} in {status}");
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", found[0])).unwrap();
    for bound in ["Max data size", "Max cpu time", "Max open files", "Max core file size"] {
        let line = limits.lines().find(|line| line.starts_with(bound)).unwrap();
        assert!(!line[bound.len()..].trim_start().starts_with("unlimited"), "{line}");
    }
    assert_eq!(server.metric("edgeplane_image_sandboxed"), f64::from(u8::from(lacking::has_sandbox())));
}

#[test]
fn a_worker_killed_in_mid_work_costs_one_answer() {
    let large = std::fs::read(bundle::built("nuxt3").join("static/images/astronaut.png")).unwrap();
    let mut server = Launch::new(&image_bundle(&settings()).file("a.png", large).file("b.jpg", coffee()).write())
        .setting("image.workers", "1")
        .start();
    server.get("/img?url=%2Fb.jpg&w=96").expect(200);
    let worker = workers(&server)[0];
    // Stopped, so that the job is certainly under way when the signal comes.
    process::signal(worker, Signal::SIGSTOP);
    let address = server.address();
    let asked =
        thread::spawn(move || Request::get("/img?url=%2Fa.png&w=640").field("Accept", "image/webp").send(address));
    // Long enough for the job to be with the worker; should it not be there yet, the outcome is the same.
    wait::pause(Duration::from_secs(1));
    process::signal(worker, Signal::SIGKILL);
    let lost = asked.join().unwrap();
    assert_eq!(lost.status, 503, "{}", lost.summary());
    assert_eq!(lost.field("retry-after"), Some("1"));
    assert_eq!(picture::of(server.get("/img?url=%2Fa.png&w=96")).width, 96);
    assert_ne!(workers(&server)[0], worker);
    assert!((ended(&server, "died") - 1.0).abs() < f64::EPSILON);
    assert!((server.metric("edgeplane_image_workers_started_total") - 2.0).abs() < f64::EPSILON);
    server.assert_running();
}

#[test]
fn a_job_that_takes_too_long_is_ended_with_its_worker() {
    let large = std::fs::read(bundle::built("nuxt3").join("static/images/astronaut.png")).unwrap();
    let server = Launch::new(&image_bundle(&settings()).file("a.png", large).file("b.jpg", coffee()).write())
        .setting("image.workers", "1")
        .setting("image.timeout", "8s")
        .start();
    server.get("/img?url=%2Fb.jpg&w=96").expect(200);
    let worker = workers(&server)[0];
    process::signal(worker, Signal::SIGSTOP);
    server.get("/img?url=%2Fa.png&w=640").expect(504);
    wait::until("the worker's end", || !process::runs(worker));
    server.get("/img?url=%2Fa.png&w=96").expect(200);
    assert!((ended(&server, "deadline") + ended(&server, "unwanted") - 1.0).abs() < f64::EPSILON);
}

#[test]
fn a_job_that_nobody_waits_for_is_ended_with_its_worker() {
    // Row 171: the client disconnects.
    let large = std::fs::read(bundle::built("nuxt3").join("static/images/astronaut.png")).unwrap();
    let server = Launch::new(&image_bundle(&settings()).file("a.png", large).file("b.jpg", coffee()).write())
        .setting("image.workers", "1")
        .start();
    server.get("/img?url=%2Fb.jpg&w=96").expect(200);
    let worker = workers(&server)[0];
    process::signal(worker, Signal::SIGSTOP);
    let mut client = server.connect();
    client.send(Request::get("/img?url=%2Fa.png&w=640").bytes(server.address()));
    // Long enough for the job to be with the worker.
    wait::pause(Duration::from_millis(300));
    drop(client);
    wait::until("the worker's end", || !process::runs(worker));
    wait::until("it to be counted", || ended(&server, "unwanted") > 0.5);
    server.get("/img?url=%2Fa.png&w=96").expect(200);
}

#[test]
fn a_worker_does_not_outlive_the_server() {
    let server = Launch::new(&image_bundle(&settings()).file("b.jpg", coffee()).write()).start();
    server.get("/img?url=%2Fb.jpg&w=96").expect(200);
    let found = workers(&server);
    assert_eq!(found.len(), 1);
    server.signal(Signal::SIGKILL);
    wait::until("the worker's end", || !process::runs(found[0]));
}

#[test]
fn a_worker_is_replaced_after_its_share_of_jobs() {
    let server = Launch::new(&image_bundle(&settings()).file("b.jpg", coffee()).write())
        .setting("image.workers", "1")
        .setting("image.worker-jobs", "2")
        .start();
    for width in [96, 640, 1080] {
        server.get(&format!("/img?url=%2Fb.jpg&w={width}")).expect(200);
    }
    assert!((server.metric("edgeplane_image_workers_started_total") - 2.0).abs() < f64::EPSILON);
    assert!((ended(&server, "replaced") - 1.0).abs() < f64::EPSILON);
}

#[test]
fn a_worker_is_replaced_after_a_source_that_a_decoder_in_c_read() {
    // A border around a photograph makes it large enough to be decoded at a scale.
    let order = "width=96,fit=cover,position=center,format=jpeg,quality=75,extend=0_1500_1500_0";
    let limits = Limits { source_bytes: usize::MAX, side: 4000, output_bytes: usize::MAX, native: false };
    let large = optimize(&coffee(), &order.parse().unwrap(), &limits, |_| ()).unwrap().bytes;
    let bundle = image_bundle(&settings()).file("small.jpg", coffee()).file("large.jpg", large).write();
    let server = Launch::new(&bundle).setting("image.workers", "1").start();
    for path in ["small.jpg&w=96", "large.jpg&w=1080", "small.jpg&w=640"] {
        server.get(&format!("/img?url=%2F{path}")).expect(200);
    }
    assert!(ended(&server, "replaced").abs() < f64::EPSILON, "memory-safe decoders read them");
    server.get("/img?url=%2Flarge.jpg&w=96").expect(200);
    wait::until("the worker's end", || (ended(&server, "replaced") - 1.0).abs() < f64::EPSILON);
    // The next one waits already.
    wait::until("the next worker", || workers(&server).len() == 1);
    assert!((server.metric("edgeplane_image_workers_started_total") - 2.0).abs() < f64::EPSILON);
    server.get("/img?url=%2Fsmall.jpg&w=96").expect(200);
}
