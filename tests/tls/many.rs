//! A thousand clients at once.

use std::io::{Read as _, Write as _};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustls::version::TLS13;

use super::draft;
use crate::support::{
    client::Connection,
    server::Launch,
    tls::{self, LOCALHOST},
};

const CLIENTS: usize = 1000;

/// What an idle connection may hold, in KiB. One without TLS holds some 2.
const IDLE_KIB: u64 = 40;

#[test]
fn a_thousand_idle_connections_take_little_and_all_are_answered() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(8192), hard).unwrap();
    let server = Launch::new(&draft().write()).tls().start();
    let client = tls::client(&[&LOCALHOST], &[&TLS13]);
    let ask = |stream: &mut tls::Stream| {
        stream.write_all(b"GET /assets/small.txt HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut said = Vec::new();
        while !said.ends_with(b"small") {
            let mut piece = [0; 1000];
            let n = stream.read(&mut piece).unwrap();
            assert!(n > 0, "the connection was lost: {}", said.escape_ascii());
            said.extend_from_slice(&piece[..n]);
        }
    };
    let connect = || tls::wrap_as(Connection::connect(server.address()), &client, "localhost");
    // What is there once, whoever comes, is there now.
    let mut streams: Vec<_> = (0..50).map(|_| connect()).collect();
    streams.iter_mut().for_each(ask);
    let before = server.memory("VmRSS");
    while streams.len() < CLIENTS + 50 {
        let mut stream = connect();
        ask(&mut stream);
        streams.push(stream);
    }
    let grown = server.memory("VmRSS").saturating_sub(before);
    let each = grown / CLIENTS as u64;
    assert!(each < IDLE_KIB, "{each} KiB for each of {CLIENTS}");
    streams.iter_mut().for_each(ask);
    assert_eq!(server.metric("edgeplane_connections"), (CLIENTS + 50) as f64);
}
