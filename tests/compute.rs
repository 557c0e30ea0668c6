//! The compute primitive: how Node is started and ended, and what an exchange with it may do wrong.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::support::{
    bundle::Draft,
    client::{Connection, Request},
    scratch,
    server::{self, Launch},
    shared, wait,
};

#[test]
fn no_get_is_lost_when_one_of_two_instances_is_killed() {
    let server = Launch::new(&Draft::usual().write()).setting("instances", "2").start();
    wait::until("two Node processes", || server.nodes().len() == 2);
    let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let address = server.address();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (over, asked) = (Arc::clone(&over), Arc::clone(&asked));
            thread::spawn(move || {
                let mut connection = Connection::open(address);
                while !over.load(Ordering::Relaxed) {
                    // The answer begins late, so that many are under way whenever the process dies.
                    let reply = Request::get("/slow?ms=30").send_on(&mut connection, address);
                    assert_eq!(reply.status, 200, "{}", reply.summary());
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    wait::until("load", || asked.load(Ordering::Relaxed) > 50);
    let before = server.nodes();
    server::kill_process(before[0]);
    wait::until("a new Node process", || server.nodes().len() == 2 && !server.nodes().contains(&before[0]));
    let count = asked.load(Ordering::Relaxed);
    wait::until("load after the restart", || asked.load(Ordering::Relaxed) > count + 50);
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("no request fails");
    }
}

#[test]
fn two_instances_share_the_requests() {
    let server = Launch::new(&Draft::usual().write()).setting("instances", "2").start();
    wait::until("two Node processes", || server.nodes().len() == 2);
    let nodes = server.nodes();
    wait::until("answers of both", || {
        let mut seen: Vec<u64> = (0..8).map(|_| server.get("/echo").json()["pid"].as_u64().unwrap()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.iter().all(|pid| nodes.iter().any(|node| u64::from(*node) == *pid)), "{seen:?} of {nodes:?}");
        seen.len() == 2
    });
}

#[test]
fn killing_the_program_leaves_no_node_behind() {
    let mut server = Launch::new(&Draft::usual().write()).setting("instances", "2").start();
    wait::until("two Node processes", || server.nodes().len() == 2);
    let nodes = server.nodes();
    server.signal(Signal::SIGKILL);
    server.ended();
    wait::until("the end of every Node process", || nodes.iter().all(|node| !server::runs(*node)));
}

#[test]
fn a_crashed_node_is_started_again_after_longer_and_longer_pauses() {
    let server = Launch::new(&Draft::usual().write())
        .setting("compute.restart-min", "100ms")
        .setting("compute.restart-max", "1s")
        .start();
    let mut last = server.nodes();
    for _ in 0..3 {
        let reply = server.send(&Request::post("/die", "now"));
        assert_eq!(reply.status, 502, "a POST that reached Node is not repeated: {}", reply.summary());
        wait::until("another Node process", || server.nodes().len() == 1 && server.nodes() != last);
        last = server.nodes();
        wait::until("answers", || server.get("/echo").status == 200);
    }
    let log = server.log();
    assert!(log.contains("13"), "the exit code of Node is told: {log}");
}

#[test]
fn while_no_instance_is_ready_the_answer_is_503_and_says_when_to_come_back() {
    let server = Launch::new(&Draft::usual().file("a.txt", "still here").write())
        .setting("compute.restart-min", "5s")
        .setting("compute.restart-max", "5s")
        .start();
    let node = server.nodes()[0];
    server::kill_process(node);
    wait::until("503", || {
        let reply = server.get("/echo");
        if reply.status != 503 {
            return false;
        }
        assert!(reply.field("retry-after").is_some(), "{}", reply.summary());
        names_no_internals(&reply.text());
        true
    });
    server.get("/a.txt").expect(200).saying("still here");
    assert_eq!(server.admin("/readyz").status, 503);
    assert_eq!(server.admin("/healthz").status, 200);
}

fn names_no_internals(page: &str) {
    for word in ["127.0.0.1", "/tmp", "server.js", "node", "panicked", "pingora", ".rs"] {
        assert!(!page.to_ascii_lowercase().contains(word), "{word} in {page}");
    }
}

#[test]
fn a_server_that_cannot_start_ends_the_program_with_69_and_its_own_words() {
    for (source, says) in [
        ("throw new Error('no database here')", "no database here"),
        ("console.error('leaving at once'); process.exit(7)", "leaving at once"),
        ("import x from 'y'", ""),
    ] {
        let bundle = Draft::usual().compute(source).write();
        let outcome = Launch::new(&bundle).setting("compute.start-timeout", "10s").fail().expect(69);
        assert!(outcome.stderr.contains(says), "{says:?} missing: {}", outcome.stderr);
    }
}

#[test]
fn a_server_that_never_listens_ends_the_program_with_69_in_time() {
    let bundle = Draft::usual().compute("setInterval(() => {}, 1000)").write();
    let began = Instant::now();
    let outcome = Launch::new(&bundle).setting("compute.start-timeout", "2s").fail().expect(69);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(outcome.stderr.contains("start-timeout") || outcome.stderr.contains("2s"), "{}", outcome.stderr);
}

#[test]
fn a_missing_node_and_a_taken_port_end_the_program_with_69() {
    let bundle = Draft::usual().write();
    let outcome = Launch::new(&bundle).setting("compute.node", "/nowhere/node").fail().expect(69);
    assert!(outcome.stderr.contains("/nowhere/node"), "{}", outcome.stderr);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let outcome = Launch::new(&bundle).listen(&address).fail().expect(69);
    assert!(outcome.stderr.contains(&address), "{}", outcome.stderr);
}

#[test]
fn node_gets_the_environment_the_specification_promises_and_the_files_say() {
    let file = scratch::folder("env").join("runtime.env");
    std::fs::write(&file, "FROM_FILE=\"two words\"\nSHARED=file\n").unwrap();
    let bundle = Draft::usual().compute_file(".env", "FROM_BUNDLE=bundle\n").write();
    let server = Launch::new(&bundle).env("FROM_SHELL", "shell").arg("--env-file").arg(&file).start();
    let told = server.get("/env").expect(200).json();
    let folder = bundle.join("compute/default").canonicalize().unwrap();
    assert_eq!(told["cwd"], folder.to_str().unwrap());
    assert_eq!(told["env"]["NODE_ENV"], "production");
    assert_eq!(told["env"]["FROM_FILE"], "two words");
    assert_eq!(told["env"]["FROM_SHELL"], "shell", "the environment of the program passes");
    assert!(told["env"]["PATH"].is_string());
}

#[test]
fn a_server_written_for_port_3000_is_reachable_through_the_program_only() {
    let source = crate::support::bundle::SERVER.replace("Number(process.env.PORT ?? 3000), process.env.HOST", "3000");
    assert!(source.contains("listen(3000)"));
    let bundle = Draft::usual().compute(&source).write();
    let servers: Vec<_> = (0..2).map(|_| Launch::new(&bundle).setting("instances", "2").start()).collect();
    for server in &servers {
        server.get("/echo").expect(200);
    }
}

#[test]
fn servers_that_somebody_else_started_are_used_and_not_owned() {
    let behind = Launch::new(&Draft::usual().write()).start();
    let bundle = Draft::usual().file("a.txt", "file").write();
    std::fs::remove_dir_all(bundle.join("compute")).unwrap();
    let server = Launch::new(&bundle).arg("--upstream").arg(behind.address().to_string()).start();
    assert_eq!(server.nodes(), [0; 0]);
    server.get("/a.txt").expect(200).saying("file");
    server.get("/echo").expect(200);
    let without_bundle = Launch::sidecar(&format!("http://{}", behind.address())).start();
    without_bundle.get("/page").expect(200).saying("<h1>page</h1>");
    without_bundle.get("/a.txt").expect(404).saying("COMPUTE 404");
}

#[test]
fn sigterm_lets_requests_end_and_takes_no_new_ones() {
    let mut server = Launch::new(&Draft::usual().write()).start();
    let nodes = server.nodes();
    let address = server.address();
    let slow = thread::spawn(move || Request::get("/slow?ms=1500").send(address));
    let stream = thread::spawn(move || Request::get("/stream?n=6&ms=250").send(address));
    wait::until("both to be under way", || server.get("/count").json()["open"].as_u64() >= Some(3));
    server.signal(Signal::SIGTERM);
    slow.join().unwrap().expect(200);
    stream.join().unwrap().expect(200).saying("chunk 5");
    let status = server.ended();
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(nodes.iter().all(|node| !server::runs(*node)));
}

#[test]
fn a_client_that_leaves_ends_the_work_done_for_it() {
    let server = Launch::new(&Draft::usual().write()).start();
    let mut connection = server.connect();
    connection.send(Request::get("/endless").bytes(server.address()));
    assert!(!connection.take(64).is_empty());
    drop(connection);
    wait::until("the abort to reach Node", || server.get("/count").json()["aborted"].as_u64() >= Some(1));
}

#[test]
fn an_answer_that_is_too_long_or_too_short_never_reaches_the_next_client() {
    let server = Launch::new(&Draft::usual().write()).start();
    let mut connection = server.connect();
    for path in ["/long", "/short", "/short-chunked", "/long"] {
        let mut bad = server.connect();
        let reply = Request::get(path).send_on(&mut bad, server.address());
        assert!(!reply.text().contains("poison"), "{path}: {}", reply.summary());
        if path == "/long" {
            assert!(reply.status == 502 || reply.text() == "hello", "{}", reply.summary());
        } else {
            assert!(!reply.complete, "{path}: {}", reply.summary());
        }
        for _ in 0..5 {
            let next = Request::get("/page").send_on(&mut connection, server.address());
            assert_eq!((next.status, next.text().as_str()), (200, "<h1>page</h1>"), "after {path}");
        }
    }
}

#[test]
fn answers_that_are_none_give_502_and_name_no_internals() {
    let server = Launch::new(&Draft::usual().write()).start();
    for path in ["/hang-up", "/garbage"] {
        let reply = server.send(&Request::post(path, "x")).expect(502);
        names_no_internals(&reply.text());
        server.get("/page").expect(200);
    }
}

#[test]
fn an_exchange_that_takes_too_long_gives_504() {
    let server = Launch::new(&Draft::usual().write()).setting("timeouts.request", "1s").start();
    let reply = server.get("/slow?ms=20000").expect(504);
    assert!(reply.total < Duration::from_secs(10), "{:?}", reply.total);
    names_no_internals(&reply.text());
    server.get("/page").expect(200);
}

#[test]
fn a_body_above_the_limit_is_413_and_node_never_sees_all_of_it() {
    let server = Launch::new(&Draft::usual().write()).setting("limits.request-body", "1MiB").start();
    server.send(&Request::post("/upload", vec![b'x'; 1 << 20])).expect(200);
    let declared = server.send(&Request::post("/upload", vec![b'x'; (1 << 20) + 1]));
    assert_eq!(declared.status, 413, "{}", declared.summary());
    let chunked = server.send(&Request::post("/upload", vec![b'x'; (1 << 20) + 1]).chunked());
    assert_eq!(chunked.status, 413, "{}", chunked.summary());
    server.get("/page").expect(200);
}

#[test]
fn a_client_that_waits_for_100_gets_it_and_one_that_does_not_is_not_kept_waiting() {
    let server = shared::handmade();
    let mut connection = server.connect();
    connection.send(format!("POST /echo HTTP/1.1\r\nHost: {}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n", server.address()));
    assert!(connection.take(12).starts_with(b"HTTP/1.1 100"));
    // The rest of the interim head, then the body.
    let rest = connection.take(13);
    assert!(rest.ends_with(b"\r\n\r\n"), "{:?}", String::from_utf8_lossy(&rest));
    connection.send("body");
    assert_eq!(connection.receive("POST").expect(200).json()["body"], "body");
    let at_once = Request::post("/echo", "body").field("Expect", "100-continue");
    assert_eq!(server.send(&at_once).expect(200).json()["body"], "body");
}

#[test]
fn a_websocket_passes_both_ways_and_ends_with_either_side() {
    let server = shared::handmade();
    let mut socket = crate::support::websocket::WebSocket::open(server.address(), "/ws").unwrap();
    for text in ["first", "second", &"x".repeat(125)] {
        socket.send(text);
        assert_eq!(socket.receive(), text);
    }
    assert!(socket.close(), "the connection stays open after the close frame");
    let refused = crate::support::websocket::WebSocket::open(server.address(), "/refuse-upgrade").expect_err("403");
    assert_eq!(refused.status, 403, "{}", refused.summary());
}

#[test]
fn events_and_chunks_are_not_held_back() {
    for (path, least) in [("/events", 4), ("/stream?n=4&ms=150", 4)] {
        let request = Request::get(path).field("Accept-Encoding", "gzip, br");
        let reply = shared::handmade().send(&request).expect(200).without("content-encoding");
        assert!(reply.arrivals.len() >= least, "{path}: {:?}", reply.arrivals);
    }
}

#[test]
fn a_large_upload_streams_through_without_being_kept() {
    let server = Launch::new(&Draft::usual().write()).start();
    server.get("/page").expect(200);
    let before = server.resident("VmHWM");
    let body = vec![b'u'; 64 << 20];
    let told = server.send(&Request::post("/upload", body).chunked()).expect(200).json();
    assert_eq!(told["bytes"], 64 << 20);
    let grown = server.resident("VmHWM") - before;
    assert!(grown < 32 << 10, "{grown} KiB more for an upload of 64 MiB");
}

#[test]
fn answers_flow_while_the_request_still_does() {
    let server = shared::handmade();
    let mut connection = server.connect();
    connection.send(format!("POST /duplex HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n", server.address()));
    let begun = String::from_utf8_lossy(&connection.take(60)).into_owned();
    assert!(begun.starts_with("HTTP/1.1 200"), "{begun}");
    wait::within(wait::PATIENCE, "the echo of the first piece", || {
        String::from_utf8_lossy(&connection.take(64)).contains("got 4").then_some(())
    });
    connection.send("0\r\n\r\n");
    let mut rest = String::new();
    while !rest.contains("end") {
        let piece = connection.take(1);
        assert!(!piece.is_empty(), "{rest}");
        rest.push_str(&String::from_utf8_lossy(&piece));
    }
}

#[test]
fn a_request_carries_who_asked_and_nothing_that_a_stranger_made_up() {
    let request = Request::get("/echo")
        .field("Host", "shop.example:8080")
        .field("X-Forwarded-For", "6.6.6.6")
        .field("X-Forwarded-Proto", "https")
        .field("X-Forwarded-Host", "evil.example")
        .field("Forwarded", "for=6.6.6.6")
        .field("Connection", "keep-alive, X-Hop")
        .field("X-Hop", "1")
        .field("Proxy-Authorization", "Basic x")
        .field("X-Kept", "yes");
    let told = shared::handmade().send(&request).expect(200).json();
    let fields = &told["headers"];
    assert_eq!(fields["host"], "shop.example:8080");
    assert_eq!(fields["x-forwarded-host"], "shop.example:8080");
    assert_eq!(fields["x-forwarded-proto"], "http");
    assert_eq!(fields["x-forwarded-for"], "127.0.0.1");
    assert_eq!(fields["x-kept"], "yes");
    assert!(fields["x-hop"].is_null() && fields["keep-alive"].is_null(), "{fields:#}");
    assert!(!fields.to_string().contains("6.6.6.6"), "{fields:#}");
    let trusting = Launch::new(&Draft::usual().write()).setting("trusted-proxies", "127.0.0.0/8").start();
    let told = trusting.send(&request).expect(200).json();
    assert_eq!(told["headers"]["x-forwarded-for"], "6.6.6.6, 127.0.0.1");
    assert_eq!(told["headers"]["x-forwarded-proto"], "https");
}

#[test]
fn connections_to_node_are_kept_and_used_again() {
    let server = Launch::new(&Draft::usual().write()).start();
    let mut connection = server.connect();
    let count = |connection: &mut Connection| Request::get("/count").send_on(connection, server.address()).expect(200).json();
    let before = count(&mut connection)["connections"].as_u64().unwrap();
    for _ in 0..20 {
        Request::get("/page").send_on(&mut connection, server.address()).expect(200);
    }
    let after = count(&mut connection)["connections"].as_u64().unwrap();
    assert!(after - before <= 1, "{} new connections for 20 requests", after - before);
}

#[test]
fn what_node_writes_is_shown_and_told_apart() {
    let source = "console.log('hello from stdout'); console.error('hello from stderr');\n".to_owned() + crate::support::bundle::SERVER;
    let server = Launch::new(&Draft::usual().compute(&source).write()).start();
    wait::until("both lines", || server.log().contains("hello from stdout") && server.log().contains("hello from stderr"));
    assert!(!server.access_log().iter().any(|line| line.contains("hello from")), "stdout is the access log's alone");
}

#[test]
fn one_state_folder_serves_one_program() {
    let bundle = Draft::statics().file("index.html", "x").write();
    let first = Launch::new(&bundle).start();
    let outcome = Launch::new(&bundle).state(first.state()).fail();
    assert_eq!(outcome.status.code(), Some(69), "{outcome:#?}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(first.state()).unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}
