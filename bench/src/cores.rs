//! The cores this process may use, which in a container need not begin with the first.

use nix::{
    errno::Errno,
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

use crate::failure::Failure;

/// The n-th core that the process may use; `None` where it has no choice.
pub(crate) fn nth(n: usize) -> Option<usize> {
    // Of the main thread, which is never bound.
    let allowed = sched_getaffinity(Pid::this()).ok()?;
    let cores: Vec<usize> = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false)).collect();
    if cores.len() < 2 { None } else { cores.get(n % cores.len()).copied() }
}

/// Binds this thread to the n-th core.
pub(crate) fn stay_on(n: usize) -> Result<(), Failure> {
    let refused = |errno: Errno| Failure::System { act: "stay on a core", source: errno.into() };
    let Some(core) = nth(n) else { return Ok(()) };
    let mut cores = CpuSet::new();
    cores.set(core).map_err(refused)?;
    sched_setaffinity(Pid::from_raw(0), &cores).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stays_where_it_is_put() {
        let Some(core) = nth(1) else { return };
        std::thread::spawn(move || {
            stay_on(1).unwrap();
            let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap();
            let cores: Vec<_> = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap()).collect();
            assert_eq!(cores, [core]);
        })
        .join()
        .unwrap();
        assert_eq!(nth(1), Some(core));
    }
}
