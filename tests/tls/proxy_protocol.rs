//! Balancers that say who their client is: believed where they are known, before TLS as before HTTP.

use std::{io::Write as _, net::SocketAddr, time::Duration};

use super::draft;
use crate::support::{
    client::{Connection, Request},
    scratch,
    server::{Launch, Server},
    tls::{self, LOCALHOST},
    wait,
};

const KNOWN: &str = "[proxy-protocol]\nsources = [\"127.0.0.0/8\"]\ntimeout = \"500ms\"\n";

fn start(listen: &str, more: &str) -> Server {
    let text = format!("listen = [\"{listen}\"]\n{more}");
    Launch::new(&draft().write()).by_file(&tls::settings(&[&LOCALHOST], &text)).start()
}

const V1: &[u8] = b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 443\r\n";

fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, rest].concat()
}

fn v2_client() -> Vec<u8> {
    v2(0x21, 0x11, &[203, 0, 113, 7, 198, 51, 100, 1, 0x12, 0x67, 1, 187, 4, 0, 3, 1, 2, 3])
}

/// What Compute hears of the client, when a connection begins so.
fn heard(address: SocketAddr, introduction: &[u8], over_tls: bool) -> serde_json::Value {
    let mut stream = Connection::connect(address);
    let request = Request::get("/echo");
    let mut connection = if over_tls {
        stream.write_all(introduction).unwrap();
        Connection::over(tls::wrap(stream))
    } else {
        drop(stream);
        let mut connection = Connection::plain(address);
        connection.send([introduction, &request.bytes(address)].concat());
        return connection.receive("GET").expect(200).json()["headers"].clone();
    };
    request.send_on(&mut connection, address).expect(200).json()["headers"].clone()
}

#[test]
fn the_client_that_a_known_balancer_names_is_the_client() {
    for (listen, over_tls) in
        [("http://127.0.0.1:0?proxy-protocol", false), ("https://127.0.0.1:0?proxy-protocol", true)]
    {
        let server = start(listen, KNOWN);
        for (introduction, client) in [
            (V1.to_vec(), "203.0.113.7"),
            (v2_client(), "203.0.113.7"),
            (b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n".to_vec(), "2001:db8::7"),
            (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
            (v2(0x20, 0, b""), "127.0.0.1"),
        ] {
            let seen = heard(server.address(), &introduction, over_tls);
            assert_eq!(seen["x-forwarded-for"], client, "{}", introduction.escape_ascii());
            assert_eq!(seen["x-real-ip"], client);
            assert_eq!(seen["x-forwarded-proto"], if over_tls { "https" } else { "http" });
        }
        wait::until("the client in the log", || {
            server.access_log().iter().any(|line| line.contains(" 203.0.113.7 \"GET /echo\""))
        });
    }
}

#[test]
fn an_introduction_may_come_in_pieces() {
    let server = start("http://127.0.0.1:0?proxy-protocol", KNOWN);
    for introduction in [V1.to_vec(), v2_client()] {
        let mut connection = Connection::plain(server.address());
        for byte in introduction {
            connection.send([byte]);
        }
        let reply = Request::get("/echo").send_on(&mut connection, server.address()).expect(200);
        assert_eq!(reply.json()["headers"]["x-real-ip"], "203.0.113.7");
    }
}

#[test]
fn nobody_else_may_say_it_and_nobody_may_be_silent() {
    let refused = |server: &Server| server.metric("edgeplane_proxy_protocol_refused_total");
    let server = start("http://127.0.0.1:0?proxy-protocol", KNOWN);
    for (count, introduction) in [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"PROXY TCP4 x\r\n".to_vec(),
        v2(0x21, 0x12, &[0; 12]),
        b"PRO".to_vec(),
        Vec::new(),
    ]
    .into_iter()
    .enumerate()
    {
        let mut connection = Connection::plain(server.address());
        connection.send(&introduction);
        connection.patience(Duration::from_secs(10));
        assert!(connection.is_closed(), "{}", introduction.escape_ascii());
        wait::until("the refusal", || refused(&server) == (count + 1) as f64);
    }
    let strangers = start("http://127.0.0.1:0?proxy-protocol", &KNOWN.replace("127.0.0.0/8", "10.0.0.0/8"));
    let mut connection = Connection::plain(strangers.address());
    connection.send([V1, &Request::get("/echo").bytes(strangers.address())].concat());
    assert!(connection.is_closed());
    wait::until("the refusal", || refused(&strangers) == 1.0);
}

/// On an address that does not ask for it, it is a request as broken as any other.
#[test]
fn where_nobody_asked_for_it_it_is_no_request() {
    let server = start("http://127.0.0.1:0", KNOWN);
    server.raw([V1, b"\r\n"].concat()).expect(400);
}

#[test]
fn a_balancer_on_this_machine_needs_no_address() {
    let path = scratch::folder("socket").join("e.sock");
    let listen = format!("unix:{}?proxy-protocol", path.display());
    let text = format!("listen = [\"http://127.0.0.1:0\", \"{listen}\"]\n");
    let server = Launch::new(&draft().write()).by_file(&tls::settings(&[], &text)).start();
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    stream.write_all(V1).unwrap();
    stream.write_all(b"GET /assets/small.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut stream, &mut said).unwrap();
    assert!(said.ends_with("small"), "{said}");
    wait::until("the client in the log", || server.access_log().iter().any(|line| line.contains(" 203.0.113.7 ")));
}
