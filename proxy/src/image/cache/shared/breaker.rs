//! When a server that failed is asked again.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The first rest after a failure; it doubles with each further one.
const REST_MIN: Duration = Duration::from_secs(1);
/// The longest rest: a server that comes back is noticed within it.
const REST_MAX: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    until: Option<Instant>,
    rest: Duration,
}

impl Breaker {
    /// Whether the server may be asked now. After a rest one goes first, and the others wait for how it fares.
    pub(super) fn lets_pass(&self) -> bool {
        let mut state = self.0.lock();
        match state.until {
            None => true,
            Some(until) if until <= Instant::now() => {
                state.until = Some(Instant::now() + state.rest);
                true
            }
            Some(_) => false,
        }
    }

    pub(super) fn succeed(&self) {
        *self.0.lock() = State::default();
    }

    /// Notes a failure; true for the first one after a success.
    pub(super) fn fail(&self) -> bool {
        let mut state = self.0.lock();
        let first = state.rest.is_zero();
        state.rest = (state.rest * 2).clamp(REST_MIN, REST_MAX);
        state.until = Some(Instant::now() + state.rest);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_failed_is_left_alone_and_then_asked_by_one() {
        let breaker = Breaker::default();
        assert!(breaker.lets_pass() && breaker.fail() && !breaker.fail());
        assert!(!breaker.lets_pass());
        assert_eq!(breaker.0.lock().rest, 2 * REST_MIN);
        breaker.0.lock().until = Some(Instant::now());
        assert!(breaker.lets_pass() && !breaker.lets_pass());
        for _ in 0..20 {
            breaker.fail();
        }
        assert_eq!(breaker.0.lock().rest, REST_MAX);
        breaker.succeed();
        assert!(breaker.lets_pass() && breaker.lets_pass() && breaker.fail());
    }
}
