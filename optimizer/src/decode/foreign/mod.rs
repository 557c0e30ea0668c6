//! The border to a library in C that reads a stranger's bytes: [`Limits::native`](crate::Limits::native) opens it.

pub(super) mod libjpeg;
