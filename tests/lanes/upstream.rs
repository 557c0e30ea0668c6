//! An upstream that answers by script and remembers what it was asked.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    mem,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::script;

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) line: String,
    /// Names in lower case, which is how they are compared; sorted by them, values of one name in their order.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The upstream.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    /// Starts it; it runs until the test run ends. The case is the first number in a request's query.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                thread::spawn(move || converse(&stream, &kept));
            }
        });
        Self { address, seen }
    }

    /// What it was asked since the last time.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        mem::take(&mut self.seen.lock().unwrap())
    }
}

fn converse(stream: &TcpStream, seen: &Mutex<Vec<Seen>>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(request) = read(&mut reader) {
        let method = request.line.split(' ').next().unwrap_or("").to_owned();
        let case = case_of(&request.line);
        seen.lock().unwrap().push(request);
        let script = script::answer(case, &method);
        for piece in &script.pieces {
            if writer.write_all(piece).is_err() {
                return;
            }
        }
        if script.closes {
            return;
        }
    }
}

fn case_of(line: &str) -> u64 {
    let query = line.split_once('?').map_or("", |(_, query)| query);
    let digits: String = query.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Seen> {
    let line = text_line(reader)?;
    let mut fields = Vec::new();
    loop {
        let field = text_line(reader)?;
        if field.is_empty() {
            break;
        }
        let (name, value) = field.split_once(": ").unwrap_or_else(|| panic!("no field: {field:?}"));
        fields.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    let length =
        fields.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { line, fields, body })
}

/// A line as Latin-1, without its end.
fn text_line(reader: &mut BufReader<&TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok()?;
    let line = line.strip_suffix(b"\r\n")?;
    Some(line.iter().copied().map(char::from).collect())
}
