//! Waiting with a deadline: the one place where a test lets time pass.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long anything local may take on a busy machine before a test calls it broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until there is an answer.
///
/// # Panics
/// When `limit` passes without one, naming `what` was awaited.
pub(crate) fn within<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited {limit:?} for {what}");
        pause(Duration::from_millis(20));
    }
}

/// As [`within`], for as long as [`PATIENCE`] lasts.
pub(crate) fn until(what: &str, mut ask: impl FnMut() -> bool) {
    within(PATIENCE, what, || ask().then_some(()));
}

/// Lets `length` pass: for a client that is slow on purpose, never for a hope that something is done by then.
pub(crate) fn pause(length: Duration) {
    let end = Instant::now() + length;
    while let Some(rest) = end.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
        thread::park_timeout(rest);
    }
}
