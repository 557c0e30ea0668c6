//! Certificates: which one a client sees, how new ones come into use, and what is said of those that cannot be used.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
};

use nix::sys::signal::Signal;
use rustls::{
    ClientConfig,
    pki_types::CertificateDer,
    version::{TLS12, TLS13},
};

use super::draft;
use crate::support::{
    client::Connection,
    scratch,
    server::{Launch, Server},
    tls::{self, Pair},
    wait,
};

fn pair(names: &[&str]) -> Pair {
    tls::make(&scratch::folder("certificate"), names)
}

/// The certificate that a server shows to a client who names this host; none when it turns the client away.
fn shown(address: SocketAddr, client: &Arc<ClientConfig>, host: &str) -> Option<CertificateDer<'static>> {
    let mut stream = tls::wrap_as(Connection::connect(address), client, host);
    stream.write_all(b"GET /assets/small.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut said = String::new();
    stream.read_to_string(&mut said).ok()?;
    assert!(said.ends_with("small"), "{said}");
    stream.conn.peer_certificates().map(|chain| chain[0].clone())
}

#[test]
fn a_client_sees_the_certificate_of_the_host_it_names() {
    let (first, wild, other) = (pair(&["first.test"]), pair(&["*.wild.test"]), pair(&["other.test", "another.test"]));
    for strict in [false, true] {
        let more = format!("[tls]\nstrict-sni = {strict}\n");
        let server = Launch::new(&draft().write()).certificates(&[&first, &wild, &other], &more).start();
        let client = tls::client(&[&first, &wild, &other], &[&TLS13, &TLS12]);
        for (host, expected) in
            [("first.test", &first), ("a.wild.test", &wild), ("b.wild.test", &wild), ("another.test", &other)]
        {
            assert_eq!(shown(server.address(), &client, host), Some(tls::der(expected)), "{host}");
        }
        // A client that checks names leaves by itself; one that does not, as `openssl`, sees the first one or none.
        let (said, _) = super::s_client(server.address(), &["-servername", "nobody.test", "-showcerts"], "");
        let is_shown = said.contains(fs::read_to_string(&first.cert).unwrap().trim());
        assert_eq!(is_shown, !strict, "{said}");
        let (said, _) = super::s_client(server.address(), &["-noservername", "-showcerts"], "");
        assert_eq!(said.contains("BEGIN CERTIFICATE"), !strict, "{said}");
    }
}

fn reloads(server: &Server, result: &str) -> f64 {
    server.metric(&format!("edgeplane_tls_reloads_total{{result=\"{result}\"}}"))
}

#[test]
fn new_certificates_are_in_use_without_a_lost_connection_and_broken_ones_are_not() {
    let folder = scratch::folder("certificate");
    let old = tls::make(&folder, &["old.test"]);
    let (old_der, client_of_old) = (tls::der(&old), tls::client(&[&old], &[&TLS13]));
    let server = Launch::new(&draft().write()).certificates(&[&old], "[tls]\nwatch-interval = \"1h\"\n").start();
    let mut kept = tls::wrap_as(Connection::connect(server.address()), &client_of_old, "old.test");
    let mut ask = || {
        kept.write_all(b"GET /assets/small.txt HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut said = Vec::new();
        while !said.ends_with(b"small") {
            let mut piece = [0; 1000];
            let n = kept.read(&mut piece).unwrap();
            assert!(n > 0, "the connection was lost");
            said.extend_from_slice(&piece[..n]);
        }
    };
    ask();

    let new = tls::make(&folder, &["new.test"]);
    let client_of_new = tls::client(&[&new], &[&TLS13]);
    assert_eq!(shown(server.address(), &tls::client(&[&pair(&["old.test"]), &new], &[&TLS13]), "old.test"), None);
    server.signal(Signal::SIGHUP);
    wait::until("the new certificate", || reloads(&server, "taken") == 1.0);
    assert_eq!(shown(server.address(), &client_of_new, "new.test"), Some(tls::der(&new)));
    ask();

    let new_der = tls::der(&new);
    fs::write(&new.cert, "-----BEGIN CERTIFICATE-----\nbroken\n").unwrap();
    server.signal(Signal::SIGHUP);
    wait::until("a word about the broken one", || reloads(&server, "refused") == 1.0);
    assert!(server.log().contains("cert.pem") && server.log().contains("the old ones stay"), "{}", server.log());
    assert_eq!(shown(server.address(), &client_of_new, "new.test"), Some(new_der));
    ask();

    fs::remove_file(&new.key).unwrap();
    server.signal(Signal::SIGHUP);
    wait::until("a word about the missing one", || reloads(&server, "refused") == 2.0);
    assert_ne!(old_der, tls::der(&tls::make(&folder, &["old.test"])));
}

#[test]
fn files_that_change_are_found_by_themselves() {
    let folder = scratch::folder("certificate");
    let old = tls::make(&folder, &["old.test"]);
    let server = Launch::new(&draft().write()).certificates(&[&old], "[tls]\nwatch-interval = \"50ms\"\n").start();
    let new = tls::make(&folder, &["new.test"]);
    let client = tls::client(&[&new], &[&TLS13]);
    wait::until("the new certificate", || shown(server.address(), &client, "new.test") == Some(tls::der(&new)));
    let text = server.admin("/metrics").expect(200).text();
    let ends = text.lines().find_map(|line| {
        line.strip_prefix("edgeplane_tls_certificate_not_after_seconds{certificate=\"1\",name=\"new.test\"} ")
    });
    // What `rcgen` makes ends in the year 4096.
    assert_eq!(ends, Some("67090118400"), "{text}");
}

#[test]
fn what_cannot_be_used_is_named_before_anything_is_served() {
    let (good, other) = (pair(&["good.test"]), pair(&["other.test"]));
    let missing = Pair { cert: "/nowhere/cert.pem".into(), key: good.key.clone() };
    let mixed = Pair { cert: good.cert.clone(), key: other.key.clone() };
    let swapped = Pair { cert: good.key.clone(), key: good.cert.clone() };
    for (pair, said) in [
        (&missing, "failed to read `/nowhere/cert.pem`"),
        (&mixed, "is not that of the first certificate in"),
        (&swapped, "holds no certificate in PEM form, which begins with `-----BEGIN CERTIFICATE-----`"),
    ] {
        let told = Launch::new(&draft().write()).certificates(&[&good, pair], "").fail().expect(69).stderr;
        assert!(told.contains("cannot speak TLS") && told.contains(said), "{told}");
    }
    let told = Launch::new(&draft().write()).listen("https://127.0.0.1:0").fail().expect(64).stderr;
    assert!(told.contains("there is no certificate to speak TLS with"), "{told}");
}

#[test]
fn a_key_that_others_may_read_is_remarked_upon_and_never_shown() {
    let open = pair(&["open.test"]);
    fs::set_permissions(&open.key, fs::Permissions::from_mode(0o644)).unwrap();
    let server = Launch::new(&draft().write()).certificates(&[&open], "").arg("-vvv").start();
    let client = tls::client(&[&open], &[&TLS13]);
    assert!(shown(server.address(), &client, "open.test").is_some());
    let log = server.log();
    assert!(log.contains("others may read or write this private key") && log.contains("key.pem"), "{log}");
    for line in fs::read_to_string(&open.key).unwrap().lines().filter(|line| !line.starts_with('-')) {
        assert!(!log.contains(line), "the key is in the log");
    }
}
