//! The whole program, and its parts against real processes.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

mod compute;
mod tidy;
