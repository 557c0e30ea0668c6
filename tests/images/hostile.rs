//! Files that mean harm, and more work than there is time for: clear statuses, flat memory, and everybody else is served.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use edgeplane_optimizer::SourceType;
use serde_json::json;

use super::{coffee, image_bundle};
use crate::support::{
    bundle::{self, Draft},
    client::Request,
    lacking, picture, process,
    reply::Reply,
    scratch,
    server::{Launch, Server},
};

const AVIF: &[u8] = include_bytes!("../../optimizer/tests/optimizer/avif/420.avif");

fn draft() -> Draft {
    image_bundle(&json!({"sizes": [16, 96, 640], "domains": [], "remotePatterns": [],
                         "formats": ["image/webp", "image/png"], "minimumCacheTTL": 60, "dangerouslyAllowSVG": false}))
}

/// What the server and its workers hold together, at their highest so far, in KiB.
fn memory(server: &Server) -> u64 {
    let workers = process::workers_below(server.id());
    server.memory("VmHWM") + workers.into_iter().map(|worker| process::memory(worker, "VmHWM")).sum::<u64>()
}

/// A server with a sandbox, where there is one to be had, and one without. The flag tells which it is.
fn both(draft: Draft) -> [(Server, bool); 2] {
    let bundle = draft.write();
    let launch = || Launch::new(&bundle).setting("image.workers", "1");
    [(launch().start(), lacking::has_sandbox()), (launch().without(lacking::LANDLOCK).start(), false)]
}

fn small(server: &Server, path: &str, accept: &str) -> Reply {
    server.send(&Request::get(&format!("/img?url=%2F{path}&w=16")).field("Accept", accept))
}

#[test]
fn avif_sources_become_what_the_client_takes_or_stay_what_they_are() {
    let draft = draft().file("a.avif", AVIF);
    for (server, sandboxed) in both(draft) {
        assert_eq!(server.metric("edgeplane_image_sandboxed"), f64::from(u8::from(sandboxed)));
        assert_eq!(server.log().contains("the kernel offers no"), !sandboxed, "{}", server.log());
        // Row 120: the last one for a client that shows no modern format.
        for (accept, kind) in [("image/webp", SourceType::Webp), ("*/*", SourceType::Jpeg)] {
            let reply = small(&server, "a.avif", accept).expect(200);
            if sandboxed {
                let found = picture::of(reply);
                assert_eq!((found.kind, found.width), (kind, 16));
            } else {
                let reply = reply.with("content-type", "image/avif").with("x-edgeplane-cache", "BYPASS");
                assert!(reply.body == AVIF);
            }
        }
    }
}

#[test]
fn what_is_explained_of_an_avif_source_is_what_is_done_here() {
    let bundle = draft().file("a.avif", AVIF).write();
    let explain = || {
        let launch = Launch::bare("explain").args(&["GET", "/img?url=%2Fa.avif&w=16", "-H", "Accept: image/webp"]);
        launch.arg("--bundle").arg(&bundle)
    };
    let whole = explain().setting("image.unsandboxed", "true").without(lacking::LANDLOCK).finish().expect(0).stdout;
    assert!(whole.contains("answers image/webp at width 16"), "{whole}");
    let passed = explain().without(lacking::LANDLOCK).finish().expect(0).stdout;
    assert!(passed.contains("answers image/avif as it is, from static file of"), "{passed}");
    let here = explain().finish().expect(0).stdout;
    assert_eq!(here, if lacking::has_sandbox() { whole } else { passed });
}

#[test]
fn avif_of_high_dynamic_range_is_passed_on() {
    let server = Launch::new(&draft().file("bright.avif", bright()).write()).start();
    let passed = server.get("/img?url=%2Fbright.avif&w=16").expect(200).with("content-type", "image/avif");
    assert!(passed.body == bright());
}

/// The number of PQ in place of sRGB's curve.
fn bright() -> Vec<u8> {
    let mut file = AVIF.to_vec();
    let at = file.windows(4).position(|bytes| bytes == b"nclx").unwrap();
    file[at + 7] = 16;
    file
}

#[test]
fn the_command_optimizes_avif_in_a_worker_too() {
    let folder = scratch::folder("avif");
    let (source, result) = (folder.join("a.avif"), folder.join("a.png"));
    std::fs::write(&source, AVIF).unwrap();
    let optimize = || Launch::bare("optimize").arg(&source).arg(&result).args(&["--width", "12"]);
    optimize().without(lacking::LANDLOCK).finish().expect(65);
    assert!(!result.exists());
    if !lacking::has_sandbox() {
        optimize().finish().expect(65);
        return;
    }
    optimize().finish().expect(0);
    let probe = edgeplane_optimizer::probe(&std::fs::read(&result).unwrap()).unwrap();
    assert_eq!((probe.source_type, probe.width, probe.height), (SourceType::Png, 12, 8));
    std::fs::write(&source, &AVIF[..200]).unwrap();
    optimize().finish().expect(65);
}

#[test]
fn a_truncated_file_of_each_format_is_400_and_harms_nobody() {
    let photo = coffee();
    let astronaut = std::fs::read(bundle::built("nuxt3").join("static/images/astronaut.png")).unwrap();
    let maker = Launch::new(&draft().file("a.jpg", &photo).write()).start();
    let webp = maker.send(&Request::get("/img?url=%2Fa.jpg&w=96").field("Accept", "image/webp")).expect(200).body;
    let whole: [(&str, &[u8]); 4] = [("jpg", &photo), ("png", &astronaut), ("webp", &webp), ("avif", AVIF)];
    let mut draft = draft().file("fine.jpg", &photo);
    for (extension, bytes) in whole {
        for tenths in [3, 6, 9] {
            draft = draft.file(&format!("cut{tenths}.{extension}"), &bytes[..bytes.len() * tenths / 10]);
        }
    }
    for (mut server, sandboxed) in both(draft) {
        server.get("/img?url=%2Ffine.jpg&w=96").expect(200);
        let before = memory(&server);
        for (extension, bytes) in whole {
            for tenths in [3, 6, 9] {
                let cut = &bytes[..bytes.len() * tenths / 10];
                let reply = small(&server, &format!("cut{tenths}.{extension}"), "*/*");
                if extension == "avif" && !sandboxed && edgeplane_optimizer::probe(cut).is_ok() {
                    // Its head is whole, and nobody looks behind it.
                    assert!(reply.expect(200).body == cut);
                } else {
                    assert_eq!(reply.status, 400, "{extension} {tenths}/10: {}", reply.summary());
                }
            }
        }
        server.get("/img?url=%2Ffine.jpg&w=640").expect(200);
        assert!(memory(&server).saturating_sub(before) < 64 << 10, "{before} KiB became {} KiB", memory(&server));
        server.assert_running();
    }
}

#[test]
fn a_header_that_lies_about_its_size_costs_nothing() {
    // 50,000 x 50,000 in the container, a few pixels in the stream; and the other way round.
    let at = AVIF.windows(4).position(|bytes| bytes == b"ispe").unwrap() + 8;
    let claiming = |width: u32, height: u32| {
        let mut file = AVIF.to_vec();
        file[at..at + 4].copy_from_slice(&width.to_be_bytes());
        file[at + 4..at + 8].copy_from_slice(&height.to_be_bytes());
        file
    };
    let draft = draft().file("large.avif", claiming(50_000, 50_000)).file("wide.avif", claiming(9_000, 9_000));
    let draft = draft.file("small.avif", claiming(8, 8)).file("fine.jpg", coffee());
    for (server, sandboxed) in both(draft) {
        server.get("/img?url=%2Ffine.jpg&w=96").expect(200);
        let before = memory(&server);
        server.get("/img?url=%2Flarge.avif&w=96").expect(413);
        small(&server, "small.avif", "*/*").expect(if sandboxed { 400 } else { 200 });
        // Within the limits, so it is decoded where that may be, and found to be another.
        server.get("/img?url=%2Fwide.avif&w=96").expect_one_of(if sandboxed { &[400, 413] } else { &[200] });
        assert!(memory(&server).saturating_sub(before) < 64 << 10, "{before} KiB became {} KiB", memory(&server));
    }
}

#[test]
fn more_pictures_than_there_is_time_for_leave_files_alone() {
    const STATIC: usize = 300;
    let photo = std::fs::read(bundle::built("nuxt3").join("static/images/astronaut.png")).unwrap();
    let mut draft = draft().file("style.css", "a{color:red}");
    for number in 0..40 {
        // Other bytes, same picture: a source of its own, so that each request is a miss.
        draft = draft.file(&format!("{number}.png"), [photo.as_slice(), &[number]].concat());
    }
    let server = Launch::new(&draft.write())
        .setting("image.workers", "1")
        .setting("image.niceness", "10")
        .setting("image.queue", "2")
        .setting("image.cache-bytes", "0")
        .start();
    server.get("/img?url=%2F0.png&w=640").expect(200);
    let files = || {
        let mut connection = server.connect();
        let mut took: Vec<Duration> = (0..STATIC)
            .map(|_| {
                let begun = Instant::now();
                Request::get("/style.css").send_on(&mut connection, server.address()).expect(200);
                begun.elapsed()
            })
            .collect();
        took.sort_unstable();
        took[STATIC * 99 / 100]
    };
    let idle = files();
    let (over, answered, busy) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let loaded = thread::scope(|scope| {
        for client in 0..8_usize {
            let (over, answered, busy, server) = (&over, &answered, &busy, &server);
            scope.spawn(move || {
                for number in (client..).step_by(8).take_while(|_| !over.load(SeqCst)) {
                    let reply = server.get(&format!("/img?url=%2F{}.png&w=640", number % 40));
                    match reply.status {
                        200 => answered.fetch_add(1, SeqCst),
                        503 if reply.field("retry-after") == Some("1") => busy.fetch_add(1, SeqCst),
                        _ => panic!("{}", reply.summary()),
                    };
                }
            });
        }
        crate::support::wait::until("work under way and refusals", || {
            answered.load(SeqCst) > 2 && busy.load(SeqCst) > 2
        });
        let loaded = files();
        over.store(true, SeqCst);
        loaded
    });
    // The machine of a test has other things to do: the bound that is promised is measured by `make bench`.
    assert!(loaded < idle * 20 + Duration::from_secs(1), "{idle:?} became {loaded:?}");
    assert_eq!(process::workers_below(server.id()).len(), 1);
}
