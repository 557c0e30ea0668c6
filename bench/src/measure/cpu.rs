//! CPU time, by the clock that the kernel keeps for each process: in user mode and in the kernel, all threads together.

use std::time::Duration;

use nix::{time::clock_getcpuclockid, unistd::Pid};

use super::Tree;

impl Tree {
    /// Used so far. Differences of it count; a process that ends between two looks takes its time with it.
    pub(crate) fn cpu(self) -> Duration {
        self.members().into_iter().filter_map(used).sum()
    }

    /// The same with Node's.
    pub(crate) fn cpu_with_node(self) -> Duration {
        self.everybody().into_iter().filter_map(used).sum()
    }
}

/// To the nanosecond, where `/proc` counts hundredths of a second.
fn used(process: u32) -> Option<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(process).ok()?)).ok()?;
    clock.now().ok().map(Duration::from)
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, time::Instant};

    use super::*;

    #[test]
    fn work_is_counted_and_waiting_is_not() {
        let own = Tree::of(std::process::id());
        let before = own.cpu();
        let began = Instant::now();
        while own.cpu() < before + Duration::from_millis(5) {
            assert!(began.elapsed() < Duration::from_secs(20), "no CPU time is counted");
            black_box((0..1000).fold(0_u64, |sum, n| black_box(sum + n)));
        }
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let idle = Tree::of(child.id());
        assert!(idle.cpu() < Duration::from_secs(1), "{:?}", idle.cpu());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
