//! Hot: which ready instance takes the next request.
//!
//! Round robin over the ready ones by one atomic. The list holds ready instances only, so that the successor of a
//! dead one does not get twice its share, and it is replaced as a whole when an instance comes or goes (cold).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use arc_swap::ArcSwap;

use super::InstanceId;

/// The ready instances and whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Balance {
    ready: ArcSwap<Vec<InstanceId>>,
    turn: AtomicUsize,
}

impl Balance {
    /// The next ready instance that is not among `tried`.
    pub(super) fn pick(&self, tried: &[InstanceId]) -> Option<InstanceId> {
        let ready = self.ready.load();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        (0..ready.len()).map(|step| ready[turn.wrapping_add(step) % ready.len()]).find(|id| !tried.contains(id))
    }

    /// How many are ready.
    pub(super) fn ready(&self) -> usize {
        self.ready.load().len()
    }

    /// Adds the instance to the ready ones, or takes it out.
    pub(super) fn set(&self, id: InstanceId, ready: bool) {
        self.ready.rcu(|current| {
            if current.contains(&id) == ready {
                return Arc::clone(current);
            }
            let mut next: Vec<InstanceId> = current.iter().copied().filter(|other| *other != id).collect();
            if ready {
                next.push(id);
            }
            next.sort_unstable();
            Arc::new(next)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ready: &[usize]) -> Balance {
        let balance = Balance::default();
        for id in ready {
            balance.set(InstanceId(*id), true);
        }
        balance
    }

    fn turns(balance: &Balance, count: usize, tried: &[usize]) -> Vec<usize> {
        let tried: Vec<InstanceId> = tried.iter().copied().map(InstanceId).collect();
        (0..count).filter_map(|_| balance.pick(&tried)).map(|id| id.0).collect()
    }

    #[test]
    fn every_ready_instance_gets_its_turn() {
        assert_eq!(turns(&of(&[0, 1, 2]), 6, &[]), [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_gap_does_not_double_the_share_of_its_successor() {
        let balance = of(&[0, 1, 2, 3]);
        balance.set(InstanceId(1), false);
        let mut all = turns(&balance, 300, &[]);
        all.sort_unstable();
        assert_eq!(all.chunk_by(|a, b| a == b).map(<[usize]>::len).collect::<Vec<_>>(), [100, 100, 100]);
    }

    #[test]
    fn what_was_tried_is_passed_over() {
        assert_eq!(turns(&of(&[0, 1]), 3, &[0]), [1, 1, 1]);
        assert_eq!(turns(&of(&[0, 1]), 3, &[1, 0]), [] as [usize; 0]);
    }

    #[test]
    fn nobody_ready_is_nobody_picked() {
        assert_eq!(of(&[]).pick(&[]), None);
    }

    #[test]
    fn coming_twice_counts_once() {
        let balance = of(&[0, 0]);
        assert_eq!(balance.ready(), 1);
        balance.set(InstanceId(0), false);
        balance.set(InstanceId(0), false);
        assert_eq!(balance.ready(), 0);
    }

    #[test]
    fn the_turn_may_overflow() {
        let balance = of(&[0, 1, 2]);
        balance.turn.store(usize::MAX, Ordering::Relaxed);
        assert_eq!(turns(&balance, 2, &[]).len(), 2);
    }
}
