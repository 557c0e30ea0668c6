//! How many clients the process has file descriptors for.
//!
//! Clients that took the last one would leave none to reach Node with: every answer would be a 502. So those beyond
//! the room there is wait in the kernel's backlog, as those beyond `limits.connections` do.

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// For listeners, the pack, logs, the pipes of Node and the sources of images.
const RESERVE: rlim_t = 64;
/// One for the client and, while its request is with Compute, one for the connection there.
const PER_CLIENT: rlim_t = 2;

/// Raises the soft limit as far as `wanted` clients need and the hard limit lets us, and says how many there is room for.
pub(crate) fn room_for(wanted: usize) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return wanted };
    let needed = (wanted as rlim_t).saturating_mul(PER_CLIENT).saturating_add(RESERVE);
    let raised = needed.min(hard);
    // Shells start programs with 1024, whatever the system allows.
    let limit = if raised > soft && setrlimit(Resource::RLIMIT_NOFILE, raised, hard).is_ok() { raised } else { soft };
    let room = room(limit, wanted);
    if room < wanted {
        tracing::warn!(
            room,
            wanted,
            limit,
            "too few file descriptors for `limits.connections`; raise the hard limit (ulimit -Hn, LimitNOFILE=)"
        );
    }
    room
}

fn room(limit: rlim_t, wanted: usize) -> usize {
    let clients = limit.saturating_sub(RESERVE) / PER_CLIENT;
    usize::try_from(clients).unwrap_or(usize::MAX).clamp(1, wanted.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_descriptors_for_their_requests() {
        for (limit, wanted, expected) in
            [(1024, 10_000, 480), (20_064, 10_000, 10_000), (rlim_t::MAX, 10_000, 10_000), (0, 10_000, 1), (64, 1, 1)]
        {
            assert_eq!(room(limit, wanted), expected, "{limit} {wanted}");
        }
    }
}
