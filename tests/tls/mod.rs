//! TLS, seen by clients of many kinds: every way of answering over it, and how connections begin and end.

mod certificates;
mod handshake;
mod many;
mod proxy_protocol;
mod redirect;

use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
};

use crate::support::{
    bundle::Draft,
    client::{Connection, Request},
    reply::Reply,
    server::{Launch, Server},
    tls::{self, LOCALHOST},
    wait,
    websocket::WebSocket,
};

/// No two places in it look alike, and it is no whole number of anything.
fn large() -> &'static [u8] {
    static LARGE: OnceLock<Vec<u8>> = OnceLock::new();
    LARGE.get_or_init(|| {
        let mut bytes = vec![0; 9 * 1024 * 1024 + 11];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    })
}

fn draft() -> Draft {
    Draft::usual().file("assets/small.txt", "small").file("assets/large.bin", large())
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let more = "[tls]\nhsts-max-age = \"1d\"\nhsts-subdomains = true\n";
        Launch::new(&draft().write()).certificates(&[&LOCALHOST], more).args(&["--threads", "2"]).start()
    })
}

/// What a program prints and how it ended, with the certificate of the server in its trust.
fn run(program: &str, arguments: &[&str], input: &str) -> (String, bool) {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let _gone = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&said).into_owned(), output.status.success())
}

/// `openssl s_client`, which sends the input and prints what comes.
fn s_client(address: SocketAddr, arguments: &[&str], input: &str) -> (String, bool) {
    let address = address.to_string();
    let mut all = vec!["s_client", "-connect", &address, "-CAfile", LOCALHOST.cert.to_str().unwrap()];
    all.extend(arguments);
    run("openssl", &all, input)
}

#[test]
fn every_way_of_answering_speaks_tls() {
    let server = server();
    let mut connection = server.connect();
    for (request, status) in [
        (Request::get("/assets/small.txt"), 200),
        (Request::get("/assets/large.bin"), 200),
        (Request::get("/assets/large.bin").field("Range", "bytes=5-70000,100000-9000000"), 206),
        (Request::new("HEAD", "/assets/large.bin"), 200),
        (Request::get("/big?n=300000"), 200),
        (Request::get("/stream?n=3&ms=1"), 200),
        (Request::post("/echo", vec![b'x'; 50_000]), 200),
        (Request::post("/echo", vec![b'y'; 500_000]).chunked(), 200),
        (Request::get("/none.txt"), 404),
    ] {
        let reply = request.send_on(&mut connection, server.address()).expect(status);
        // A promise that anybody could have written is worth nothing, and every answer over https makes it.
        assert_eq!(reply.field("strict-transport-security"), Some("max-age=86400; includeSubDomains"), "{request:?}");
    }
    assert!(server.get("/assets/large.bin").expect(200).body == large(), "other bytes");
}

#[test]
fn compute_is_told_that_the_client_speaks_https() {
    let server = server();
    for target in ["/echo".to_owned(), format!("https://{}/echo", server.address())] {
        let seen = server.get(&target).expect(200).json();
        assert_eq!(seen["headers"]["x-forwarded-proto"], "https", "{target}");
        assert_eq!(seen["headers"]["x-forwarded-port"], server.address().port().to_string(), "{target}");
        let forged = Request::get(&target).field("X-Forwarded-Proto", "http").field("Host", "shop.example");
        let seen = server.send(&forged).expect(200).json();
        assert_eq!(seen["headers"]["x-forwarded-proto"], "https", "{target}");
        assert!(seen["headers"]["forwarded"].as_str().unwrap().ends_with("proto=https"), "{seen}");
    }
}

#[test]
fn an_answer_of_ours_to_a_broken_head_makes_the_promise_too() {
    let reply = server().raw("GET / HTTP/1.1\r\n\r\n").expect(400);
    assert!(reply.field("strict-transport-security").is_some(), "{}", reply.summary());
}

#[test]
fn the_application_s_own_promise_counts() {
    let headers =
        "customHeaders:\n  - pattern: '**'\n    headers: [{key: Strict-Transport-Security, value: max-age=5}]\n";
    let bundle = draft().beside("customHttp.yml", headers).write();
    let server = Launch::new(&bundle).tls().setting("tls.hsts-max-age", "1d").start();
    for target in ["/assets/small.txt", "/echo", "/none.txt"] {
        let reply = server.get(target);
        assert_eq!(reply.field("strict-transport-security"), Some("max-age=5"), "{target}");
        let absolute = server.get(&format!("http://{}{target}", server.address()));
        assert_eq!(absolute.field("strict-transport-security"), Some("max-age=5"), "{target}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = server();
    let targets = ["/assets/small.txt", "/echo", "/assets/large.bin", "/assets/small.txt", "/page"];
    let mut connection = server.connect();
    connection
        .send(targets.iter().flat_map(|target| Request::get(target).bytes(server.address())).collect::<Vec<u8>>());
    let answers: Vec<Reply> = targets.iter().map(|_| connection.receive("GET").expect(200)).collect();
    assert_eq!((answers[0].text(), answers[3].text()), ("small".into(), "small".into()));
    assert!(answers[2].body == large(), "other bytes");
}

#[test]
fn a_web_socket_is_tunnelled_both_ways() {
    let server = server();
    let mut socket = WebSocket::open(server.address(), "/ws").unwrap_or_else(|reply| panic!("{}", reply.summary()));
    for text in ["hello", &"x".repeat(125), "and again"] {
        socket.send(text);
        assert_eq!(socket.receive(), text);
    }
    assert!(socket.close(), "the connection stays open after the close frame");
}

#[test]
fn readers_of_every_pace_get_every_byte() {
    let server = server();
    thread::scope(|scope| {
        for pause in [0, 0, 2, 10] {
            scope.spawn(move || {
                let mut stream = tls::wrap(Connection::connect(server.address()));
                let request = b"GET /assets/large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
                stream.write_all(request).unwrap();
                let (mut got, mut piece) = (Vec::new(), vec![0; 300_000]);
                loop {
                    match stream.read(&mut piece).unwrap() {
                        0 => break,
                        n => got.extend_from_slice(&piece[..n]),
                    }
                    wait::pause(std::time::Duration::from_millis(pause));
                }
                assert!(got.ends_with(large()), "other bytes at a pause of {pause} ms: {}", got.len());
            });
        }
    });
}

/// An end without a word could be anybody's doing: a reader that asks for more than there is gets an error then.
#[test]
fn a_connection_ends_with_a_word_whoever_ends_it() {
    let own = Launch::new(&draft().write()).tls().setting("timeouts.idle", "300ms").start();
    for request in
        ["GET /echo HTTP/1.0\r\n\r\n", "GET /assets/small.txt HTTP/1.1\r\nHost: x\r\n\r\n", "", "broken\r\n\r\n"]
    {
        let mut stream = tls::wrap(Connection::connect(own.address()));
        stream.write_all(request.as_bytes()).unwrap();
        stream.flush().unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap_or_else(|error| panic!("{request:?}: {error}"));
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_is_gone() {
    let own = Launch::new(&draft().write()).tls().start();
    for request in ["/assets/large.bin", "/endless"] {
        for polite in [true, false] {
            let mut stream = tls::wrap(Connection::connect(own.address()));
            stream.write_all(format!("GET {request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
            stream.read_exact(&mut [0; 1]).unwrap();
            if polite {
                stream.conn.send_close_notify();
                stream.flush().unwrap();
            }
        }
    }
    wait::until("the end of all connections", || own.metric("edgeplane_connections") == 0.0);
    assert!(!own.log().contains("panicked"), "{}", own.log());
}

#[test]
fn http2_is_agreed_on_and_answers_alike() {
    let server = server();
    let port = server.address().port();
    let authority = LOCALHOST.cert.to_str().unwrap();
    let resolve = format!("localhost:{port}:127.0.0.1");
    let ask = |version: &str, method: &str, target: &str| {
        let url = format!("https://localhost:{port}{target}");
        let shown = "\n%{http_version} %{http_code} %{size_download} %header{strict-transport-security}";
        let words = ["-sS", version, "-X", method, "--cacert", authority, "--resolve", &resolve, "-w", shown, &url];
        let (said, fine) = run("curl", &words, "");
        assert!(fine, "{version} {target}: {said}");
        let (body, facts) = said.rsplit_once('\n').unwrap();
        let (spoken, facts) = facts.split_once(' ').unwrap();
        (body.to_owned(), spoken.to_owned(), facts.to_owned())
    };
    for (method, target) in
        [("GET", "/assets/small.txt"), ("GET", "/missing.txt"), ("POST", "/forms/echo-not"), ("GET", "/a%zz")]
    {
        let (body, spoken, facts) = ask("--http2", method, target);
        let (other, before, same) = ask("--http1.1", method, target);
        assert_eq!((spoken.as_str(), before.as_str()), ("2", "1.1"), "{target}");
        assert_eq!(facts, same, "{target}");
        assert!(facts.ends_with("max-age=86400; includeSubDomains"), "{target}: {facts}");
        assert!(!target.starts_with("/assets/") || body == other, "{target}");
    }
    // Node learns how its visitor came, whatever is spoken with it.
    let (told, spoken, _) = ask("--http2", "GET", "/echo");
    assert_eq!(spoken, "2");
    assert!(told.contains("\"x-forwarded-proto\":\"https\""), "{told}");
    assert!(server.metric("edgeplane_http2_streams_total") >= 5.0);
}

#[test]
fn curl_and_node_and_openssl_are_content() {
    let server = server();
    let port = server.address().port();
    let authority = LOCALHOST.cert.to_str().unwrap();
    let base = format!("https://localhost:{port}");
    let resolve = format!("localhost:{port}:127.0.0.1");
    for version in [["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3", "--tls-max", "1.3"]] {
        let urls = [format!("{base}/assets/small.txt"), format!("{base}/echo?from=curl")];
        let mut words = vec!["-sS", "--cacert", authority, "--resolve", &resolve];
        words.extend(version);
        words.extend(urls.iter().map(String::as_str));
        let (said, fine) = run("curl", &words, "");
        assert!(fine && said.starts_with("small{") && said.contains("/echo?from=curl"), "{version:?}: {said}");
    }
    let script = format!(
        "const get = (path) => new Promise((done) => require('node:https').get({{ port: {port}, path, servername: \
         'localhost', ca: require('node:fs').readFileSync('{authority}') }}, (answer) => {{ let n = 0; answer.on('data', \
         (piece) => {{ n += piece.length }}).on('end', () => done(n)) }})); \
         Promise.all(['/assets/small.txt', '/assets/large.bin'].map(get)).then((n) => console.log(n.join()))"
    );
    let (said, fine) = run("node", &["-e", &script], "");
    assert!(fine && said.trim() == format!("5,{}", large().len()), "{said}");
    let request = "GET /assets/small.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let (said, fine) =
        s_client(server.address(), &["-ign_eof", "-verify_return_error", "-servername", "localhost"], request);
    assert!(fine && said.contains("HTTP/1.1 200 OK") && said.contains("Verify return code: 0"), "{said}");
}
