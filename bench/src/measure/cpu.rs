//! CPU time, as the kernel counts it per process: in user mode and in the kernel, all threads together.

use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

use super::tree::{Tree, stat};

/// Places in `/proc/PID/stat` after the name: utime and stime, and what ended children of it used.
const TIMES: [usize; 2] = [11, 12];

impl Tree {
    /// Used so far. Differences of it count; a process that ends between two looks takes its time with it.
    pub(crate) fn cpu(self) -> Duration {
        let ticks: u64 = self.members().into_iter().filter_map(ticks).sum();
        let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|n| u64::try_from(n).ok());
        Duration::from_nanos(ticks * (1_000_000_000 / per_second.unwrap_or(100).max(1)))
    }
}

fn ticks(process: u32) -> Option<u64> {
    let fields = stat(process)?;
    TIMES.iter().map(|place| fields.get(*place)?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, time::Instant};

    use super::*;

    #[test]
    fn work_is_counted() {
        let own = Tree::of(std::process::id());
        let before = own.cpu();
        let began = Instant::now();
        // Until it is seen; a deadline, because a counter that stands still would never be.
        while own.cpu() == before {
            assert!(began.elapsed() < Duration::from_secs(20), "no CPU time is counted");
            black_box((0..1000).fold(0_u64, |sum, n| black_box(sum + n)));
        }
    }
}
