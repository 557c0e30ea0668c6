//! Hot: how many idle connections all threads together keep to one instance.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The count, shared by the threads; the connections themselves are each thread's own.
#[derive(Debug, Default)]
pub struct Kept(AtomicUsize);

impl Kept {
    /// Counts one more, unless that would be more than `most`.
    pub fn enter(&self, most: usize) -> bool {
        if self.0.fetch_add(1, Ordering::Relaxed) < most {
            return true;
        }
        self.leave(1);
        false
    }

    /// So many are kept no longer.
    pub fn leave(&self, count: usize) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_enter_than_may_stay() {
        let kept = Kept::default();
        assert_eq!((0..5).filter(|_| kept.enter(3)).count(), 3);
        kept.leave(2);
        assert_eq!((0..5).filter(|_| kept.enter(3)).count(), 2);
    }
}
