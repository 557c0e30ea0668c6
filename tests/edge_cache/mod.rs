//! The edge cache over the network: what is kept, who gets it, and how often Node is asked.

mod crowd;
mod keeping;
mod nuxt;
mod persons;
mod ruled;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{
    bundle::Draft,
    reply::Reply,
    server::{Launch, Server},
};

/// A page that may be kept for a minute.
const KEEP: &str = "h=cache-control:s-maxage=60";

/// Compute answers everything; below `/half/` a 404 is the files' to answer.
fn bundle() -> PathBuf {
    Draft::with_routes(json!([
        {"path": "/half/*", "target": {"kind": "Compute", "src": "default"}, "fallback": {"kind": "Static"}},
        {"path": "/*", "target": {"kind": "Compute", "src": "default"}},
    ]))
    .compute(include_str!("pages.js"))
    .file("half/there", "the file")
    .write()
}

fn launch() -> Launch {
    Launch::new(&bundle()).setting("edge-cache.enabled", "true")
}

/// What Node has seen: requests for a path, and the fields of the last one.
fn seen(server: &Server, path: &str) -> (u64, Value) {
    let seen = server.get(&format!("/seen?path={path}")).expect(200).json();
    (seen["count"].as_u64().unwrap(), seen["last"].clone())
}

/// How the cache took part.
fn status(reply: &Reply) -> &str {
    reply.field("x-edgeplane-cache").unwrap_or("-")
}
