//! Answers of Compute that are compressed on their way: decoded they are what Node sent, at once, on every lane.

mod kept;
mod passed;
mod streamed;

use std::{io::Read as _, path::PathBuf};

use serde_json::json;

use crate::support::{
    bundle::Draft,
    client::Request,
    reply::Reply,
    server::{Launch, Server},
};

/// What is offered.
const CODINGS: [&str; 3] = ["br", "zstd", "gzip"];

/// What stands before the path on each lane: nothing where it is relayed, an absolute form where Pingora passes it on.
const LANES: [&str; 2] = ["", "http://shop.example"];

fn bundle() -> PathBuf {
    Draft::with_routes(json!([{"path": "/*", "target": {"kind": "Compute", "src": "default"}}]))
        .compute(include_str!("app.js"))
        .write()
}

fn launch() -> Launch {
    Launch::new(&bundle()).setting("log", "off")
}

/// The same answer as the application gives it.
fn as_it_is(server: &Server, path: &str) -> Vec<u8> {
    server.send(&Request::get(path)).expect(200).without("content-encoding").body
}

/// What a decoder makes of it; an error where it was cut off.
fn decoded(coding: &str, encoded: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    match coding {
        "br" => brotli::Decompressor::new(encoded, 4096).read_to_end(&mut out)?,
        "zstd" => zstd::stream::read::Decoder::new(encoded)?.read_to_end(&mut out)?,
        "gzip" => flate2::read::GzDecoder::new(encoded).read_to_end(&mut out)?,
        other => panic!("nobody asked for {other}"),
    };
    Ok(out)
}

/// What can be had of a content that is still on its way.
pub(crate) fn decoded_so_far(coding: &str, encoded: &[u8]) -> Vec<u8> {
    let mut reader: Box<dyn std::io::Read + '_> = match coding {
        "br" => Box::new(brotli::Decompressor::new(encoded, 4096)),
        "zstd" => Box::new(zstd::stream::read::Decoder::new(encoded).unwrap()),
        "gzip" => Box::new(flate2::read::GzDecoder::new(encoded)),
        other => panic!("nobody asked for {other}"),
    };
    let (mut out, mut piece) = (Vec::new(), [0; 512]);
    while let Ok(n @ 1..) = reader.read(&mut piece) {
        out.extend_from_slice(&piece[..n]);
    }
    out
}

/// A sample of a metric.
fn metric(server: &Server, series: &str) -> u64 {
    let metrics = server.admin("/metrics").expect(200).text();
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{metrics}")).parse().unwrap()
}

/// The fields that say something about the content, in their order of names.
fn shown(reply: &Reply) -> Vec<(String, String)> {
    let of_one_answer = ["date", "x-request-id", "transfer-encoding", "content-length", "age"];
    let mut fields: Vec<_> =
        reply.fields.iter().filter(|(name, _)| !of_one_answer.contains(&name.as_str())).cloned().collect();
    fields.sort();
    fields
}
