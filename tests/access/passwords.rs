//! HTTP Basic: nobody gets anything without a password, and Node never sees one.

use std::{io::Write as _, process::Stdio};

use super::{HASH, WAYS, basic, bundle, launch, refused, with_password};
use crate::support::{
    bundle::Draft,
    client::Request,
    reply::{Reply, names_no_internals},
    scratch,
    server::Launch,
    wait,
};

const CHALLENGE: &str = "Basic realm=\"Restricted\", charset=\"UTF-8\"";

fn protected() -> Launch {
    Launch::new(&bundle()).setting("access.users", format!("alice:{HASH}"))
}

#[test]
fn nothing_is_answered_without_a_password_and_everything_with_one() {
    let server = protected().start();
    for (method, path, status) in WAYS {
        let absolute = format!("http://{}{path}", server.address());
        let targets = if path == "*" { vec![path] } else { vec![path, &absolute] };
        for target in targets {
            let request = Request::new(method, target);
            let reply = server.send(&request).expect(401).with("www-authenticate", CHALLENGE);
            let reply = reply.with("cache-control", "no-store").without("location").without("allow");
            names_no_internals(&reply.text());
            // The first time it goes the long way, and then the short one.
            for _ in 0..2 {
                server.send(&with_password(request.clone())).expect(status);
            }
        }
    }
    assert!(refused(&server, "password") >= 23.0);
    assert!((server.metric("edgeplane_access_passwords_total{result=\"right\"}") - 1.0).abs() < 0.5);
    let line = wait::within(wait::PATIENCE, "the line", || {
        server.access_log().into_iter().find(|line| line.contains("\"GET /secret-old\" 401 "))
    });
    assert!(line.contains("ms - - "), "no target was asked: {line}");
    server.admin("/healthz").expect(200);
}

#[test]
fn plain_requests_stay_plain_with_a_password() {
    let server = protected().start();
    let plain = || server.metric("edgeplane_lane_requests_total{lane=\"plain\"}");
    let request = with_password(Request::get("/assets/app.js"));
    let mut connection = server.connect();
    // The first one finds no head written yet, nor does the first one after the files were compressed at their best.
    wait::until("plain answers", || {
        request.send_on(&mut connection, server.address()).expect(200);
        plain() >= 3.0
    });
}

#[test]
fn node_never_sees_a_password() {
    let server = protected().start();
    let socket = |more: &str| {
        server.raw(format!(
            "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        ))
    };
    assert_eq!(socket("").status, 401);
    assert_eq!(socket(&format!("Authorization: {}\r\n", basic("alice", "swordfish"))).status, 101);
    for request in [
        Request::get("/echo"),
        Request::get(&format!("http://{}/echo", server.address())),
        Request::post("/echo", "body"),
        Request::post("/echo", "body").chunked(),
        Request::post("/echo", "body").field("Expect", "100-continue"),
    ] {
        let seen = server.send(&with_password(request.clone()).field("X-Mine", "1")).expect(200).json();
        assert_eq!(seen["headers"]["x-mine"], "1", "{request:?}");
        assert_eq!(seen["headers"]["authorization"], serde_json::Value::Null, "{request:?}");
        if !seen["body"].as_str().unwrap().is_empty() {
            assert_eq!(seen["body"], "body", "{request:?}");
        }
    }
    let open = Launch::new(&bundle()).setting("access.deny", "192.0.2.1").start();
    let seen = open.send(&with_password(Request::get("/echo"))).expect(200).json();
    assert_eq!(seen["headers"]["authorization"], basic("alice", "swordfish"), "it is not ours where none is asked for");
}

/// What tells two answers apart, but for what differs between any two.
fn told(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let fields = reply.fields.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    (reply.status, fields.cloned().collect(), reply.text())
}

#[test]
fn a_wrong_name_a_wrong_password_and_none_are_answered_alike() {
    let server = protected().start();
    let ask = |value: &str| told(&server.send(&Request::get("/").field("Authorization", value)).expect(401));
    let nothing = told(&server.get("/").expect(401));
    for value in
        [&basic("alice", "wrong"), &basic("carol", "swordfish"), &basic("", ""), "Bearer token", "Basic !", "Basic"]
    {
        assert_eq!(ask(value), nothing, "{value}");
    }
    let twice = Request::get("/").field("Authorization", &basic("alice", "swordfish"));
    let twice = twice.field("Authorization", &basic("alice", "swordfish"));
    assert_eq!(told(&server.send(&twice)), nothing, "two of them are none");
}

#[test]
fn who_guesses_has_to_wait_and_others_do_not() {
    let server = protected().setting("access.failures", "3/h").setting("trusted-proxies", "127.0.0.1").start();
    let ask = |client: &str, password: &str| {
        let request = Request::get("/assets/app.js").field("X-Forwarded-For", client);
        server.send(&request.field("Authorization", &basic("alice", password)))
    };
    for guess in ["a", "b", "c"] {
        ask("2001:db8:0:1::1", guess).expect(401);
    }
    for (client, password) in [("2001:db8:0:1::1", "d"), ("2001:db8:0:1::2", "swordfish")] {
        let reply = ask(client, password).expect(429);
        let seconds: u64 = reply.field("retry-after").unwrap().parse().unwrap();
        assert!((1100..=1200).contains(&seconds), "{seconds}");
    }
    ask("2001:db8:0:2::1", "swordfish").expect(200);
    ask("203.0.113.7", "swordfish").expect(200);
    assert!(refused(&server, "failures") >= 2.0);
}

#[test]
fn a_check_has_an_end_for_those_who_wait_and_for_those_who_leave() {
    // So dear that a check takes seconds.
    let users = format!("alice:{}", HASH.replace("$10$", "$15$"));
    let request = Request::get("/").field("Authorization", &basic("alice", "a"));
    let server = Launch::new(&bundle()).setting("access.users", &users).setting("access.wait", "50ms").start();
    assert!(server.send(&request).expect(503).field("retry-after").is_some());
    assert!((refused(&server, "busy") - 1.0).abs() < 0.5);
    let server = Launch::new(&bundle()).setting("access.users", &users).start();
    let mut connection = server.connect();
    connection.send(request.bytes(server.address()));
    drop(connection);
    wait::until("the line", || server.access_log().iter().any(|line| line.contains("\"GET /\" 499 ")));
    let checked = server.metric("edgeplane_access_passwords_total{result=\"wrong\"}");
    assert!(checked < 0.5, "nobody has waited for the check");
}

#[test]
fn who_is_turned_away_gets_no_field_of_the_bundle() {
    let headers = "customHeaders:\n  - pattern: '**'\n    headers: [{key: X-Inside, value: secret}, \
                   {key: Retry-After, value: '7'}, {key: WWW-Authenticate, value: Negotiate}]\n";
    let routes = serde_json::json!([{"path": "/*", "target": {"kind": "Static"}}]);
    let bundle = Draft::with_routes(routes).file("a.txt", "a").beside("customHttp.yml", headers).write();
    let file = scratch::folder("settings").join("edgeplane.toml");
    let settings = format!(
        "[access]\nusers = [\"alice:{HASH}\"]\n[[access-hosts]]\nhost = \"deny.test\"\ndeny = [\"127.0.0.1\"]\n\
         [[access-hosts]]\nhost = \"few.test\"\nusers = []\nrate = \"1/h\"\nburst = 1\n"
    );
    std::fs::write(&file, settings).unwrap();
    let server = Launch::new(&bundle).arg("--config").arg(file).start();
    let ask = |host: &str| server.send(&Request::get("/a.txt").field("Host", host));
    ask("h").expect(401).without("x-inside").without("retry-after").with("www-authenticate", CHALLENGE);
    ask("deny.test").expect(403).without("x-inside").without("retry-after").without("www-authenticate");
    ask("few.test").expect(200).with("x-inside", "secret");
    let reply = ask("few.test").expect(429).without("x-inside").without("www-authenticate");
    assert!(reply.field("retry-after").is_some_and(|seconds| seconds.len() == 4), "{}", reply.summary());
}

#[test]
fn a_body_of_somebody_who_may_not_come_in_is_no_request() {
    let server = protected().start();
    let mut connection = server.connect();
    let smuggled = Request::post("/echo", "GET /assets/app.js HTTP/1.1\r\nHost: h\r\n\r\n");
    smuggled.send_on(&mut connection, server.address()).expect(401);
    Request::get("/assets/none.js").send_on(&mut connection, server.address()).expect(401);
    let large = Request::post("/echo", vec![b'x'; 1 << 20]);
    server.send(&large).expect(401);
    server.send(&Request::post("/echo", "x").field("Expect", "100-continue")).expect(401).with("connection", "close");
}

#[test]
fn pages_behind_a_password_are_kept_for_all_who_have_one() {
    let draft =
        Draft::with_routes(serde_json::json!([{"path": "/*", "target": {"kind": "Compute", "src": "default"}}]));
    let bundle = draft.compute(include_str!("../edge_cache/pages.js")).write();
    let users = format!("alice:{HASH},bob:{HASH}");
    let server = Launch::new(&bundle)
        .setting("edge-cache.enabled", "true")
        .setting("access.users", users)
        .arg("--threads")
        .arg("1")
        .start();
    let page = "/page?h=cache-control:s-maxage=60";
    server.get(page).expect(401);
    let ask = |name: &str| {
        let request = Request::get(page).field("Host", "nobody").field("Authorization", &basic(name, "swordfish"));
        let reply = server.send(&request).expect(200);
        (reply.field("x-edgeplane-cache").unwrap().to_owned(), reply.text())
    };
    assert_eq!(ask("alice"), ("MISS".to_owned(), "1 for nobody".to_owned()));
    for name in ["alice", "bob", "alice", "bob"] {
        assert_eq!(ask(name), ("HIT".to_owned(), "1 for nobody".to_owned()));
    }
    let plain = server.metric("edgeplane_lane_requests_total{lane=\"plain\"}");
    assert!(plain >= 1.0, "it is at hand, for those who have a password");
    server.send(&Request::get(page).field("Host", "nobody")).expect(401).hiding("nobody");
}

#[test]
fn a_password_hashed_here_is_a_password_there() {
    let hash = |password: &str, name: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_edgeplane"));
        command.arg("hash-password").args(name).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let long = "x".repeat(72);
    for (password, name) in [("", None), ("\n", None), (&*long, None), ("a\tb", None), ("good", Some("a:b"))] {
        let (code, line, told) = hash(password, name);
        assert_eq!((code, line.as_str()), (Some(64), ""), "{password:?} {told}");
        assert!(password.len() < 3 || !told.contains(password), "{told}");
    }
    let (code, line, _) = hash("p\u{e4}ssword with spaces\n", Some("carol"));
    assert_eq!(code, Some(0));
    let server = Launch::new(&bundle()).setting("access.users", line.trim()).start();
    let ask = |password: &str| server.send(&Request::get("/").field("Authorization", &basic("carol", password)));
    ask("p\u{e4}ssword with spaces").expect(200);
    ask("p\u{e4}ssword").expect(401);
}

#[test]
fn no_hash_and_no_password_is_ever_shown() {
    let server = protected().arg("-vvv").start();
    for password in ["swordfish", "guessing"] {
        server.send(&Request::get("/echo").field("Authorization", &basic("alice", password)));
    }
    wait::until("the log", || server.access_log().iter().any(|line| line.contains(" 401 ")));
    let all = format!("{} {}", server.log(), server.access_log().join("\n"));
    let settings =
        format!("[access]\nusers = [\"alice:{HASH}\", \"alice:{HASH}\", \"bob:swordfish\"]\nrate = \"{HASH}x\"\n");
    let wrong = launch(&settings.replace(&format!("rate = \"{HASH}x\""), "rate = 1")).fail().expect(64).stderr;
    for told in [all, wrong] {
        for secret in
            [HASH, "swordfish", "guessing", &basic("alice", "swordfish")[6..], &basic("alice", "guessing")[6..]]
        {
            assert!(!told.contains(secret), "{secret} in {told}");
        }
    }
}
