//! What no request and no source may cost: bytes, pixels, memory, or the process.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
};

use nix::sys::signal::Signal;
use serde_json::json;

use super::{BASE64_PIXEL, coffee, image_bundle};
use crate::support::{bundle, process, server::Launch, wait};

#[test]
fn limits_hold_for_sources_and_results() {
    let settings = json!({"sizes": [96, 640], "domains": [], "remotePatterns": [], "formats": ["image/png"],
                          "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    let large = std::fs::read(bundle::built("nuxt3").join("static/images/astronaut.png")).unwrap();
    let bundle = image_bundle(&settings).file("a.png", &large).file("bomb.png", bomb()).write();
    let server = Launch::new(&bundle).setting("image.source-bytes-max", large.len().to_string()).start();
    server.get("/img?url=%2Fa.png&w=96").expect(200);
    let before = server.memory("VmHWM");
    server.get("/img?url=%2Fbomb.png&w=96").expect(413);
    // The kernel adds up what threads have counted now and then, so a peak may seem to fall by a little.
    assert!(server.memory("VmHWM").saturating_sub(before) < 64 << 10, "the bomb was unpacked");
    let server = Launch::new(&bundle).setting("image.source-bytes-max", (large.len() - 1).to_string()).start();
    server.get("/img?url=%2Fa.png&w=96").expect(413);
    let server = Launch::new(&bundle).setting("image.output-bytes-max", "1KiB").start();
    server.get("/img?url=%2Fa.png&w=640").expect(413);
}

/// The head of a PNG that claims 50,000 pixels on each side.
fn bomb() -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    let mut head = b"IHDR".to_vec();
    head.extend_from_slice(&50_000_u32.to_be_bytes());
    head.extend_from_slice(&50_000_u32.to_be_bytes());
    head.extend_from_slice(&[8, 6, 0, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&head);
    file.extend_from_slice(&head);
    file.extend_from_slice(&crc.sum().to_be_bytes());
    file.extend_from_slice(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
    file
}

#[test]
fn damaged_pictures_are_refused_and_harm_nobody() {
    let settings = json!({"sizes": [96], "domains": [], "remotePatterns": [], "formats": ["image/webp"],
                          "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    let whole = coffee();
    let mut draft = image_bundle(&settings).file("whole.jpg", &whole);
    for length in [1, 3, 20, 200, whole.len() / 2] {
        draft = draft.file(&format!("cut{length}.jpg"), &whole[..length]);
    }
    let mut server = Launch::new(&draft.write()).start();
    for length in [1, 3, 20, 200, whole.len() / 2] {
        let reply = server.get(&format!("/img?url=%2Fcut{length}.jpg&w=96"));
        assert_eq!(reply.status, 400, "{length}: {}", reply.summary());
    }
    server.get("/img?url=%2Fwhole.jpg&w=96").expect(200);
    server.assert_running();
}

#[test]
fn sources_that_wait_hold_no_more_memory_than_they_may() {
    const ASKED: usize = 16;
    // A pixel, and ten megabytes that nobody looks at.
    let source = format!(
        "const padded = Buffer.concat([Buffer.from('{BASE64_PIXEL}', 'base64'), Buffer.alloc(10e6)]);
         answers['/padded.png'] = (request, response) => response.writeHead(200, {{'content-length': padded.length}}).end(padded);"
    );
    let server_js =
        bundle::SERVER.replace("// The forms of \"not here\"", &format!("{source}\n// The forms of \"not here\""));
    let settings = json!({"sizes": [96], "domains": [], "remotePatterns": [], "formats": ["image/png"],
                          "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    let server = Launch::new(&image_bundle(&settings).compute(&server_js).file("a.jpg", coffee()).write())
        .setting("image.workers", "1")
        .setting("image.fetched-bytes-max", "32MB")
        .setting("image.timeout", "2m")
        .start();
    server.get("/img?url=%2Fa.jpg&w=96").expect(200);
    let worker = process::workers_below(server.id())[0];
    process::signal(worker, Signal::SIGSTOP);
    let before = server.memory("VmRSS");
    let (busy, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 0..ASKED {
            let (server, busy, answered) = (&server, &busy, &answered);
            scope.spawn(move || {
                let reply = server.get(&format!("/img?url=%2Fpadded.png%3F{number}&w=96"));
                if reply.status == 503 {
                    assert_eq!(reply.field("retry-after"), Some("1"));
                    busy.fetch_add(1, SeqCst);
                } else {
                    reply.expect(200);
                    answered.fetch_add(1, SeqCst);
                }
            });
        }
        // Three fit, and wait for the worker.
        wait::until("the others to be refused", || busy.load(SeqCst) == ASKED - 3);
        let held = server.memory("VmRSS").saturating_sub(before);
        assert!(held < 64 << 10, "{held} KiB are held");
        process::signal(worker, Signal::SIGCONT);
    });
    assert_eq!(answered.load(SeqCst), 3);
    server.get("/img?url=%2Fpadded.png%3Fagain&w=96").expect(200);
}
