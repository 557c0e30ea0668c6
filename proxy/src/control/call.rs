//! The other end of the control socket: a command that has a running server do something.

use std::{
    io::{self, BufWriter, Read as _, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use super::{BOUNDS, socket_path, wire};

/// An answer is a line or two, or the problems of a bundle.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Sent at once.
const PIECE: usize = 64 * 1024;

/// What a running server did.
#[derive(Debug)]
pub(crate) struct Done {
    /// How it told about it: a line of JSON.
    pub(crate) told: String,
    /// What it could not do.
    pub(crate) failed: Option<Incomplete>,
}

/// Some of it was done, and the rest is left to do.
#[derive(Debug, thiserror::Error)]
#[error("images may be left {}", .0.join("; and "))]
pub(crate) struct Incomplete(Vec<String>);

/// Why a running server did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// There is none, or it is somebody else's.
    #[error("no running edgeplane can be reached at `{path}`; name its state directory with --state-dir")]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
    /// It broke off.
    #[error("the running edgeplane broke off")]
    Exchange(#[source] io::Error),
    /// It would not.
    #[error("the running edgeplane refused: {0}")]
    Refused(String),
}

/// Has the server of `state_dir` forget the images and pages of `prefix`, or the pages with a tag.
pub(crate) fn purge(
    state_dir: &Path,
    prefix: Option<&str>,
    tag: Option<&str>,
    site: Option<&str>,
) -> Result<Done, CallError> {
    let query = [("url", prefix), ("tag", tag), ("site", site)];
    let Answered { status, told } = send(state_dir, "POST /purge", &query, |_| Ok(()))?;
    if status == 200 {
        return Ok(Done { told, failed: None });
    }
    match wire::left(&told) {
        Some(left) => Ok(Done { told, failed: Some(Incomplete(left)) }),
        None => Err(CallError::Refused(told)),
    }
}

/// What a running server answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) told: String,
}

impl Answered {
    /// What was told, as JSON.
    pub(crate) fn value(&self) -> Value {
        wire::read(&self.told)
    }
}

/// Sends a request to the server of `state_dir`: a method and a path, what of the query there is, and what `write` writes.
///
/// # Errors
/// When there is no such server, or no answer of its.
pub(crate) fn send(
    state_dir: &Path,
    act: &str,
    query: &[(&str, Option<&str>)],
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Answered, CallError> {
    let path = socket_path(state_dir);
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(query.iter().filter_map(|(name, value)| Some((name, (*value)?))));
    let head = format!(
        "{act}?{} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        pairs.finish()
    );
    let stream = UnixStream::connect(&path).map_err(|source| CallError::Connect { path, source })?;
    let answer = exchange(stream, &head, write).map_err(CallError::Exchange)?;
    let broken_off = || CallError::Exchange(io::ErrorKind::UnexpectedEof.into());
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken_off)?;
    if length(head).is_none_or(|length| body.len() < length) {
        return Err(broken_off());
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken_off)?;
    Ok(Answered { status, told: body.trim_end().to_owned() })
}

fn exchange(
    stream: UnixStream,
    head: &str,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<String> {
    stream.set_read_timeout(Some(BOUNDS.connection + Duration::from_secs(5)))?;
    let written = send_all(&stream, head, write);
    if written.is_err() {
        // A body that was broken off must not look like one that has ended; the answer may say why nobody wanted it.
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let read = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer);
    if answer.is_empty() {
        written?;
        read?;
    }
    // A server that has answered without reading all that was sent resets the connection: what it said came before that.
    String::from_utf8(answer).map_err(io::Error::other)
}

/// Sends a head and its body, together where the body is short.
fn send_all(
    mut stream: &UnixStream,
    head: &str,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(PIECE, &mut stream);
    out.write_all(head.as_bytes())?;
    let mut body = BufWriter::with_capacity(PIECE, Chunks(&mut out));
    write(&mut body)?;
    body.flush()?;
    drop(body);
    out.write_all(b"0\r\n\r\n")?;
    out.flush()
}

/// How long the body says it is.
fn length(head: &str) -> Option<usize> {
    let value = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    value?.trim().parse().ok()
}

/// A body of which nobody knows the length (RFC 9112 7.1).
struct Chunks<W>(W);

impl<W: Write> Write for Chunks<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if !piece.is_empty() {
            self.0.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
            self.0.write_all(piece)?;
            self.0.write_all(b"\r\n")?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
