//! What no request and no source may cost: bytes, pixels, memory, or the process.

use serde_json::json;

use super::{coffee, image_bundle};
use crate::support::{bundle, server::Launch};

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
    assert!(server.memory("VmHWM") - before < 64 << 10, "the bomb was unpacked");
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
