//! How many clients, and how many exchanges with Compute, the process has file descriptors for.
//!
//! Clients that took the last one would leave none to reach Node with: every answer would be a 502. So those beyond
//! the room there is wait in the kernel's backlog, as those beyond `limits.connections` do; and requests for Compute
//! beyond the room there is for them wait for one that ends. Most connections are idle most of the time: where there is
//! not enough for all of both, clients get three quarters.

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// For the pack, logs, the pipes of Node and the sources of images.
const RESERVE: usize = 64;
/// For the runtime of a thread, its listeners and a client that waits for room.
const PER_SHARD: usize = 8;

/// What there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) clients: usize,
    pub(crate) exchanges: usize,
}

/// Raises the soft limit as far as `wanted` clients, `idle` connections to Compute and the shards need and the hard limit
/// lets us, and says what there is room for.
pub(crate) fn room_for(wanted: usize, idle: usize, n_shards: usize) -> Room {
    let idle = idle.saturating_add(n_shards.saturating_mul(PER_SHARD));
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return room(usize::MAX, wanted, idle) };
    let needed = (wanted.saturating_mul(2).saturating_add(idle).saturating_add(RESERVE)) as rlim_t;
    let raised = needed.min(hard);
    // Shells start programs with 1024, whatever the system allows.
    let limit = if raised > soft && setrlimit(Resource::RLIMIT_NOFILE, raised, hard).is_ok() { raised } else { soft };
    let room = room(usize::try_from(limit).unwrap_or(usize::MAX), wanted, idle);
    if room.clients < wanted {
        tracing::warn!(
            room = room.clients,
            wanted,
            limit,
            "too few file descriptors for `limits.connections`; raise the hard limit (ulimit -Hn, LimitNOFILE=)"
        );
    }
    room
}

fn room(limit: usize, wanted: usize, idle: usize) -> Room {
    let usable = limit.saturating_sub(RESERVE);
    let clients = (usable / 4).saturating_mul(3).clamp(1, wanted.max(1));
    // An idle connection to Compute may be of use to no exchange that wants one.
    let exchanges = usable.saturating_sub(clients).saturating_sub(idle).clamp(1, wanted.max(1));
    Room { clients, exchanges }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_descriptors_for_their_requests() {
        for (limit, wanted, clients, exchanges) in [
            (1024, 10_000, 720, 112),
            (20_000, 10_000, 10_000, 9808),
            (20_192, 10_000, 10_000, 10_000),
            (usize::MAX, 10_000, 10_000, 10_000),
            (0, 10_000, 1, 1),
            (1024, 1, 1, 1),
        ] {
            assert_eq!(room(limit, wanted, 128), Room { clients, exchanges }, "{limit} {wanted}");
        }
    }
}
