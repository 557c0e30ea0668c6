//! What a server costs: the CPU time, the memory and the system calls of its processes, without Node's.

mod cpu;
mod memory;
mod syscalls;
mod tree;

pub(crate) use syscalls::syscalls;
pub(crate) use tree::Tree;
