//! Connections that the relay keeps to an upstream: how many, for how long, and what becomes of those that end.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::support::{
    client::Request,
    server::{Launch, Server},
    wait,
};

/// Connections that were opened to an upstream, and those that are still open.
#[derive(Debug, Default)]
struct Count {
    opened: AtomicUsize,
    open: AtomicUsize,
}

impl Count {
    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

/// An upstream whose connections are counted. `serve` has each until it returns.
fn upstream(serve: impl Fn(&TcpStream) + Send + Sync + 'static) -> (SocketAddr, Arc<Count>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(Count::default());
    let (counting, serve) = (Arc::clone(&count), Arc::new(serve));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (counting, serve) = (Arc::clone(&counting), Arc::clone(&serve));
            counting.opened.fetch_add(1, Ordering::SeqCst);
            counting.open.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || {
                serve(&stream);
                drop(stream);
                counting.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (address, count)
}

/// Reads one head. False when the other side has closed the connection.
fn read_head(reader: &mut BufReader<&TcpStream>) -> bool {
    let mut line = String::new();
    while matches!(reader.read_line(&mut line), Ok(n) if n > 0) {
        if line == "\r\n" {
            return true;
        }
        line.clear();
    }
    false
}

fn answer(mut stream: &TcpStream) {
    let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

/// An upstream that answers so many requests at once, each on a connection of its own.
fn together(n: usize) -> (SocketAddr, Arc<Count>) {
    let all_there = Barrier::new(n);
    upstream(move |stream| {
        let mut reader = BufReader::new(stream);
        while read_head(&mut reader) {
            all_there.wait();
            answer(stream);
        }
    })
}

fn ask_together(server: &Server, n: usize) {
    thread::scope(|scope| {
        for _ in 0..n {
            scope.spawn(|| server.get("/").expect(200));
        }
    });
}

#[test]
fn connections_nobody_uses_any_more_are_closed() {
    let (address, count) = together(8);
    let server = Launch::sidecar(&address.to_string()).setting("compute.pool-idle", "1s").start();
    ask_together(&server, 8);
    assert_eq!(count.opened(), 8);
    wait::until("the idle connections to be closed", || count.open() == 0);
}

#[test]
fn no_more_are_kept_than_the_setting_says_whatever_the_number_of_threads() {
    let (address, count) = together(8);
    let server = Launch::sidecar(&address.to_string())
        .setting("compute.pool-size", "3")
        .setting("compute.pool-idle", "1h")
        .setting("threads", "2")
        .start();
    ask_together(&server, 8);
    wait::until("all but three to be closed", || count.open() <= 3);
    assert_eq!((count.open(), count.opened()), (3, 8));
}

#[test]
fn a_connection_that_the_upstream_closed_meanwhile_costs_nobody_a_request() {
    let (address, count) = upstream(|stream| {
        // It does not say that it will close.
        if read_head(&mut BufReader::new(stream)) {
            answer(stream);
        }
    });
    let server = Launch::sidecar(&address.to_string()).start();
    let mut connection = server.connect();
    for n in 1..=20 {
        // A POST is not repeated.
        Request::post("/", "").send_on(&mut connection, server.address()).expect(200);
        wait::until("the upstream to close", || count.open() == 0);
        assert_eq!(count.opened(), n);
    }
}

#[test]
fn a_client_that_does_not_read_holds_the_upstream_back() {
    const SIZE: usize = 64 << 20;
    let (address, _) = upstream(|mut stream| {
        if read_head(&mut BufReader::new(stream)) {
            let _gone = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").as_bytes());
            let _gone = stream.write_all(&vec![b'x'; SIZE]);
            let _end = stream.read(&mut [0]);
        }
    });
    let server = Launch::sidecar(&address.to_string()).start();
    let before = server.memory("VmHWM");
    let mut connection = server.connect();
    connection.send(Request::get("/").bytes(server.address()));
    assert_eq!(connection.take(12), b"HTTP/1.1 200");
    wait::pause(std::time::Duration::from_millis(500));
    let grown = server.memory("VmHWM") - before;
    assert!(grown < 16 << 10, "{grown} KiB more for a client that does not read");
    let rest = connection.take(SIZE);
    assert_eq!(rest.len(), SIZE);
}
