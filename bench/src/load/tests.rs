//! The generator against a server that lies, and one that stalls.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use bytes::Bytes;

use super::*;
use crate::pause::pause;

/// A server that answers the n-th request on a connection with `answer(n)`. It lives as long as the tests.
fn server(answer: impl Fn(usize) -> Vec<u8> + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || serve(&stream, &answer));
        }
    });
    address
}

fn serve(stream: &TcpStream, answer: &dyn Fn(usize) -> Vec<u8>) {
    let mut lines = BufReader::new(stream).lines();
    let mut n = 0;
    while let Some(Ok(line)) = lines.next() {
        if line.is_empty() {
            // A client that is gone ends the loop with its next read.
            let _ = (&mut &*stream).write_all(&answer(n));
            n += 1;
        }
    }
}

fn with_length(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn request(body: &'static [u8]) -> Request {
    Request::get("/", &[]).expecting(200, Body::Exact(Bytes::from_static(body)))
}

fn asked(address: SocketAddr, body: &'static [u8]) -> Result<Tally, String> {
    closed(address, &Load::of(request(body), 2), Until::Requests(50)).map_err(|failure| failure.told())
}

#[test]
fn right_answers_are_counted() {
    let tally = asked(server(|_| with_length(b"hello")), b"hello").unwrap();
    assert!((50..=52).contains(&tally.requests), "{}", tally.requests);
    assert_eq!(tally.bytes, tally.requests * 5);
    assert_eq!(tally.latency.len(), tally.requests);
}

#[test]
fn one_wrong_byte_voids_the_run() {
    let lies = |n| with_length(if n == 17 { b"hellO" } else { b"hello" });
    assert!(asked(server(lies), b"hello").unwrap_err().contains("wrong bytes"));
}

#[test]
fn a_wrong_length_or_status_voids_the_run() {
    let short = |n| with_length(if n == 17 { b"hell" } else { b"hello" });
    assert!(asked(server(short), b"hello").unwrap_err().contains("4 bytes"));
    let refuses = |n| if n == 17 { b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n".to_vec() } else { with_length(b"") };
    assert!(asked(server(refuses), b"").unwrap_err().contains("503"));
}

#[test]
fn chunks_are_read_however_they_are_cut() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let one = format!("{head}5\r\nhello\r\n0\r\n\r\n").into_bytes();
    let many = format!("{head}1\r\nh\r\n3;x=y\r\nell\r\n1\r\no\r\n0\r\n\r\n").into_bytes();
    let tally = asked(server(move |n| if n % 2 == 0 { one.clone() } else { many.clone() }), b"hello").unwrap();
    assert_eq!(tally.bytes, tally.requests * 5);
}

#[test]
fn a_server_that_closes_is_asked_again() {
    let closes = |_| b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello".to_vec();
    assert!(asked(server(closes), b"hello").unwrap().requests >= 50);
}

/// A closed loop sees one slow answer; an open one also sees everybody who came meanwhile.
#[test]
fn a_stall_delays_all_who_were_due_meanwhile() {
    const STALL: Duration = Duration::from_millis(200);
    let stalls = |n| {
        if n == 20 {
            pause(STALL);
        }
        with_length(b"hello")
    };
    let load = Load::of(request(b"hello"), 1);
    let slow = |tally: &Tally| tally.latency.len() - tally.latency.count_between(0, 100_000_000);
    let all = closed(server(stalls), &load, Until::Requests(400)).unwrap();
    let due = open(server(stalls), &load, 1000.0, Duration::from_millis(400)).unwrap();
    // A busy machine may add to either.
    assert!(slow(&all) < 20, "{}", slow(&all));
    assert!(slow(&due) >= 80, "{}", slow(&due));
}
