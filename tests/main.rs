//! The whole program, asked over the network while it serves what real frameworks emit; its parts against real
//! processes; and promises that only a binary of its own can check.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on says so by panicking, and shows what the program said"
)]

mod abuse;
mod access;
mod allocation;
mod astro;
mod command;
mod compression;
mod compute;
mod deploy;
mod deploys;
mod edge_cache;
mod exchange;
mod expectations;
mod fallback;
mod gallery;
mod headers;
mod hostile;
mod http2;
mod images;
mod lanes;
mod large_files;
mod lifecycle;
mod manual;
mod nitro;
mod nuxt;
mod pages;
mod plain;
mod requests;
mod rules;
mod sites;
mod skew;
mod specification;
mod static_files;
mod support;
mod sveltekit;
mod telemetry;
mod tidy;
mod tls;
