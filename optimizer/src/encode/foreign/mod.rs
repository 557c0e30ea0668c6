//! The borders to libraries in C: what they are given is our own pixels, never a byte of a stranger's.
//!
//! One file per library and nothing else in them: Rust types in, Rust types out, every call with its argument.

pub(super) mod libaom;
pub(super) mod libwebp;
pub(super) mod mozjpeg;
