//! The whole program, its parts against real processes, and promises that only a binary of its own can check.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

mod allocation;
mod compute;
mod support;
mod tidy;
