//! The optimizer from outside: files in, files out.
#![expect(clippy::unwrap_used, reason = "in a test an unwrap that fails is the failure")]

mod avif;
mod colors;
mod container;
mod edits;
mod hostile;
mod looks;
mod memory;
mod oracle;
mod pictures;
mod sample;
mod scaled;
