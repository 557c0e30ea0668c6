//! A web server of the test's own: a remote source of images, or an upstream that somebody else started.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// A request as the origin saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Method and target.
    pub(crate) line: String,
    /// Fields, names in lower case.
    pub(crate) fields: Vec<(String, String)>,
}

/// A server whose answers are a function of the target; it closes each connection after one.
#[derive(Debug)]
pub(crate) struct Origin {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Origin {
    /// Starts one on a free loopback port; it runs until the test run ends. `answer` gives the whole answer, head
    /// and body, as bytes.
    pub(crate) fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                thread::spawn(move || serve(&stream, &kept, &*answer));
            }
        });
        Self { address, seen }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// An answer with a body and its length.
pub(crate) fn answer(status: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{fields}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn serve(stream: &TcpStream, seen: &Mutex<Vec<Seen>>, answer: &dyn Fn(&str) -> Vec<u8>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(line) = lines.next() else { return };
    let fields = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect();
    let target = line.split(' ').nth(1).unwrap_or("/").to_owned();
    seen.lock().unwrap().push(Seen { line, fields });
    let mut writer = stream;
    let _gone = writer.write_all(&answer(&target));
}
