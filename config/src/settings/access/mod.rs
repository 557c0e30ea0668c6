//! `[access]` and `[[access-hosts]]`: from which addresses, with which passwords and how often one may ask.

use std::{fmt, time::Duration};

use ipnet::IpNet;

use super::{
    Amount,
    credential::User,
    load,
    meaning::networks,
    problem::{Origin, SettingProblem},
    read::Reader,
    wire::{self, HOSTS, Raw, Table, Written},
};

/// Keys of a table, besides `host`: those of `[access]` that may differ from host to host.
const KEYS: [&str; 8] = ["allow", "deny", "users", "users-file", "without-password", "realm", "rate", "burst"];

/// `[access]`: who may ask.
#[derive(Clone, Debug)]
pub struct AccessSettings {
    /// What holds for hosts that no table names.
    pub everywhere: AccessPolicy,
    /// What holds for the others, in the order of the file.
    pub hosts: Vec<HostAccess>,
    /// Wrong passwords of one address: 429 above.
    pub failures: Rate,
    /// Addresses that are told apart at once.
    pub addresses: usize,
    /// Threads that check passwords.
    pub workers: Amount,
    /// Passwords that are being checked or wait for it: 503 above.
    pub queue: usize,
    /// For the check of a password, from the request to its result: 503 above.
    pub wait: Duration,
    /// Right passwords that need not be checked again.
    pub remembered: u64,
}

/// Who may ask one host, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Networks whose clients alone may ask; empty: everybody may.
    pub allow: Vec<IpNet>,
    /// Networks whose clients may not.
    pub deny: Vec<IpNet>,
    /// Who may come in with a password; empty: none is asked for.
    pub users: Vec<User>,
    /// Networks whose clients need none.
    pub without_password: Vec<IpNet>,
    /// What a browser shows that asks for one.
    pub realm: String,
    /// Requests of one address: 429 above; none: without limit.
    pub rate: Option<Rate>,
    /// How many of them may come at once.
    pub burst: u32,
}

/// One table of `[[access-hosts]]`: `[access]`, but for what it names itself.
#[derive(Clone, Debug)]
pub struct HostAccess {
    /// Which hosts.
    pub host: HostPattern,
    /// What holds there.
    pub policy: AccessPolicy,
    /// It has a rate of its own, so its requests are counted apart from those to other hosts.
    pub counts_apart: bool,
    /// Where it is written.
    pub place: String,
}

/// Which hosts are meant; lower case, without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// `staging.example.org`
    Exactly(String),
    /// `*.example.org`: every host below that name, however deep.
    Below(String),
}

/// So many in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In what time.
    pub per: Duration,
}

impl Rate {
    /// Reads `50/s`, `600/m` or `10000/h`.
    fn parse(text: &str) -> Option<Self> {
        let (count, unit) = text.split_once('/')?;
        let seconds = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            _ => return None,
        };
        let count = count.trim().parse().ok().filter(|count| (1..=1_000_000).contains(count))?;
        Some(Self { count, per: Duration::from_secs(seconds) })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per.as_secs() {
            1 => "s",
            60 => "m",
            _ => "h",
        };
        write!(out, "{}/{unit}", self.count)
    }
}

impl HostPattern {
    fn parse(text: &str) -> Option<Self> {
        let (name, is_below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let is_address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let is_name = match is_address {
            Some(address) => !is_below && address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => name.len() <= 253 && name.split('.').all(is_label),
        };
        let name = name.to_ascii_lowercase();
        is_name.then_some(if is_below { Self::Below(name) } else { Self::Exactly(name) })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(name) => out.write_str(name),
            Self::Below(name) => write!(out, "*.{name}"),
        }
    }
}

impl AccessPolicy {
    /// Whether nobody is ever turned away.
    pub fn is_open(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty() && self.users.is_empty() && self.rate.is_none()
    }
}

/// Reads `[access]`; its hosts come with [`hosts`].
pub(super) fn read(reader: &mut Reader<'_>) -> AccessSettings {
    AccessSettings {
        everywhere: AccessPolicy {
            allow: networks(reader, "access.allow"),
            deny: networks(reader, "access.deny"),
            users: users(reader),
            without_password: networks(reader, "access.without-password"),
            realm: realm(reader),
            rate: rate(reader),
            burst: reader.count("access.burst", 1..=1_000_000),
        },
        hosts: Vec::new(),
        failures: failures(reader),
        addresses: reader.count("access.addresses", 1024..=16_777_216),
        workers: reader.amount("access.workers"),
        queue: reader.count("access.queue", 1..=65_536),
        wait: reader.duration("access.wait", Duration::from_millis(10)..=Duration::from_secs(60 * 60)),
        remembered: reader.count("access.remembered", 0..=10_000_000),
    }
}

/// Reads the tables of `[[access-hosts]]`, each laid over `everywhere`.
pub(super) fn hosts(
    tables: &[Table],
    everywhere: &AccessPolicy,
    problems: &mut Vec<SettingProblem>,
    warnings: &mut Vec<SettingProblem>,
) -> Vec<HostAccess> {
    let mut hosts: Vec<HostAccess> = Vec::new();
    for table in tables.iter().filter(|table| table.list == HOSTS) {
        let Some(host) = host(table, everywhere, problems) else { continue };
        if hosts.iter().any(|other| other.host == host.host) {
            let problem = problem(&table.origin, format!("`{}` has two tables", host.host));
            problems.push(problem.with_help("write what holds for a host into one table"));
        }
        hosts.push(host);
    }
    warnings.extend(passed_by(&hosts, everywhere, tables));
    hosts
}

/// Whether a policy asks something of its clients.
type Asks = fn(&AccessPolicy) -> bool;

/// What holds for a host and not everywhere: whoever may choose the host of a request could choose one without it.
fn passed_by<'a>(
    hosts: &'a [HostAccess],
    everywhere: &'a AccessPolicy,
    tables: &'a [Table],
) -> impl Iterator<Item = SettingProblem> + 'a {
    let kinds: [(&str, Asks); 3] = [
        ("is asked for no password", |policy| !policy.users.is_empty()),
        ("passes by its `allow`", |policy| !policy.allow.is_empty()),
        ("passes by its `deny`", |policy| !policy.deny.is_empty()),
    ];
    kinds.into_iter().filter(|(_, asks)| !asks(everywhere)).filter_map(|(told, asks)| {
        let host = hosts.iter().find(|host| asks(&host.policy))?;
        let place = tables.iter().find(|table| table.list == HOSTS && table.origin.to_string() == host.place);
        let origin = place.map_or(Origin::Default, |table| table.origin.clone());
        let help = "write it into [access], and name the open hosts in [[access-hosts]], unless that host has a site of \
                    its own, or what is in front of this server lets no other host through";
        let message = format!("a client that names another host than `{}` {told}", host.host);
        Some(problem(&origin, message).with_help(help))
    })
}

fn host(table: &Table, everywhere: &AccessPolicy, problems: &mut Vec<SettingProblem>) -> Option<HostAccess> {
    let mut values = wire::defaults();
    for (key, written) in &table.values {
        if KEYS.contains(&key.as_str()) {
            values.insert(format!("access.{key}"), written.clone());
        } else if key != "host" {
            let problem = problem(&written.origin, format!("a table of this list has no `{key}`"));
            problems.push(problem.with_help(format!("it has `host`, `{}`", KEYS.join("`, `"))));
        }
    }
    let own = |key: &str| table.values.contains_key(key);
    let mut reader = Reader::new(&values);
    let mut policy = everywhere.clone();
    if own("allow") {
        policy.allow = networks(&mut reader, "access.allow");
    }
    if own("deny") {
        policy.deny = networks(&mut reader, "access.deny");
    }
    // Both name the same people: with one of them the other is not taken over.
    if own("users") || own("users-file") {
        policy.users = users(&mut reader);
    }
    if own("without-password") {
        policy.without_password = networks(&mut reader, "access.without-password");
    }
    if own("realm") {
        policy.realm = realm(&mut reader);
    }
    if own("rate") {
        policy.rate = rate(&mut reader);
    }
    if own("burst") {
        policy.burst = reader.count("access.burst", 1..=1_000_000);
    }
    problems.extend(reader.problems());
    let host = match table.values.get("host") {
        Some(Written { raw: Raw::Text(text), origin }) => HostPattern::parse(text).ok_or((origin, text.as_str())),
        Some(Written { origin, .. }) => Err((origin, "this")),
        None => Err((&table.origin, "")),
    };
    match host {
        Ok(host) => {
            let counts_apart = own("rate") || own("burst");
            Some(HostAccess { host, policy, counts_apart, place: table.origin.to_string() })
        }
        Err((origin, text)) => {
            let message =
                if text.is_empty() { "the table has no `host`".to_owned() } else { format!("`{text}` is no host") };
            let help = "write a name without scheme and port: \"staging.example.org\" or \"*.example.org\"";
            problems.push(problem(origin, message).with_help(help));
            None
        }
    }
}

fn problem(origin: &Origin, message: String) -> SettingProblem {
    SettingProblem::new(origin.clone(), Some(HOSTS), message)
}

/// Those of the list, and those of the file.
fn users(reader: &mut Reader<'_>) -> Vec<User> {
    const LIST: &str = "access.users";
    const FILE: &str = "access.users-file";
    let mut users: Vec<User> = Vec::new();
    for line in reader.texts(LIST) {
        match User::parse(&line) {
            Ok(user) => users.push(user),
            Err(why) => reader.note(LIST, why.to_string(), why.help()),
        }
    }
    if let Some(path) = reader.path(FILE) {
        let text = load::text(&path).unwrap_or_else(|error| {
            reader.note(FILE, format!("cannot read `{}`: {error}", path.display()), "name a file that can be read");
            String::new()
        });
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        for (index, line) in lines {
            match User::parse(line) {
                Ok(user) => users.push(user),
                Err(why) => {
                    let origin = Origin::File { path: path.clone(), line: index + 1, column: 1 };
                    reader.note_at(origin, FILE, why.to_string(), why.help());
                }
            }
        }
    }
    for (index, user) in users.iter().enumerate() {
        if users[..index].iter().any(|other| other.name == user.name) {
            reader.note(LIST, format!("`{}` is named twice", user.name), "name each user once");
        }
    }
    users
}

/// A text that fits between quotes in a field.
fn realm(reader: &mut Reader<'_>) -> String {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !b"\"\\".contains(&byte);
    let realm =
        |text: &str| (!text.is_empty() && text.len() <= 100 && text.bytes().all(is_plain)).then(|| text.to_owned());
    reader.parsed("access.realm", String::new(), "write up to 100 characters of ASCII without quotes", realm)
}

fn rate(reader: &mut Reader<'_>) -> Option<Rate> {
    let rate = |text: &str| if text.is_empty() { Some(None) } else { Rate::parse(text).map(Some) };
    reader.parsed("access.rate", None, "write \"50/s\", \"600/m\" or \"10000/h\", or nothing", rate)
}

fn failures(reader: &mut Reader<'_>) -> Rate {
    let stand_in = Rate { count: 1, per: Duration::from_secs(1) };
    // With one alone, what comes while a right password is being checked would be turned away.
    let failures = |text: &str| Rate::parse(text).filter(|rate| rate.count > 1);
    reader.parsed("access.failures", stand_in, "write two or more, such as \"10/m\" or \"100/h\"", failures)
}

#[cfg(test)]
mod tests;
