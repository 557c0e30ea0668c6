//! Who may ask, over the network: from which addresses, how often and with which password, on every way to an answer.

mod addresses;
mod explain;
mod passwords;

use std::{fs, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use crate::support::{
    bundle::{self, Draft, SERVER},
    client::Request,
    scratch,
    server::{Launch, Server},
};

/// Of the password `swordfish`, made by libxcrypt.
const HASH: &str = "$2y$10$abcdefghijklmnopqrstuuivHRne1b8fIlcxc8Qcz3debdq6Vefzy";

/// Files, pages, pictures, and a redirect that not everybody is to know of.
fn bundle() -> PathBuf {
    let compute = json!({"kind": "Compute", "src": "default"});
    let routes = json!([
        {"path": "/img", "target": {"kind": "ImageOptimization", "cacheControl": "max-age=5"}},
        {"path": "/assets/*", "target": {"kind": "Static"}},
        {"path": "/*.*", "target": {"kind": "Static"}, "fallback": compute},
        {"path": "/*", "target": compute},
    ]);
    let images = json!({"sizes": [16, 96], "domains": [], "remotePatterns": [], "formats": ["image/webp"],
                        "minimumCacheTTL": 60, "dangerouslyAllowSVG": false});
    let rules = json!([{"source": "/secret-old", "target": "/secret-new", "status": "301"}]);
    Draft::with_routes(routes)
        .compute(SERVER)
        .key("imageSettings", images)
        .file("assets/app.js", "let a = 1;\n".repeat(400))
        .file("coffee.jpg", fs::read(bundle::built("nuxt3").join("static/images/coffee.jpg")).unwrap())
        .beside("customRules.json", &rules.to_string())
        .write()
}

/// Every way to an answer, and its status for those who may come in.
const WAYS: [(&str, &str, u16); 12] = [
    ("GET", "/assets/app.js", 200),
    ("HEAD", "/assets/app.js", 200),
    ("GET", "/assets/none.js", 404),
    ("POST", "/assets/app.js", 405),
    ("GET", "/a%20b", 404),
    ("GET", "/", 200),
    ("GET", "/status/500", 500),
    ("GET", "/missing/length", 404),
    ("GET", "/img?url=%2Fcoffee.jpg&w=96", 200),
    ("GET", "/img?url=%2Fcoffee.jpg&w=97", 400),
    ("GET", "/secret-old", 301),
    ("OPTIONS", "*", 204),
];

/// A server with these settings beside those of the bundle.
fn launch(settings: &str) -> Launch {
    let file = scratch::folder("settings").join("edgeplane.toml");
    fs::write(&file, settings).unwrap();
    Launch::new(&bundle()).arg("--config").arg(file)
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
}

fn with_password(request: Request) -> Request {
    request.field("Authorization", &basic("alice", "swordfish"))
}

fn refused(server: &Server, reason: &str) -> f64 {
    server.metric(&format!("edgeplane_access_refused_total{{reason=\"{reason}\"}}"))
}
