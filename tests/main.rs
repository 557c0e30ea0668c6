//! The whole program, and promises about it that only a binary of its own can check.

mod allocation;
mod support;
