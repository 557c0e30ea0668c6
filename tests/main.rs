//! End-to-end tests: the program as a process, asked over the network, serving what real frameworks emit.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on says so by panicking, and shows what the program said"
)]

mod support;
