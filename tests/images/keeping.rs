//! Pictures outlive the process that made them, whatever ends it, and leave when they are told to.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::sys::signal::Signal;
use serde_json::json;

use super::{coffee, image_bundle};
use crate::support::{
    client::Request,
    reply::Reply,
    scratch,
    server::{Launch, Server},
    wait,
};

const MADE: &str = r#"edgeplane_images_made_total{format="webp"}"#;
/// Enough for the bundle's files, and not for the largest picture.
const LARGEST: u64 = 160 * 1024;
const ON_DISK: &str = r#"edgeplane_image_cache_entries{level="disk"}"#;

fn app(marker: &str) -> PathBuf {
    let settings = json!({"sizes": [96, 320, 640], "domains": [], "remotePatterns": [],
                          "formats": ["image/webp", "image/avif", "image/png"], "minimumCacheTTL": 60,
                          "dangerouslyAllowSVG": false});
    image_bundle(&settings)
        .file("coffee.jpg", coffee())
        .file("other/coffee.jpg", coffee())
        .file("m.txt", marker)
        .write()
}

fn ask(server: &Server, target: &str, accept: &str) -> Reply {
    server.send(&Request::get(target).field("Accept", accept)).expect(200)
}

fn webp(server: &Server, width: u32) -> Reply {
    ask(server, &format!("/img?url=%2Fcoffee.jpg&w={width}"), "image/webp")
}

fn kept(server: &Server, entries: f64) {
    wait::until("the disk", || server.metric(ON_DISK) >= entries);
}

fn records(state: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(state.join("images")).unwrap().map(|folder| folder.unwrap());
    let folders = folders.filter(|folder| folder.file_name() != "unfinished");
    folders.flat_map(|folder| fs::read_dir(folder.path()).unwrap()).map(|file| file.unwrap().path()).collect()
}

#[test]
fn a_picture_survives_a_restart_a_deploy_and_a_kill() {
    let state = scratch::folder("images");
    let mut server = Launch::new(&app("first")).state(&state).start();
    let first = webp(&server, 96).with("x-edgeplane-cache", "MISS");
    kept(&server, 1.0);
    // In the midst of work, and of writing.
    server.send(&Request::get("/img?url=%2Fcoffee.jpg&w=320").field("Accept", "image/webp"));
    server.signal(Signal::SIGKILL);
    server.ended();

    let mut server = Launch::new(&app("second")).state(&state).start();
    let again = webp(&server, 96).with("x-edgeplane-cache", "HIT");
    assert!(again.body == first.body && again.field("etag") == first.field("etag"));
    assert_eq!(server.metric(r#"edgeplane_image_cache_hits_total{level="disk"}"#), 1.0);
    assert_eq!(server.metric(MADE), 0.0);
    webp(&server, 320);
    kept(&server, 2.0);
    server.signal(Signal::SIGTERM);
    server.ended();

    // Torn, foreign and half-written files are no pictures, and do no harm.
    let mut files = records(&state);
    assert_eq!(files.len(), 2);
    for file in files.drain(..) {
        let record = fs::read(&file).unwrap();
        fs::write(&file, &record[..record.len() / 2]).unwrap();
    }
    fs::write(state.join("images/unfinished/1"), "half").unwrap();
    let server = Launch::new(&app("third")).state(&state).start();
    let made = webp(&server, 96).with("x-edgeplane-cache", "MISS");
    assert!(made.body == first.body);
    assert_eq!(server.metric(r#"edgeplane_image_disk_faults_total{fault="corrupt"}"#), 1.0);
    assert!(!state.join("images/unfinished/1").exists());
}

#[test]
fn a_disk_that_takes_nothing_costs_no_answer() {
    let state = scratch::folder("images");
    // A limit on the size of files does what a full disk does, to whoever runs the tests.
    let server = Launch::new(&app("first")).state(&state).largest_file(LARGEST).start();
    let written = r#"edgeplane_image_disk_faults_total{fault="write"}"#;
    let large = "/img?url=%2Fcoffee.jpg&w=640&q=100&format=png";
    for status in ["MISS", "HIT"] {
        assert!(ask(&server, large, "image/png").with("x-edgeplane-cache", status).body.len() as u64 > LARGEST);
    }
    wait::until("the fault", || server.metric(written) >= 1.0);
    assert_eq!(fs::read_dir(state.join("images/unfinished")).unwrap().count(), 0);
    webp(&server, 96).with("x-edgeplane-cache", "MISS");
    kept(&server, 1.0);
    let told = server.log().lines().filter(|line| line.contains("cannot all be kept on disk")).count();
    assert_eq!(told, 1, "{}", server.log());
}

#[test]
fn a_purge_takes_what_it_names() {
    let server = Launch::new(&app("first")).start();
    let other = |status| {
        ask(&server, "/img?url=%2Fother%2Fcoffee.jpg&w=320", "image/webp").with("x-edgeplane-cache", status);
    };
    webp(&server, 96).with("x-edgeplane-cache", "MISS");
    other("MISS");
    kept(&server, 2.0);
    for _ in 0..3 {
        webp(&server, 96).with("x-edgeplane-cache", "HIT");
    }
    let purge = |arguments: &[&str]| {
        let state = server.state().to_str().unwrap();
        Launch::bare("purge").args(arguments).args(&["--state-dir", state]).finish()
    };
    assert_eq!(purge(&["/other/", "--site", "nobody"]).expect(0).stdout, "{\"purged\":0}\n");
    assert_eq!(purge(&["/coffee"]).expect(0).stdout, "{\"purged\":1}\n");
    webp(&server, 96).with("x-edgeplane-cache", "MISS");
    other("HIT");
    assert!(purge(&["coffee"]).expect(69).stderr.contains("url must be the beginning"));
    let nowhere = scratch::folder("nobody");
    let alone = Launch::bare("purge").args(&["/", "--state-dir", nowhere.to_str().unwrap()]).finish().expect(69);
    assert!(alone.stderr.contains("no running edgeplane can be reached"), "{}", alone.stderr);
}

#[test]
fn the_control_socket_is_its_owners_and_not_a_pages() {
    use std::{
        io::{Read as _, Write as _},
        os::unix::{fs::PermissionsExt as _, net::UnixStream},
    };

    let server = Launch::new(&app("first")).start();
    let socket = server.state().join("admin.sock");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let status = |request: &str| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        write!(stream, "{request}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(status("POST /purge?url=* HTTP/1.1\r\nhost: localhost"), "200");
    assert_eq!(status("POST /purge?url=* HTTP/1.1\r\nhost: evil.example"), "403");
    assert_eq!(status("POST /purge?url=* HTTP/1.1\r\nhost: localhost\r\norigin: http://localhost"), "403");
    assert_eq!(status("GET /purge?url=* HTTP/1.1\r\nhost: localhost"), "405");
    assert_eq!(status("POST /purge HTTP/1.1\r\nhost: localhost"), "400");
    assert_eq!(status("POST /other HTTP/1.1\r\nhost: localhost"), "404");
    assert_eq!(server.admin("/purge?url=*").status, 404);
}

#[test]
fn avif_does_not_make_the_first_client_wait() {
    let server = Launch::new(&app("first")).setting("image.avif-wait", "0ms").start();
    let target = "/img?url=%2Fcoffee.jpg&w=320";
    let both = "image/avif,image/webp";
    let first = ask(&server, target, both).with("x-edgeplane-cache", "MISS; interim");
    let first = first.with("content-type", "image/webp").with("cache-control", "public, max-age=5");
    let last = wait::within(wait::PATIENCE, "AVIF", || {
        let reply = ask(&server, target, both);
        (reply.field("x-edgeplane-cache") == Some("HIT")).then_some(reply)
    });
    let last = last.with("content-type", "image/avif").with("cache-control", "public, max-age=77");
    assert_ne!(last.field("etag"), first.field("etag"));
    // Who has the picture for now, asks with its tag, and gets the better one.
    let held = Request::get(target).field("Accept", both).field("If-None-Match", first.field("etag").unwrap());
    server.send(&held).expect(200).with("content-type", "image/avif");
}

#[test]
fn nobody_can_tell_by_the_answer_that_a_picture_was_at_hand() {
    let server = Launch::new(&app("first")).setting("threads", "1").start();
    let front = || server.metric(r#"edgeplane_image_cache_hits_total{level="front"}"#);
    let target = "/img?url=%2Fcoffee.jpg&w=96";
    webp(&server, 96);
    // The small one is copied into a socket, the large one goes out of a file.
    let large = "/img?url=%2Fcoffee.jpg&w=640&q=100";
    for _ in 0..2 {
        let reply = server.send(&Request::get(large).field("Accept", "image/webp")).expect(200);
        assert!(reply.body.len() > 32 << 10, "{}", reply.body.len());
    }
    let told = |request: &Request| {
        let mut reply = server.send(request);
        reply.fields.retain(|(name, _)| name != "date" && name != "x-request-id");
        reply.fields.sort();
        (reply.status, reply.fields, reply.body)
    };
    let etag = webp(&server, 96).field("etag").unwrap().to_owned();
    // Row 143: a tag belongs to one quality.
    let other = Request::get(&format!("{target}&q=20")).field("Accept", "image/webp").field("If-None-Match", &etag);
    assert_ne!(server.send(&other).expect(200).field("etag"), Some(&*etag));
    for (target, method, extra) in [
        (target, "GET", None),
        (target, "HEAD", None),
        (target, "GET", Some(("If-None-Match", &*etag))),
        (target, "GET", Some(("Range", "bytes=0-3"))),
        (large, "GET", None),
        (large, "HEAD", None),
    ] {
        let absolute = format!("http://{}{target}", server.address());
        let build = |target: &str| {
            let request = Request::new(method, target).field("Accept", "image/webp");
            extra.iter().fold(request, |request, (name, value)| request.field(name, value))
        };
        let before = front();
        let (plain, long) = (told(&build(target)), told(&build(&absolute)));
        assert_eq!(plain, long, "{method} {target} {extra:?}");
        assert_eq!(front() - before, 1.0, "{method} {extra:?}: a target in absolute form goes the long way");
    }
}
