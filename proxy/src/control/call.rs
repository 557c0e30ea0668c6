//! The other end of the control socket: a command that has a running server do something.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{BOUNDS, socket_path, wire};

/// An answer is a line or two.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

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
    let path = socket_path(state_dir);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("url", prefix), ("tag", tag), ("site", site)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let request = format!(
        "POST /purge?{} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        query.finish()
    );
    let stream = UnixStream::connect(&path).map_err(|source| CallError::Connect { path, source })?;
    let answer = exchange(stream, &request).map_err(CallError::Exchange)?;
    let broken_off = || CallError::Exchange(io::ErrorKind::UnexpectedEof.into());
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken_off)?;
    let told = body.trim_end().to_owned();
    if head.starts_with("HTTP/1.1 200 ") {
        return Ok(Done { told, failed: None });
    }
    match wire::left(&told) {
        Some(left) => Ok(Done { told, failed: Some(Incomplete(left)) }),
        None => Err(CallError::Refused(told)),
    }
}

fn exchange(mut stream: UnixStream, request: &str) -> io::Result<String> {
    stream.set_read_timeout(Some(BOUNDS.connection + Duration::from_secs(5)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}
