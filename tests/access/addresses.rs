//! Lists of networks, and how often an address may ask.

use std::net::IpAddr;

use super::{HASH, WAYS, launch, refused};
use crate::support::{
    client::{Connection, Request},
    reply::Reply,
    server::Server,
};

/// Asks from an address of this machine.
fn ask_from(server: &Server, client: &str, request: &Request) -> Reply {
    let client: IpAddr = client.parse().unwrap();
    let mut connection = Connection::open_from(client, server.address());
    request.send_on(&mut connection, server.address())
}

#[test]
fn only_those_who_are_listed_may_ask() {
    let server = launch("[access]\nallow = [\"127.0.0.0/24\"]\ndeny = [\"127.0.0.66\"]\n").start();
    for (method, path, status) in WAYS {
        let request = Request::new(method, path);
        ask_from(&server, "127.0.0.1", &request).expect(status);
        for client in ["127.0.1.1", "127.0.0.66"] {
            let reply = ask_from(&server, client, &request).expect(403).without("location");
            assert!(method == "HEAD" || reply.text().contains("403 Forbidden"), "{}", reply.summary());
        }
    }
    let forged = Request::get("/").field("X-Forwarded-For", "127.0.0.1").field("Forwarded", "for=127.0.0.1");
    ask_from(&server, "127.0.1.1", &forged).expect(403);
    assert!(refused(&server, "address") >= 25.0);
}

#[test]
fn addresses_of_ipv6_are_known_too() {
    let server = launch("[access]\ndeny = [\"::1\"]\n").listen("[::1]:0").start();
    server.get("/").expect(403);
    let server = launch("[access]\nallow = [\"::1\"]\n").listen("[::1]:0").start();
    server.get("/").expect(200);
}

#[test]
fn behind_a_proxy_the_client_counts_and_not_the_proxy() {
    let settings = "trusted-proxies = [\"127.0.0.2\"]\n[access]\ndeny = [\"127.0.0.2\", \"2001:db8::/32\"]\n";
    let server = launch(settings).start();
    let ask =
        |peer: &str, hops: &str| ask_from(&server, peer, &Request::get("/").field("X-Forwarded-For", hops)).status;
    assert_eq!(ask("127.0.0.2", "203.0.113.1"), 200);
    assert_eq!(ask("127.0.0.2", "2001:db8::1"), 403);
    assert_eq!(ask("127.0.0.2", "203.0.113.1, 2001:db8::1"), 403, "what the client says itself does not count");
    assert_eq!(ask("127.0.0.2", "nonsense"), 403);
    assert_eq!(ask("127.0.0.1", "2001:db8::1"), 200, "not a proxy that is trusted");
}

#[test]
fn a_client_that_cannot_be_read_is_not_taken_for_the_proxy() {
    let settings = "trusted-proxies = [\"127.0.0.1\"]\n[access]\nallow = [\"127.0.0.1\", \"203.0.113.0/24\"]\n";
    let server = launch(settings).start();
    for (hops, status) in [
        (b"\x80, 198.51.100.1".as_slice(), 403),
        (b"\x80, 203.0.113.9", 200),
        (b"198.51.100.1:4711", 403),
        (b"203.0.113.9:4711", 200),
        (b"203.0.113.9, \x80", 403),
        (b"unknown", 403),
    ] {
        for path in ["/assets/app.js", "/"] {
            let mut connection = server.connect();
            let head = format!("GET {path} HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: ");
            connection.send([head.as_bytes(), hops, b"\r\n\r\n"].concat());
            let found = connection.receive("GET").status;
            assert_eq!(found, status, "{path} for {}", String::from_utf8_lossy(hops));
        }
    }
    server.get("/").expect(200);
}

#[test]
fn each_request_counts_once_on_every_way() {
    let settings = "trusted-proxies = [\"127.0.0.0/8\"]\n[access]\nrate = \"1/h\"\nburst = 4\n";
    let server = launch(settings).start();
    for (index, (method, path, status)) in WAYS.into_iter().enumerate() {
        let client = format!("203.0.113.{index}");
        let request = Request::new(method, path).field("X-Forwarded-For", &client);
        let mut connection = server.connect();
        for _ in 0..4 {
            request.send_on(&mut connection, server.address()).expect(status);
        }
        let reply = request.send_on(&mut connection, server.address()).expect(429).without("location");
        let seconds: u64 = reply.field("retry-after").unwrap().parse().unwrap();
        assert!((3500..=3600).contains(&seconds), "{method} {path}: {seconds}");
    }
    assert!((refused(&server, "rate") - 12.0).abs() < 0.5);
    server.admin("/healthz").expect(200);
}

#[test]
fn a_rate_is_of_an_address_and_an_address_of_ipv6_is_a_network() {
    let settings = "trusted-proxies = [\"127.0.0.1\"]\n[access]\nrate = \"1/h\"\nburst = 2\n";
    let server = launch(settings).start();
    let ask = |client: &str| server.send(&Request::get("/assets/app.js").field("X-Forwarded-For", client)).status;
    let told: Vec<u16> =
        ["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff::3", "2001:db8:0:2::1"].map(ask).into();
    assert_eq!(told, [200, 200, 429, 200]);
    let told: Vec<u16> = ["203.0.113.1", "::ffff:203.0.113.1", "203.0.113.1", "203.0.113.2"].map(ask).into();
    assert_eq!(told, [200, 200, 429, 200]);
    let direct = ["127.0.0.3", "127.0.0.3", "127.0.0.3", "127.0.0.4"];
    let told = direct.map(|client| ask_from(&server, client, &Request::get("/assets/app.js")).status);
    assert_eq!(told, [200, 200, 429, 200]);
}

#[test]
fn pipelined_requests_and_threads_share_one_rate() {
    let server = launch("[access]\nrate = \"1/h\"\nburst = 20\n").arg("--threads").arg("4").start();
    let bytes = Request::get("/assets/app.js").bytes(server.address());
    let mut told = Vec::new();
    for _ in 0..8 {
        // A connection is dealt to any of the threads.
        let mut connection = server.connect();
        connection.send(bytes.repeat(5));
        told.extend((0..5).map(|_| connection.receive("GET").status));
    }
    assert_eq!(told.iter().filter(|status| **status == 200).count(), 20, "{told:?}");
    assert!(told[20..].iter().all(|status| *status == 429), "{told:?}");
}

#[test]
fn hosts_differ_as_they_are_told_to() {
    let settings = format!(
        "[access]\nusers = [\"alice:{HASH}\"]\n\
         [[access-hosts]]\nhost = \"www.example.org\"\nusers = []\n\
         [[access-hosts]]\nhost = \"*.example.org\"\nrealm = \"Staging\"\n\
         [[access-hosts]]\nhost = \"office.example.org\"\nwithout-password = [\"127.0.0.5\"]\n\
         [[access-hosts]]\nhost = \"few.example.org\"\nusers = []\nrate = \"1/h\"\nburst = 1\n"
    );
    let server = launch(&settings).start();
    let ask = |host: &str| Request::get("/assets/app.js").field("Host", host);
    server.send(&ask("WWW.example.org:8080")).expect(200);
    let staging = "Basic realm=\"Staging\", charset=\"UTF-8\"";
    server.send(&ask("a.b.example.org")).expect(401).with("www-authenticate", staging);
    server.send(&ask("whatever.test")).expect(401);
    server.raw("GET / HTTP/1.0\r\n\r\n").expect(401);
    server.send(&ask("office.example.org")).expect(401);
    ask_from(&server, "127.0.0.5", &ask("office.example.org")).expect(200);
    server.send(&ask("few.example.org")).expect(200);
    server.send(&ask("few.example.org")).expect(429);
    server.send(&ask("www.example.org")).expect(200);
}
