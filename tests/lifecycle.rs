//! How Node is started, watched, started again and ended.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::support::{
    bundle::{self, Draft},
    client::{Connection, Request},
    process,
    reply::names_no_internals,
    scratch,
    server::Launch,
    wait,
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
    process::signal(before[0], Signal::SIGKILL);
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
    wait::until("the end of every Node process", || nodes.iter().all(|node| !process::runs(*node)));
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
        .setting("compute.ready-wait", "200ms")
        .start();
    let node = server.nodes()[0];
    process::signal(node, Signal::SIGKILL);
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
    let source = bundle::SERVER.replace("Number(process.env.PORT ?? 3000), process.env.HOST", "3000");
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
    assert!(nodes.iter().all(|node| !process::runs(*node)));
}

#[test]
fn what_node_writes_is_shown_and_told_apart() {
    let source = "console.log('hello from stdout'); console.error('hello from stderr');\n".to_owned() + bundle::SERVER;
    let server = Launch::new(&Draft::usual().compute(&source).write()).start();
    wait::until("both lines", || {
        server.log().contains("hello from stdout") && server.log().contains("hello from stderr")
    });
    assert!(!server.access_log().iter().any(|line| line.contains("hello from")), "stdout is the access log's alone");
}

#[test]
fn one_state_folder_serves_one_program() {
    let bundle = Draft::statics().file("index.html", "x").write();
    let first = Launch::new(&bundle).start();
    let outcome = Launch::new(&bundle).state(first.state()).fail();
    assert_eq!(outcome.status.code(), Some(69), "{outcome:#?}");
    let mode = std::fs::metadata(first.state()).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[test]
fn unix_sockets_serve_and_are_served_from() {
    let folder = scratch::folder("sockets");
    let (behind, front) = (folder.join("behind.sock"), folder.join("front.sock"));
    let script = "require('node:http').createServer((q, s) => s.end(`behind ${q.url} ${q.headers.host}`)).listen(process.argv[1])";
    let mut node = Command::new("node").args(["-e", script]).arg(&behind).spawn().unwrap();
    scratch::watch(node.id());
    wait::until("the socket of Node", || UnixStream::connect(&behind).is_ok());
    let server = Launch::sidecar(&format!("unix:{}", behind.display()))
        .arg("--listen")
        .arg(format!("unix:{}", front.display()))
        .start();
    server.send(&Request::get("/x").field("Host", "a.example")).expect(200).saying("behind /x a.example");
    let mut client = UnixStream::connect(&front).unwrap();
    client.write_all(b"GET /y HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("behind /y b.example"), "{answer}");
    node.kill().unwrap();
    node.wait().unwrap();
    scratch::ended(node.id());
    let gone = server.get("/z");
    assert!(matches!(gone.status, 502 | 503), "{}", gone.summary());
}

#[test]
fn without_requests_sigterm_and_ctrl_c_end_it_at_once() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = Launch::new(&Draft::usual().write()).start();
        let mut idle = server.connect();
        Request::get("/page").send_on(&mut idle, server.address()).expect(200);
        let nodes = server.nodes();
        let began = Instant::now();
        server.signal(signal);
        assert_eq!(server.ended().code(), Some(0), "{signal}: {}", server.log());
        assert!(began.elapsed() < Duration::from_secs(8), "{signal}: {:?}", began.elapsed());
        assert!(idle.is_closed(), "{signal}: an idle connection is still open");
        assert!(nodes.iter().all(|node| !process::runs(*node)), "{signal}: Node is still there");
    }
}

/// What the admin address says, in the way of a probe: none while nobody answers there.
fn probe(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes()).ok()?;
    let mut said = String::new();
    stream.read_to_string(&mut said).ok()?;
    Some(said)
}

#[test]
fn a_slow_start_is_alive_but_not_ready_and_can_be_stopped() {
    let bundle = Draft::usual().compute("setInterval(() => {}, 1000)").write();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = Command::new(env!("CARGO_BIN_EXE_edgeplane"))
        .args(["serve", "--listen", "127.0.0.1:0", "--log", "off", "--admin", &format!("127.0.0.1:{port}")])
        .arg("--state-dir")
        .arg(scratch::folder("state"))
        .arg(&bundle)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    scratch::watch(child.id());
    wait::until("/healthz", || probe(port, "/healthz").is_some_and(|said| said.starts_with("HTTP/1.1 200")));
    let ready = probe(port, "/readyz").unwrap();
    assert!(ready.starts_with("HTTP/1.1 503") && ready.ends_with("starting\n"), "{ready}");
    process::signal(child.id(), Signal::SIGTERM);
    wait::until("the end", || child.try_wait().unwrap().is_some());
    scratch::ended(child.id());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
