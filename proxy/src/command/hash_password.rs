//! `edgeplane hash-password`: a password from standard input becomes a line for `access.users`.
//!
//! It is never an argument: those are in the list of processes and in the shell's history.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, arguments::HashPasswordArgs, output};

/// bcrypt reads 72 bytes, the last of which ends the text. A longer password would be cut off without a word.
const PASSWORD_BYTES_MAX: usize = 71;
/// The power of two of steps that a check takes: some 200 ms.
const COST: u32 = 12;

/// Reads one line and prints its hash.
pub(crate) fn run(args: &HashPasswordArgs) -> Result<(), Failure> {
    if let Some(name) = &args.name
        && (name.is_empty() || name.contains(':') || name.chars().any(char::is_control))
    {
        return Err(wrong("the name is empty or holds a colon or a control character"));
    }
    let password = read().map_err(|source| Failure::Read { path: "standard input".into(), source })?;
    if password.is_empty() {
        return Err(wrong("the password is empty"));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(wrong("the password is longer than the 71 bytes that its hash takes account of"));
    }
    if password.chars().any(char::is_control) {
        return Err(wrong("the password holds a control character, which no browser can send"));
    }
    let hash = bcrypt::non_truncating_hash(&password, COST)
        .map_err(|source| Failure::unavailable("hash the password", source))?;
    output::result(&match &args.name {
        Some(name) => format!("{name}:{hash}\n"),
        None => format!("{hash}\n"),
    })
}

fn wrong(message: &str) -> Failure {
    Failure::Usage { message: message.to_owned(), help: "write the password as one line to standard input" }
}

/// One line, without its end.
fn read() -> io::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let line = runtime.block_on(line_or_signal());
    // The thread that still reads has nobody to tell.
    runtime.shutdown_background();
    line
}

/// One line, unless a signal comes first: it must not leave a terminal that shows nothing any more.
async fn line_or_signal() -> io::Result<String> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let _silent = io::stdin().is_terminal().then(|| {
        output::note("Password: ");
        Silence::new()
    });
    let line = tokio::task::spawn_blocking(line);
    tokio::select! {
        line = line => line.unwrap_or_else(|failed| Err(io::Error::other(failed))),
        _ = interrupt.recv() => Err(io::ErrorKind::Interrupted.into()),
        _ = terminate.recv() => Err(io::ErrorKind::Interrupted.into()),
    }
}

fn line() -> io::Result<String> {
    let mut line = String::new();
    // Longer ones are refused, however long.
    io::stdin().lock().take(4096).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silence(Option<Termios>);

impl Silence {
    fn new() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut silent = before.clone();
            silent.local_modes.remove(LocalModes::ECHO);
            silent.local_modes.insert(LocalModes::ECHONL);
            // A terminal that goes on showing it is one that its owner looks at.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &silent);
        }
        Self(before)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}
