//! Measures the two decisions every request pays for: the route and the static answer.
//!
//! Figures are nanoseconds per operation, the median of eleven rounds, in this process alone. They tell whether a change
//! made a decision dearer; what a request costs beside other servers is another measurement.

use std::{
    hint::black_box,
    io::{self, Write},
    time::Instant,
};

use edgeplane::{
    answer::Head,
    assets::{self, Policy},
    route::Routes,
};
use edgeplane_config::Settings;

const ROUNDS: usize = 11;
const OPERATIONS: u32 = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut report = Vec::new();
    for n_routes in [1, 5, 25] {
        let patterns: Vec<String> =
            (1..n_routes).map(|n| format!("/section-{n}/*.*")).chain(["/*".to_owned()]).collect();
        let routes = Routes::compile(patterns.iter().map(String::as_str))?;
        let path = black_box(b"/blog/2021/01/01/a-page-with-forty-bytes".as_slice());
        report.push((format!("route decision, {n_routes} routes"), median(|| routes.find(path))));
    }
    report.push(("static answer, 1 KB file".to_owned(), static_answer()?));
    let mut out = io::stdout().lock();
    for (what, nanoseconds) in report {
        writeln!(out, "{what:32} {nanoseconds:8.1} ns")?;
    }
    Ok(())
}

fn static_answer() -> Result<f64, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let files = folder.path().join("static");
    std::fs::create_dir(&files)?;
    std::fs::write(files.join("app.js"), "x".repeat(1024))?;
    let settings = Settings::default();
    let pack = assets::prepare(Some(&files), &folder.path().join("packs"), &settings.assets)?;
    let fields = [
        httparse::Header { name: "host", value: b"localhost" },
        httparse::Header { name: "accept-encoding", value: b"gzip, deflate, br, zstd" },
    ];
    let head = Head { method: "GET", path: "/app.js", query: None, fields: &fields, http11: true, host: "localhost" };
    let policy = Policy { cache_control: None, ranges_max: 16, index: true };
    Ok(median(|| assets::answer(&pack, b"/app.js", black_box(&head), &policy)))
}

/// Nanoseconds per operation: the median of the rounds, after one that warms up.
fn median<T>(operation: impl Fn() -> T) -> f64 {
    let mut rounds: Vec<f64> = (0..=ROUNDS)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..OPERATIONS {
                black_box(operation());
            }
            started.elapsed().as_secs_f64() * 1e9 / f64::from(OPERATIONS)
        })
        .skip(1)
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}
