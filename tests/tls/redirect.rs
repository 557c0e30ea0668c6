//! Requests that are sent to another scheme or host, and the promise that no other one is needed.

use super::draft;
use crate::support::{
    client::Request,
    server::{Launch, Server},
    tls::{self, LOCALHOST},
};

const SETTINGS: &str = "\
listen = [\"http://127.0.0.1:0\", \"https://127.0.0.1:0\"]
[tls]
hsts-max-age = \"1d\"
[redirect]
https = true
hosts = [\"www.a.test\"]
";

/// Over http and over https.
fn start() -> Server {
    let server = Launch::new(&draft().write()).by_file(&tls::settings(&[&LOCALHOST], SETTINGS)).start();
    assert_ne!(server.address_of("http"), server.address_of("https"));
    server
}

fn location(server: &Server, scheme: &str, host: &str, target: &str) -> Option<String> {
    let reply = Request::get(target).field("Host", host).send(server.address_of(scheme));
    assert_eq!(reply.status == 308, reply.field("location").is_some(), "{}", reply.summary());
    assert_eq!(reply.field("strict-transport-security").is_some(), scheme == "https", "{}", reply.summary());
    reply.field("location").map(str::to_owned)
}

#[test]
fn a_request_is_sent_to_the_scheme_and_host_that_are_to_stay() {
    let server = start();
    for (scheme, host, target, expected) in [
        ("http", "b.test", "/assets/small.txt?a=1&b", Some("https://b.test/assets/small.txt?a=1&b")),
        ("http", "b.test:81", "/echo", Some("https://b.test/echo")),
        ("http", "a.test", "//evil.test", Some("https://www.a.test//evil.test")),
        ("http", "b.test", "http://c.test/x", Some("https://c.test/x")),
        ("https", "a.test", "/assets/small.txt", Some("https://www.a.test/assets/small.txt")),
        ("https", "www.a.test", "/assets/small.txt", None),
        ("https", "b.test", "/echo", None),
        ("http", "b.test", "/.well-known/acme-challenge/token", None),
    ] {
        assert_eq!(location(&server, scheme, host, target).as_deref(), expected, "{scheme} {host} {target}");
    }
    let form = Request::post("/echo", "kept").field("Host", "b.test").send(server.address_of("http"));
    assert_eq!((form.status, form.field("location")), (308, Some("https://b.test/echo")));
}

#[test]
fn what_a_trusted_proxy_says_of_the_scheme_counts() {
    let more = "[redirect]\nhttps = true\n[tls]\nhsts-max-age = \"1d\"\n";
    let text = format!("listen = [\"http://127.0.0.1:0\"]\ntrusted-proxies = [\"127.0.0.1\"]\n{more}");
    let server = Launch::new(&draft().write()).by_file(&tls::settings(&[], &text)).start();
    for target in ["/assets/small.txt", "/echo"] {
        let over = |scheme: &str| server.send(&Request::get(target).field("X-Forwarded-Proto", scheme));
        let secure = over("https").expect(200);
        assert_eq!(secure.field("strict-transport-security"), Some("max-age=86400"));
        let plain = over("http").expect(308);
        assert_eq!(plain.field("strict-transport-security"), None);
        server.get(target).expect(308);
    }
}

#[test]
fn explain_tells_what_serve_does() {
    let (server, bundle) = (start(), draft().write());
    let settings = tls::settings(&[&LOCALHOST], SETTINGS);
    for (scheme, host, target) in [
        ("http", "b.test", "/echo?x"),
        ("https", "a.test", "/"),
        ("https", "b.test", "/"),
        ("http", "www.a.test", "/p"),
    ] {
        let told =
            Launch::bare("explain").args(&["GET", &format!("{scheme}://{host}{target}")]).arg("--bundle").arg(&bundle);
        let told = told.arg("--config").arg(&settings).finish().expect(0).stdout;
        let said = told.lines().find_map(|line| line.strip_prefix("redirect    308 ")?.split(' ').next());
        assert_eq!(said.map(str::to_owned), location(&server, scheme, host, target), "{told}");
    }
}
