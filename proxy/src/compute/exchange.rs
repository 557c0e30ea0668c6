//! Hot: one exchange with Compute as a plain state machine: whom to ask, when to ask again, what to withhold.
//!
//! It knows nothing of sockets. Adapters tell it what happened and do what it says, so that every way of speaking to
//! an upstream behaves alike.

use http::StatusCode;

use super::InstanceId;

/// Where an exchange stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No answer yet.
    Waiting,
    /// The answer's head went to the client; nothing can be undone.
    Begun(StatusCode),
    /// The answer was a 404 and another target answers instead.
    Withheld,
    /// No answer came.
    Failed(Failure),
}

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No instance is ready and none became ready in time.
    #[error("no instance of the application is ready")]
    NoInstance,
    /// Nobody accepted the connection.
    #[error("the application does not accept connections")]
    Connect,
    /// The connection broke, or what came was no HTTP.
    #[error("the application closed the connection without a proper answer")]
    Broken,
    /// No answer within the time limit.
    #[error("the application did not answer in time")]
    Timeout,
}

/// What an adapter does with a response head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it on to the client.
    Forward,
    /// Read it to its end and send nothing on.
    Withhold,
    /// It is no answer to what was asked: the connection has failed.
    Refuse,
}

/// Interim answers taken in one exchange. A server says 100 once and 103 a few times; an endless row of them is an
/// answer that never comes.
const INTERIM_MAX: usize = 32;

/// What an adapter does after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask again; another instance where there is one.
    Retry,
    /// It is over.
    GiveUp,
}

/// One request's way through Compute.
#[derive(Debug)]
pub struct Exchange {
    stage: Stage,
    repeatable: bool,
    has_fallback: bool,
    upgrades: bool,
    interim_left: usize,
    attempts_left: usize,
    tried: Vec<InstanceId>,
    instance: Option<InstanceId>,
}

impl Exchange {
    /// An exchange for `method`. With `has_fallback`, a 404 is withheld; `upgrades` allows a 101. `attempts` is the
    /// most requests sent.
    pub fn new(method: &str, has_fallback: bool, upgrades: bool, attempts: usize) -> Self {
        Self {
            stage: Stage::Waiting,
            repeatable: is_idempotent(method),
            has_fallback,
            upgrades,
            interim_left: INTERIM_MAX,
            attempts_left: attempts.max(1),
            tried: Vec::new(),
            instance: None,
        }
    }

    /// Where it stands.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Instances that failed this request already.
    pub fn tried(&self) -> &[InstanceId] {
        &self.tried
    }

    /// The instance asked last.
    pub fn instance(&self) -> Option<InstanceId> {
        self.instance
    }

    /// An instance was picked and is asked now.
    pub fn asks(&mut self, id: InstanceId) {
        self.attempts_left = self.attempts_left.saturating_sub(1);
        self.instance = Some(id);
    }

    /// There was nobody to ask.
    pub fn found_nobody(&mut self) {
        self.fail(Failure::NoInstance);
    }

    /// The connection was refused or timed out: the request was not sent, so any method may be sent again.
    pub fn could_not_connect(&mut self) -> Next {
        self.again_or(Failure::Connect, true)
    }

    /// A response head arrived. Informational heads (1xx but 101) pass and change nothing.
    pub fn answered(&mut self, status: StatusCode) -> Verdict {
        if status == StatusCode::SWITCHING_PROTOCOLS {
            // RFC 9110 15.2.2: only in answer to an Upgrade.
            if !self.upgrades {
                self.fail(Failure::Broken);
                return Verdict::Refuse;
            }
        } else if status.is_informational() {
            if self.interim_left == 0 {
                self.fail(Failure::Broken);
                return Verdict::Refuse;
            }
            self.interim_left -= 1;
            return Verdict::Forward;
        }
        if status == StatusCode::NOT_FOUND && self.has_fallback {
            self.stage = Stage::Withheld;
            return Verdict::Withhold;
        }
        self.stage = Stage::Begun(status);
        Verdict::Forward
    }

    /// The answer is read to its end and another one is given instead, which is at hand.
    pub fn hold_back(&mut self) -> Verdict {
        self.stage = Stage::Withheld;
        Verdict::Withhold
    }

    /// The connection broke after the request was (partly) sent. RFC 9110 9.2.2: only idempotent methods are repeated
    /// automatically, and only with a body that can be sent again.
    pub fn broke(&mut self, body_can_be_repeated: bool) -> Next {
        self.again_or(Failure::Broken, self.repeatable && body_can_be_repeated)
    }

    /// Time is up.
    pub fn timed_out(&mut self) {
        self.fail(Failure::Timeout);
    }

    fn again_or(&mut self, failure: Failure, allowed: bool) -> Next {
        if let Some(id) = self.instance
            && !self.tried.contains(&id)
        {
            self.tried.push(id);
        }
        if self.stage == Stage::Waiting && allowed && self.attempts_left > 0 {
            return Next::Retry;
        }
        self.fail(failure);
        Next::GiveUp
    }

    fn fail(&mut self, failure: Failure) {
        if self.stage == Stage::Waiting {
            self.stage = Stage::Failed(failure);
        }
    }
}

/// RFC 9110 9.2.2.
fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, has_fallback: bool, attempts: usize) -> Exchange {
        let mut exchange = Exchange::new(method, has_fallback, false, attempts);
        exchange.asks(InstanceId(0));
        exchange
    }

    #[test]
    fn a_get_is_repeated_until_the_attempts_are_used_up() {
        let mut exchange = asked("GET", false, 2);
        assert_eq!(exchange.broke(true), Next::Retry);
        assert_eq!(exchange.tried(), [InstanceId(0)]);
        exchange.asks(InstanceId(1));
        assert_eq!(exchange.broke(true), Next::GiveUp);
        assert_eq!(exchange.stage(), Stage::Failed(Failure::Broken));
    }

    #[test]
    fn a_post_is_repeated_only_when_it_was_never_sent() {
        assert_eq!(asked("POST", false, 3).could_not_connect(), Next::Retry);
        assert_eq!(asked("POST", false, 3).broke(true), Next::GiveUp);
        assert_eq!(asked("PUT", false, 3).broke(false), Next::GiveUp);
    }

    #[test]
    fn nothing_is_repeated_once_the_answer_has_begun() {
        let mut exchange = asked("GET", false, 3);
        assert_eq!(exchange.answered(StatusCode::OK), Verdict::Forward);
        assert_eq!(exchange.broke(true), Next::GiveUp);
        assert_eq!(exchange.stage(), Stage::Begun(StatusCode::OK));
    }

    #[test]
    fn a_404_is_withheld_only_where_a_fallback_stands_ready() {
        for (status, has_fallback, verdict) in [
            (404, true, Verdict::Withhold),
            (404, false, Verdict::Forward),
            (410, true, Verdict::Forward),
            (200, true, Verdict::Forward),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(asked("GET", has_fallback, 1).answered(status), verdict, "{status} {has_fallback}");
        }
    }

    #[test]
    fn a_switch_of_protocols_nobody_asked_for_is_no_answer() {
        let mut exchange = asked("GET", false, 3);
        assert_eq!(exchange.answered(StatusCode::SWITCHING_PROTOCOLS), Verdict::Refuse);
        assert_eq!(exchange.broke(true), Next::GiveUp);
        let mut exchange = Exchange::new("GET", false, true, 3);
        assert_eq!(exchange.answered(StatusCode::SWITCHING_PROTOCOLS), Verdict::Forward);
    }

    #[test]
    fn interim_answers_without_end_are_no_answer() {
        let mut exchange = asked("GET", false, 3);
        for _ in 0..INTERIM_MAX {
            assert_eq!(exchange.answered(StatusCode::EARLY_HINTS), Verdict::Forward);
        }
        assert_eq!(exchange.answered(StatusCode::EARLY_HINTS), Verdict::Refuse);
        assert_eq!(exchange.stage(), Stage::Failed(Failure::Broken));
    }

    #[test]
    fn a_100_continue_does_not_begin_the_answer() {
        let mut exchange = asked("PUT", true, 2);
        assert_eq!(exchange.answered(StatusCode::CONTINUE), Verdict::Forward);
        assert_eq!(exchange.stage(), Stage::Waiting);
        assert_eq!(exchange.broke(true), Next::Retry);
    }
}
