//! Hot: which rules hold for the `Host` of a request.

use std::collections::BTreeMap;

use edgeplane_config::{AccessPolicy, AccessSettings, HostPattern};
use http::HeaderValue;

use super::{Caller, lists::Networks, rate::Pace};

/// What holds for some hosts.
#[derive(Debug)]
pub(super) struct Rule {
    /// As it was written.
    pub(super) policy: AccessPolicy,
    /// Where it was written.
    pub(super) place: String,
    allow: Networks,
    deny: Networks,
    without_password: Networks,
    /// How often one address may ask.
    pub(super) pace: Option<Pace>,
    /// Which users may come in; none: no password is asked for.
    pub(super) users: Option<usize>,
    /// What asks a browser for a password.
    pub(super) challenge: HeaderValue,
}

/// The rules of all hosts.
#[derive(Debug)]
pub(super) struct Rules {
    /// That of hosts without one of their own comes first.
    rules: Vec<Rule>,
    exactly: BTreeMap<String, usize>,
    below: BTreeMap<String, usize>,
}

impl Rule {
    /// `users` gives the number of a list of users, and `limiter` who is counted together.
    fn new(policy: &AccessPolicy, place: &str, limiter: usize, users: &mut impl FnMut(&AccessPolicy) -> usize) -> Self {
        // The settings let only such realms pass that fit between quotes.
        let challenge = HeaderValue::try_from(format!("Basic realm=\"{}\", charset=\"UTF-8\"", policy.realm));
        Self {
            place: place.to_owned(),
            allow: Networks::new(&policy.allow),
            deny: Networks::new(&policy.deny),
            without_password: Networks::new(&policy.without_password),
            pace: policy.rate.map(|rate| Pace::new(limiter, rate, policy.burst)),
            users: (!policy.users.is_empty()).then(|| users(policy)),
            challenge: challenge.unwrap_or(HeaderValue::from_static("Basic")),
            policy: policy.clone(),
        }
    }

    /// Whether that client may ask at all.
    pub(super) fn admits(&self, caller: Caller) -> bool {
        let is_allowed = || caller.named && self.allow.contains(caller.address);
        !self.deny.contains(caller.address) && (self.allow.is_empty() || is_allowed())
    }

    /// Which users may come in from there; none: no password is asked for.
    pub(super) fn users_for(&self, caller: Caller) -> Option<usize> {
        self.users.filter(|_| !(caller.named && self.without_password.contains(caller.address)))
    }
}

impl Rules {
    pub(super) fn new(settings: &AccessSettings, mut users: impl FnMut(&AccessPolicy) -> usize) -> Self {
        let mut rules = vec![Rule::new(&settings.everywhere, "[access]", 0, &mut users)];
        let (mut exactly, mut below) = (BTreeMap::new(), BTreeMap::new());
        for host in &settings.hosts {
            let number = rules.len();
            let limiter = if host.counts_apart { number } else { 0 };
            rules.push(Rule::new(&host.policy, &host.place, limiter, &mut users));
            match &host.host {
                HostPattern::Exactly(name) => exactly.insert(name.clone(), number),
                HostPattern::Below(name) => below.insert(name.clone(), number),
            };
        }
        Self { rules, exactly, below }
    }

    /// How many there are; so many may count requests apart from others.
    pub(super) fn n_rules(&self) -> usize {
        self.rules.len()
    }

    /// Whether one of them limits how often an address may ask.
    pub(super) fn limit_requests(&self) -> bool {
        self.rules.iter().any(|rule| rule.pace.is_some())
    }

    /// The rule of a `Host`: of the very name, else of the nearest name above it, else of all.
    pub(super) fn find(&self, host: &str) -> &Rule {
        &self.rules[self.number(host)]
    }

    fn number(&self, host: &str) -> usize {
        if self.exactly.is_empty() && self.below.is_empty() {
            return 0;
        }
        let name = name_of(host);
        let mut lower = [0; NAME_MAX];
        let Some(lower) = lower.get_mut(..name.len()) else { return 0 };
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        let Ok(mut name) = std::str::from_utf8(lower) else { return 0 };
        if let Some(number) = self.exactly.get(name) {
            return *number;
        }
        while let Some((_, above)) = name.split_once('.') {
            if let Some(number) = self.below.get(above) {
                return *number;
            }
            name = above;
        }
        0
    }
}

/// Bytes of a name in the DNS (RFC 1035 3.1); longer ones are nobody's.
const NAME_MAX: usize = 255;

/// The host without port, and without the dot that a whole name may end in.
fn name_of(host: &str) -> &str {
    let name = match host.find(']') {
        Some(end) => &host[..=end],
        None => host.split(':').next().unwrap_or_default(),
    };
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use edgeplane_config::{HostAccess, Settings};

    use super::*;

    fn rules(hosts: &[&str]) -> Rules {
        let mut settings = Settings::default().access;
        for name in hosts {
            let host = match name.strip_prefix("*.") {
                Some(name) => HostPattern::Below(name.to_owned()),
                None => HostPattern::Exactly((*name).to_owned()),
            };
            let policy = settings.everywhere.clone();
            settings.hosts.push(HostAccess { host, policy, counts_apart: false, place: (*name).to_owned() });
        }
        Rules::new(&settings, |_| 0)
    }

    #[test]
    fn the_nearest_name_counts() {
        let rules = rules(&["www.example.org", "*.example.org", "*.staging.example.org", "[2001:db8::1]", "192.0.2.1"]);
        for (host, place) in [
            ("www.example.org", "www.example.org"),
            ("WWW.Example.ORG:8080", "www.example.org"),
            ("www.example.org.", "www.example.org"),
            ("www.example.org.:443", "www.example.org"),
            ("a.example.org", "*.example.org"),
            ("a.b.example.org", "*.example.org"),
            ("a.staging.example.org", "*.staging.example.org"),
            ("staging.example.org", "*.example.org"),
            ("x.www.example.org", "*.example.org"),
            ("example.org", "[access]"),
            ("badexample.org", "[access]"),
            ("", "[access]"),
            ("[2001:db8::1]:80", "[2001:db8::1]"),
            ("192.0.2.1:80", "192.0.2.1"),
            (&"a".repeat(300), "[access]"),
        ] {
            assert_eq!(rules.find(host).place, place, "{host}");
        }
    }
}
