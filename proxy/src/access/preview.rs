//! What `explain` tells of who may ask. It walks the same rules, and says which of them speaks.

use std::{fmt::Write as _, net::IpAddr, time::Instant};

use ipnet::IpNet;

use super::{Access, Caller, Refusal, Verdict, host::Rule};
use crate::answer::Head;

/// What a request from an address would meet.
#[derive(Debug)]
pub struct Preview {
    /// Where the rule is written.
    pub place: String,
    /// Who asks.
    pub client: IpAddr,
    /// What was looked at, one sentence each.
    pub says: Vec<String>,
    /// Why it may not come in.
    pub refusal: Option<Refusal>,
}

impl Access {
    /// What a request would meet, as the first of its client. A password is checked here and now.
    pub fn preview(&self, head: &Head<'_>, caller: Caller) -> Preview {
        let (rule, client) = (self.rules.find(head.host), caller.address);
        let mut says: Vec<String> = Vec::new();
        if !caller.named {
            says.push(format!("{client} forwards for somebody whose address cannot be read, and who is in no list"));
        }
        says.extend(list(rule, caller));
        says.extend(rule.policy.rate.map(|rate| {
            let burst = rule.policy.burst;
            format!("{rate} of one address, {burst} at once: 429 above, which is not counted here")
        }));
        let refusal = match self.judge(head, caller, Instant::now()) {
            Verdict::Refused(Refusal::Password { .. }) if !has_authorization(head) => {
                says.push(format!("401 without a name and a password ({:?}); with them:", rule.policy.realm));
                None
            }
            Verdict::Refused(refusal) => Some(refusal),
            Verdict::Check(attempt) => match self.keys.as_ref().is_some_and(|keys| keys.is_right(&attempt)) {
                true => {
                    says.push("name and password are right".to_owned());
                    None
                }
                false => {
                    says.push("name or password is wrong".to_owned());
                    Some(Refusal::Password { challenge: rule.challenge.clone() })
                }
            },
            Verdict::Welcome { .. } => {
                if rule.users.is_some() {
                    let network = holding(&rule.policy.without_password, client);
                    says.push(format!("no password is asked for from {network}"));
                }
                None
            }
        };
        Preview { place: rule.place.clone(), client, says, refusal }
    }
}

fn has_authorization(head: &Head<'_>) -> bool {
    head.fields.iter().any(|field| field.name.eq_ignore_ascii_case("authorization"))
}

/// Which list speaks of the client, and how.
fn list(rule: &Rule, caller: Caller) -> Option<String> {
    let (policy, client, mut says) = (&rule.policy, caller.address, String::new());
    // Writing to a String cannot fail.
    let _ = if rule.admits(caller) {
        match policy.allow.is_empty() {
            true => return None,
            false => write!(says, "{client} is allowed by {}", holding(&policy.allow, client)),
        }
    } else if policy.deny.iter().any(|network| holds(network, client)) {
        write!(says, "{client} is denied by {}", holding(&policy.deny, client))
    } else {
        let who = if caller.named { client.to_string() } else { "a client without an address".to_owned() };
        write!(says, "{who} is in none of the networks that are allowed")
    };
    Some(says)
}

/// The first network of a list that holds an address, as it was written.
fn holding(networks: &[IpNet], client: IpAddr) -> String {
    networks.iter().find(|network| holds(network, client)).map(ToString::to_string).unwrap_or_default()
}

fn holds(network: &IpNet, client: IpAddr) -> bool {
    super::lists::Networks::new(std::slice::from_ref(network)).contains(client)
}
