//! Hot: who may ask at all: from which addresses, how often, and with which password.
//!
//! One decision for every lane and for `explain`. It comes before everything that a deployment says, so that who may not
//! come in learns nothing of what is inside: no redirect, no 404. Whoever configures nothing of this has no [`Access`].
//!
//! 1. [`host`]: the rule for the host that is asked for
//! 2. [`lists`]: networks that may ask, and that may not: 403
//! 3. [`rate`]: how often an address may ask: 429
//! 4. [`basic`]: names and passwords: 401, and 429 for who guesses

mod host;
mod lists;
mod rate;
mod vicinity;
mod basic;
mod events;
mod preview;

use std::{
    net::IpAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use edgeplane_config::{AccessSettings, Amount};
use http::HeaderValue;
use tokio::time::timeout;

use self::{basic::Keys, host::Rules, rate::Meter};
pub use self::{
    basic::{Attempt, DrawKey},
    events::{AccessEvents, CHECKS, REASONS},
    preview::Preview,
};
use crate::answer::Head;

/// Processors for each thread that checks passwords, where their number is left to us: the others answer requests.
const PROCESSORS_PER_WORKER: usize = 4;

/// Why somebody may not come in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its address is not let in.
    #[error("this address may not ask here")]
    Address,
    /// It asks too often.
    #[error("too many requests from this address")]
    Rate {
        /// Seconds after which it may ask again.
        retry_after: u64,
    },
    /// It has no right password. Whether it had none, a wrong one or an unknown name is not told.
    #[error("a user name and a password are needed")]
    Password {
        /// The value of `WWW-Authenticate`.
        challenge: HeaderValue,
    },
    /// It had too many wrong passwords.
    #[error("too many wrong passwords from this address")]
    Failures {
        /// Seconds after which it may try again.
        retry_after: u64,
    },
    /// Too many passwords are being checked, or it took too long.
    #[error("too many passwords are being checked")]
    Busy,
}

/// Who asks, as far as is known.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Its address, or that of the last proxy before us that can be named.
    pub address: IpAddr,
    /// Whether it is its own: nobody is let in for the address of a proxy that does not say whom it asks for.
    pub named: bool,
}

/// What is decided without waiting.
#[derive(Debug)]
pub enum Verdict {
    /// It may come in.
    Welcome {
        /// Its `Authorization` was meant for us, and nobody else needs to see it.
        ours: bool,
    },
    /// It may not.
    Refused(Refusal),
    /// It has a password that is to be checked first, which takes its time.
    Check(Box<Attempt>),
}

/// Who may ask. For the whole process: an address has one rate, whichever thread it is connected to.
#[derive(Debug)]
pub struct Access {
    rules: Rules,
    /// Where a rule limits how often an address may ask.
    requests: Option<Meter>,
    /// Where a rule asks for passwords.
    keys: Option<Arc<Keys>>,
    /// For a check.
    wait: Duration,
    events: Arc<AccessEvents>,
}

impl Access {
    /// What the settings say; none where they say nothing, and everybody may ask.
    ///
    /// # Errors
    /// [`DrawKey`].
    pub fn of(settings: &AccessSettings) -> Result<Option<Self>, DrawKey> {
        let mut policies = std::iter::once(&settings.everywhere).chain(settings.hosts.iter().map(|host| &host.policy));
        if policies.all(|policy| policy.is_open()) {
            return Ok(None);
        }
        let workers = match settings.workers {
            Amount::Auto => thread::available_parallelism().map_or(1, usize::from).div_ceil(PROCESSORS_PER_WORKER),
            Amount::Just(count) => count,
        };
        let mut keys = Keys::new(settings, workers)?;
        let rules = Rules::new(settings, |policy| keys.list(policy));
        let requests = rules.limit_requests().then(|| Meter::new(settings.addresses, rules.n_rules()));
        let keys = Some(keys).filter(Keys::has_users).map(Arc::new);
        Ok(Some(Self { rules, requests, keys, wait: settings.wait, events: Arc::default() }))
    }

    /// Whether a request may come in. To be asked once for each request: it is counted.
    pub fn enter(&self, head: &Head<'_>, caller: Caller, now: Instant) -> Verdict {
        let verdict = self.judge(head, caller, now);
        if let Verdict::Refused(refusal) = &verdict {
            self.events.refused(refusal);
        }
        verdict
    }

    fn judge(&self, head: &Head<'_>, caller: Caller, now: Instant) -> Verdict {
        let (rule, client) = (self.rules.find(head.host), caller.address);
        if !rule.admits(caller) {
            return Verdict::Refused(Refusal::Address);
        }
        if let (Some(meter), Some(pace)) = (&self.requests, &rule.pace)
            && let Err(wait) = meter.charge(pace, client, now)
        {
            return Verdict::Refused(Refusal::Rate { retry_after: wait.seconds() });
        }
        match (&self.keys, rule.users, rule.users_for(caller)) {
            (Some(keys), _, Some(users)) => keys.enter(users, &rule.challenge, head, client, now),
            // Who needs no password may send one all the same.
            (_, users, _) => Verdict::Welcome { ours: users.is_some() && basic::is_ours(head) },
        }
    }

    /// Waits for what [`Access::enter`] has left to be checked. True where the `Authorization` was meant for us.
    ///
    /// # Errors
    /// Why the request may not come in.
    pub async fn settle(&self, verdict: Verdict, now: Instant) -> Result<bool, Refusal> {
        match (verdict, &self.keys) {
            (Verdict::Welcome { ours }, _) => Ok(ours),
            (Verdict::Refused(refusal), _) => Err(refusal),
            (Verdict::Check(attempt), Some(keys)) => {
                let settled = timeout(self.wait, keys.settle(&attempt, &self.events, now)).await;
                settled.unwrap_or(Err(Refusal::Busy)).inspect_err(|refusal| self.events.refused(refusal)).map(|()| true)
            }
            // Without keys nothing is ever left to be checked.
            (Verdict::Check(_), None) => Err(Refusal::Busy),
        }
    }

    /// What happened since the start.
    pub fn events(&self) -> &AccessEvents {
        &self.events
    }

    /// How often an address was counted together with others, for want of room.
    pub fn crowded(&self) -> u64 {
        self.requests.as_ref().map_or(0, Meter::crowded) + self.keys.as_ref().map_or(0, |keys| keys.crowded())
    }
}

#[cfg(test)]
mod tests;
