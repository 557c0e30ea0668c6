//! How connections over TLS begin: what is spoken, what is not, what is remembered, and for how long anybody is waited for.

use std::{
    io::{Read as _, Write as _},
    time::{Duration, Instant},
};

use rustls::{
    HandshakeKind, ProtocolVersion,
    version::{TLS12, TLS13},
};

use super::{draft, s_client, server};
use crate::support::{
    client::{Connection, Request},
    server::Launch,
    tls::{self, LOCALHOST},
    wait,
};

fn outcome(server: &crate::support::server::Server, outcome: &str) -> f64 {
    server.metric(&format!("edgeplane_tls_handshakes_total{{outcome=\"{outcome}\"}}"))
}

#[test]
fn both_versions_are_spoken_and_sessions_are_taken_up_by_any_thread() {
    let server = Launch::new(&draft().write()).tls().args(&["--threads", "2"]).start();
    for (version, name) in [(&TLS13, ProtocolVersion::TLSv1_3), (&TLS12, ProtocolVersion::TLSv1_2)] {
        let client = tls::client(&[&LOCALHOST], &[version]);
        let resumed = outcome(&server, "resumed");
        for turn in 0..20 {
            let mut stream = tls::wrap_as(Connection::connect(server.address()), &client, "localhost");
            let request = "GET /assets/small.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).unwrap();
            assert!(said.ends_with("small"), "{said}");
            assert_eq!(stream.conn.protocol_version(), Some(name));
            let kind = if turn == 0 { HandshakeKind::Full } else { HandshakeKind::Resumed };
            assert_eq!(stream.conn.handshake_kind(), Some(kind), "{name:?}, connection {turn}");
        }
        assert_eq!(outcome(&server, "resumed") - resumed, 19.0, "{name:?}");
    }
    assert_eq!(outcome(&server, "full"), 2.0);
}

#[test]
fn what_is_old_or_weak_is_not_spoken() {
    let server = Launch::new(&draft().write()).tls().start();
    for (words, spoken) in [
        (&["-tls1_2"][..], true),
        (&["-tls1_3"], true),
        (&["-tls1_1", "-cipher", "ALL@SECLEVEL=0"], false),
        (&["-tls1", "-cipher", "ALL@SECLEVEL=0"], false),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], true),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], true),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA256@SECLEVEL=0"], false),
        (&["-tls1_2", "-cipher", "AES128-GCM-SHA256:AES128-SHA:DHE-RSA-AES128-GCM-SHA256@SECLEVEL=0"], false),
        (&["-tls1_2", "-curves", "secp521r1"], false),
    ] {
        let (said, _) = s_client(server.address(), words, "");
        let new = said.contains("New, TLSv1.") && !said.contains("Cipher is (NONE)");
        assert_eq!(new, spoken, "{words:?}: {said}");
    }
    // The order of the server counts: the cheapest suite that everybody trusts.
    for (words, suite) in [
        (
            ["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"],
            "TLS_AES_128_GCM_SHA256",
        ),
        (
            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"],
            "ECDHE-ECDSA-AES128-GCM-SHA256",
        ),
    ] {
        let (said, _) = s_client(server.address(), &words, "");
        assert!(said.contains(&format!("Cipher is {suite}")), "{said}");
    }
    assert!(outcome(&server, "failed") >= 5.0, "{}", outcome(&server, "failed"));
}

#[test]
fn the_protocol_is_agreed_on_where_the_client_offers_some() {
    let (said, _) = s_client(server().address(), &["-alpn", "h3,http/1.1"], "");
    assert!(said.contains("ALPN protocol: http/1.1"), "{said}");
    let (said, _) = s_client(server().address(), &["-alpn", "imap"], "");
    assert!(said.contains("no application protocol"), "{said}");
}

#[test]
fn who_speaks_http_is_told_to_speak_https() {
    let server = Launch::new(&draft().write()).tls().start();
    for request in [
        "GET /assets/small.txt HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    ] {
        let mut connection = Connection::plain(server.address());
        connection.send(request);
        let reply = connection.receive("GET").expect(400);
        assert!(reply.text().contains("https://"), "{}", reply.text());
        assert!(connection.is_closed());
    }
    assert_eq!(outcome(&server, "plain_http"), 2.0);
    // Anything else is no protocol that we could answer in.
    let mut connection = Connection::plain(server.address());
    connection.send("\0\0\0\0\0\0\0\0");
    connection.patience(Duration::from_secs(20));
    while !connection.take(1).is_empty() {}
    assert!(connection.is_closed());
    wait::until("a failed handshake", || outcome(&server, "failed") == 1.0);
}

#[test]
fn a_handshake_has_a_deadline_however_it_is_drawn_out() {
    let server = Launch::new(&draft().write()).tls().setting("tls.handshake-timeout", "500ms").start();
    let mut hello = Vec::new();
    let mut client = tls::wrap(Connection::connect(server.address()));
    client.conn.write_tls(&mut hello).unwrap();
    for sent in [0, 1, 5, hello.len() - 1, hello.len()] {
        let mut connection = Connection::plain(server.address());
        connection.send(&hello[..sent]);
        let began = Instant::now();
        while !connection.take(1).is_empty() {}
        assert!(connection.is_closed(), "{sent} bytes");
        assert!(began.elapsed() < Duration::from_secs(10), "{sent} bytes: {:?}", began.elapsed());
    }
    drop(client);
    wait::until("slow handshakes", || outcome(&server, "slow") >= 5.0);
    wait::until("the end of all connections", || server.metric("edgeplane_connections") == 0.0);
    server.get("/assets/small.txt").expect(200);
}

#[test]
fn handshakes_take_turns_and_who_waits_too_long_is_let_go() {
    let bundle = draft().write();
    let server = Launch::new(&bundle)
        .tls()
        .args(&["--threads", "1"])
        .setting("tls.handshakes", "1")
        .setting("tls.handshake-timeout", "2s")
        .start();
    let mut hello = Vec::new();
    tls::wrap(Connection::connect(server.address())).conn.write_tls(&mut hello).unwrap();
    // It says hello and nothing more, and holds the only place; who says nothing at all takes none.
    let _silent = Connection::connect(server.address());
    let mut holder = Connection::plain(server.address());
    holder.send(&hello);
    assert!(!holder.take(1).is_empty(), "the server answers the hello");
    // Who comes later waits less than its own time for the end of this one's.
    wait::pause(Duration::from_millis(800));
    let began = Instant::now();
    server.get("/assets/small.txt").expect(200);
    assert!(began.elapsed() > Duration::from_millis(500), "{:?}: nobody waited", began.elapsed());
}

#[test]
fn an_end_does_not_wait_for_those_who_have_not_shaken_hands() {
    let mut server = Launch::new(&draft().write()).tls().start();
    let _silent = Connection::connect(server.address());
    let mut hello = Vec::new();
    tls::wrap(Connection::connect(server.address())).conn.write_tls(&mut hello).unwrap();
    let mut half = Connection::plain(server.address());
    half.send(&hello[..20]);
    wait::until("both connections", || server.metric("edgeplane_connections") >= 2.0);
    let began = Instant::now();
    server.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(server.ended().success());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_request_under_way_is_answered_at_the_end() {
    let mut server = Launch::new(&draft().write()).tls().start();
    let mut connection = server.connect();
    connection.send(Request::get("/slow?ms=700").bytes(server.address()));
    wait::until("the connection", || outcome(&server, "full") + outcome(&server, "resumed") >= 1.0);
    wait::pause(Duration::from_millis(200));
    server.signal(nix::sys::signal::Signal::SIGTERM);
    connection.receive("GET").expect(200);
    assert!(server.ended().success());
}
