//! Resident memory, as the kernel counts it.

use std::fs;

use super::Tree;

/// Bytes in memory, of all processes together. Shared pages count in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    /// The most at any time of each process.
    pub(crate) peak: u64,
    /// Of `now`, what is not a file's: a mapped file is in memory once, whoever reads it.
    pub(crate) own: u64,
}

impl Tree {
    pub(crate) fn memory(self) -> Memory {
        let mut sum = Memory::default();
        for process in self.members() {
            let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
            sum.now += bytes(&text, "VmRSS:");
            sum.peak += bytes(&text, "VmHWM:");
            sum.own += bytes(&text, "RssAnon:");
        }
        sum
    }

    /// Bytes in memory now, of all processes together, what they share counted once. Where the kernel does not tell
    /// that of a process, shared pages count in it.
    pub(crate) fn shared_out(self) -> u64 {
        let of = |process: u32| {
            let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
            let status = || fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
            Some(bytes(&rollup, "Pss:")).filter(|bytes| *bytes > 0).unwrap_or_else(|| bytes(&status(), "VmRSS:"))
        };
        self.members().into_iter().map(of).sum()
    }
}

/// A line such as `VmRSS:      1234 kB`.
fn bytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_and_had_no_less() {
        let memory = Tree::of(std::process::id()).memory();
        assert!(memory.now > 100_000, "{memory:?}");
        assert!(memory.peak >= memory.now && memory.now >= memory.own, "{memory:?}");
        let shared_out = Tree::of(std::process::id()).shared_out();
        assert!((100_000..=memory.peak + memory.now).contains(&shared_out), "{shared_out}");
        assert_eq!(bytes("Name:\tx\nVmRSS:\t    12 kB\n", "VmRSS:"), 12 * 1024);
    }
}
