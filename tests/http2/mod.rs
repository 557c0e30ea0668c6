//! HTTP/2 with clients: every answer is that of HTTP/1.1, and no client gets more of us than its share.

mod abuse;
mod alike;
mod client;
mod ends;
mod flow;
mod frames;
mod malformed;

use serde_json::json;

use crate::support::{
    bundle::{Draft, SERVER},
    server::Launch,
};

/// A bundle with something of every kind, served in cleartext.
fn launch() -> Launch {
    let text: String = (0..900).map(|n| format!("line {n} of a text that compresses well\n")).collect();
    let routes = json!([
        {"path": "/assets/*", "target": {"kind": "Static", "cacheControl": "public, max-age=31536000, immutable"}},
        {"path": "/both/*", "target": {"kind": "Static", "cacheControl": "max-age=5"},
         "fallback": {"kind": "Compute", "src": "default"}},
        {"path": "/missing/*", "target": {"kind": "Compute", "src": "default"}, "fallback": {"kind": "Static"}},
        {"path": "/_amplify/image", "target": {"kind": "ImageOptimization", "cacheControl": "public, max-age=60"}},
        {"path": "/files/*", "target": {"kind": "Static"}},
        {"path": "/*", "target": {"kind": "Compute", "src": "default"}},
    ]);
    let root = Draft::with_routes(routes)
        .compute(SERVER)
        .file("assets/app.js", &text)
        .file("assets/picture.bin", picture())
        .file("both/one.txt", "one")
        .file("files/empty.txt", "")
        .file("files/a b.txt", "space")
        .file("files/large.bin", vec![b'l'; LARGE])
        .file("missing/length", "from the files")
        .file("photo.png", std::fs::read(PHOTO).unwrap())
        .key(
            "imageSettings",
            json!({"sizes": [16, 32], "domains": [], "remotePatterns": [], "formats": ["image/webp"],
            "minimumCacheTTL": 60, "dangerouslyAllowSVG": false}),
        )
        .beside("customHttp.yml", HEADERS)
        .write();
    let rules = json!([
        {"source": "/moved/<*>", "target": "/assets/<*>", "status": "301"},
        {"source": "/pretty/<name>", "target": "/both/<name>.txt", "status": "200"},
    ]);
    std::fs::write(root.join("customRules.json"), rules.to_string()).unwrap();
    // How Compute's answers are compressed depends on when their bytes come.
    Launch::new(&root).setting("http2.cleartext", "true").setting("compression.enabled", "false")
}

const PHOTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/hello/static/assets/sunset.png");

/// Bytes of the largest file.
const LARGE: usize = 8 << 20;

const HEADERS: &str = "\
customHeaders:
  - pattern: '**'
    headers: [{key: X-All, value: 1}]
  - pattern: '/echo'
    headers: [{key: Set-Cookie, value: a=1}]
";

/// A file that is sent out of the pack and not copied. No two places in it look alike.
fn picture() -> Vec<u8> {
    let mut bytes = vec![0; 300_000];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}
