//! Several servers share what they made, over a Redis server that may do whatever it likes.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use nix::sys::signal::Signal;
use serde_json::json;

use super::{coffee, image_bundle};
use crate::support::{
    client::Request,
    process, scratch,
    server::{Finished, Launch, Server},
    wait,
};

/// A real server, killed when dropped.
struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    fn start(port: u16) -> Self {
        let child = Command::new(program())
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
            .arg(scratch::folder("redis"))
            .stdout(Stdio::null())
            .spawn()
            .expect("a Redis server is installed: tests/prerequisites.sh test");
        scratch::watch(child.id());
        let redis = Self { child, port };
        wait::until("redis-server", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        redis
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends a command as text and gives what comes back within a moment.
    fn tell(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "{command}\r\nQUIT\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn keys(&self) -> Vec<String> {
        let answer = self.tell("KEYS edgeplane:image:*");
        answer.lines().filter(|line| line.starts_with("edgeplane:")).map(str::to_owned).collect()
    }

    fn signal(&self, signal: Signal) {
        process::signal(self.child.id(), signal);
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        let _status = self.child.wait();
        scratch::ended(self.child.id());
    }
}

/// What distributions call it.
fn program() -> &'static str {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = |name: &&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    ["redis-server", "valkey-server", "redis6-server"].into_iter().find(there).unwrap_or("redis-server")
}

/// A port that was free a moment ago: redis-server does not tell which one it took.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn key(secret: &str) -> PathBuf {
    let path = scratch::folder("key").join("key");
    fs::write(&path, secret).unwrap();
    path
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn node(redis: &str, key: &Path) -> Server {
    patient_node(redis, key, "10s")
}

fn patient_node(redis: &str, key: &Path, patience: &str) -> Server {
    launch(redis, key, patience).start()
}

fn launch(redis: &str, key: &Path, patience: &str) -> Launch {
    let settings = json!({"sizes": [96, 320], "domains": [], "remotePatterns": [], "formats": ["image/webp"],
                          "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    Launch::new(&image_bundle(&settings).file("coffee.jpg", coffee()).write())
        .setting("image.shared-cache", redis)
        .setting("image.shared-cache-key-file", key)
        .setting("image.shared-cache-timeout", patience)
}

fn purge(server: &Server, prefix: &str) -> Finished {
    Launch::bare("purge").args(&[prefix, "--state-dir", server.state().to_str().unwrap()]).finish()
}

fn status(server: &Server, width: u32) -> String {
    let request = Request::get(&format!("/img?url=%2Fcoffee.jpg&w={width}")).field("Accept", "image/webp");
    server.send(&request).expect(200).field("x-edgeplane-cache").unwrap().to_owned()
}

fn count(server: &Server, result: &str) -> f64 {
    server.metric(&format!("edgeplane_image_shared_total{{result=\"{result}\"}}"))
}

#[test]
fn what_one_made_the_others_need_not_make() {
    let redis = Redis::start(free_port());
    let key_file = key(SECRET);
    let (first, second) = (node(&redis.url(), &key_file), node(&redis.url(), &key_file));
    assert_eq!(status(&first, 96), "MISS");
    wait::until("the shared cache", || count(&first, "stored") >= 1.0);
    assert_eq!(status(&second, 96), "HIT");
    assert_eq!(count(&second, "hit"), 1.0);
    assert_eq!(second.metric(r#"edgeplane_images_made_total{format="webp"}"#), 0.0);

    // A node with another secret neither believes nor is believed.
    let stranger = node(&redis.url(), &key("another secret, also of 32 bytes"));
    assert_eq!(status(&stranger, 96), "MISS");
    assert_eq!(count(&stranger, "forged"), 1.0);
    wait::until("the stranger's own", || count(&stranger, "stored") >= 1.0);
    let third = node(&redis.url(), &key_file);
    assert_eq!((status(&third, 96).as_str(), count(&third, "forged")), ("MISS", 1.0));

    // Garbage is no picture.
    wait::until("the third's own", || count(&third, "stored") >= 1.0);
    let keys = redis.keys();
    assert_eq!(keys.len(), 1);
    redis.tell(&format!("SET {} garbage", keys[0]));
    let fourth = node(&redis.url(), &key_file);
    assert_eq!((status(&fourth, 96).as_str(), count(&fourth, "forged")), ("MISS", 1.0));
    wait::until("the fourth's own", || count(&fourth, "stored") >= 1.0);

    // A purge reaches it.
    purge(&fourth, "/coffee.jpg").expect(0);
    assert_eq!(redis.keys(), Vec::<String>::new());
}

#[test]
fn a_purge_that_does_not_reach_the_shared_cache_is_no_success() {
    let port = free_port();
    let redis = Redis::start(port);
    let server = node(&redis.url(), &key(SECRET));
    assert_eq!(status(&server, 96), "MISS");
    wait::until("the shared cache", || count(&server, "stored") >= 1.0);
    drop(redis);
    let missed = purge(&server, "/coffee.jpg").expect(69);
    let told: serde_json::Value = serde_json::from_str(&missed.stdout).unwrap();
    assert_eq!((&told["purged"], &told["failed"][0]["level"]), (&json!(1), &json!("shared")), "{told}");
    assert!(missed.stderr.contains("images may be left in the level `shared`: "), "{}", missed.stderr);
    // As soon as it is there again, though all others leave it alone for a while yet.
    let redis = Redis::start(port);
    assert_eq!(purge(&server, "/coffee.jpg").expect(0).stdout, "{\"purged\":0}\n");
    drop(redis);
}

#[test]
fn a_purge_finds_what_has_a_very_long_name() {
    let redis = Redis::start(free_port());
    // Escaped, the longest that the image API takes is nine times as long.
    let server = launch(&redis.url(), &key(SECRET), "10s")
        .setting("limits.request-head", "128KiB")
        .setting("limits.request-target", "64KiB")
        .start();
    let target = format!("/img?url=%2Fcoffee.jpg%3F{}&w=96", "%E2%82%AC".repeat(3000));
    server.send(&Request::get(&target).field("Accept", "image/webp")).expect(200);
    wait::until("the shared cache", || count(&server, "stored") >= 1.0);
    assert_eq!(redis.keys().len(), 1);
    assert_eq!(purge(&server, "/coffee.jpg").expect(0).stdout, "{\"purged\":1}\n");
    assert_eq!(redis.keys(), Vec::<String>::new());
}

#[test]
fn a_shared_cache_that_fails_costs_no_answer() {
    let port = free_port();
    let redis = Redis::start(port);
    let server = patient_node(&redis.url(), &key(SECRET), "300ms");
    assert_eq!(status(&server, 96), "MISS");
    wait::until("the shared cache", || count(&server, "stored") >= 1.0);

    // It stands still: one answer waits as long as it may, and the next ones do not.
    redis.signal(Signal::SIGSTOP);
    assert_eq!(status(&server, 320), "MISS");
    wait::until("the timeout", || count(&server, "timeout") >= 1.0);
    let began = Instant::now();
    let quality = |quality: u32| {
        let target = format!("/img?url=%2Fcoffee.jpg&w=96&q={quality}");
        server.send(&Request::get(&target).field("Accept", "image/webp")).expect(200);
    };
    (20..30).for_each(quality);
    assert!(count(&server, "skipped") >= 5.0, "it was asked again and again, for {:?}", began.elapsed());

    // It is killed in mid-run, and comes back.
    drop(redis);
    (30..35).for_each(quality);
    let redis = Redis::start(port);
    let stored = count(&server, "stored");
    let mut next = 35;
    wait::until("the shared cache to be used again", || {
        quality(next);
        next = 35 + (next - 34) % 60;
        count(&server, "stored") > stored
    });
    drop(redis);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn a_shared_cache_without_a_good_key_does_not_start() {
    let server = Launch::new(
        &image_bundle(&json!({"sizes": [96], "domains": [], "remotePatterns": [], "formats": [],
                             "minimumCacheTTL": 60, "dangerouslyAllowSVG": false}))
        .write(),
    );
    let refused = server
        .setting("image.shared-cache", "redis://127.0.0.1:1")
        .setting("image.shared-cache-key-file", key("short"))
        .fail()
        .expect(69);
    assert!(refused.stderr.contains("has fewer than 32 bytes"), "{}", refused.stderr);
}
