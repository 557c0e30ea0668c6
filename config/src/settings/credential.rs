//! Users and the hashes of their passwords, as `htpasswd` writes them: `name:$2y$12$...`.

use std::{fmt, ops::RangeInclusive, str::FromStr as _};

use bcrypt::HashParts;

/// What a hash may cost to compute, as a power of two. Below it a stolen hash is soon guessed; above it every check
/// occupies a processor for seconds.
const COSTS: RangeInclusive<u32> = 10..=15;

/// Somebody who may come in with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name, without a colon.
    pub name: String,
    /// What the password is checked by.
    pub hash: PasswordHash,
}

/// The bcrypt hash of a password. It is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: String,
    cost: u32,
}

/// Why a text is no user. It never repeats what may be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UserError {
    #[error("there is no colon between a name and a hash")]
    NoColon,
    #[error("a user's name is empty or holds what cannot be sent")]
    Name,
    #[error("what stands after `{0}:` is no bcrypt hash")]
    NoHash(String),
    #[error("the hash of `{0}` is soon guessed: it has the cost {1}, and {min} is the least", min = COSTS.start())]
    Cheap(String, u32),
    #[error("the hash of `{0}` takes too long to check: it has the cost {1}, and {max} is the most", max = COSTS.end())]
    Dear(String, u32),
}

impl UserError {
    /// How to mend it.
    pub(crate) fn help(&self) -> String {
        let name = match self {
            Self::NoColon | Self::Name => "NAME",
            Self::NoHash(name) | Self::Cheap(name, _) | Self::Dear(name, _) => name,
        };
        format!(
            "write what `edgeplane hash-password {name}` prints, which reads the password from standard input; a password \
             itself is never accepted"
        )
    }
}

impl User {
    /// Reads `name:hash`.
    pub(crate) fn parse(line: &str) -> Result<Self, UserError> {
        let (name, hash) = line.trim().split_once(':').ok_or(UserError::NoColon)?;
        // RFC 7617 2: neither part may hold control characters.
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(UserError::Name);
        }
        let name = name.to_owned();
        let parts = HashParts::from_str(hash).ok().filter(|_| !hash.starts_with("$2x$"));
        let Some(parts) = parts else { return Err(UserError::NoHash(name)) };
        match parts.get_cost() {
            cost if cost < *COSTS.start() => Err(UserError::Cheap(name, cost)),
            cost if cost > *COSTS.end() => Err(UserError::Dear(name, cost)),
            cost => Ok(Self { name, hash: PasswordHash { text: hash.to_owned(), cost } }),
        }
    }
}

impl PasswordHash {
    /// The hash as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it costs to check a password by it, as a power of two.
    pub fn cost(&self) -> u32 {
        self.cost
    }
}

/// Nothing of it: settings are printed where something goes wrong.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PasswordHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the password `swordfish`.
    const HASH: &str = "$2y$10$abcdefghijklmnopqrstuuivHRne1b8fIlcxc8Qcz3debdq6Vefzy";

    #[test]
    fn a_user_is_a_name_and_a_hash() {
        for version in ["2a", "2b", "2y"] {
            let user = User::parse(&format!(" alice:{} ", HASH.replace("2y", version))).unwrap();
            assert_eq!((user.name.as_str(), user.hash.cost()), ("alice", 10));
        }
    }

    #[test]
    fn what_is_no_user_says_why_and_keeps_what_may_be_a_password_to_itself() {
        let cost = |cost: &str| format!("alice:{}", HASH.replace("$10$", cost));
        for (line, says) in [
            ("swordfish", "no colon"),
            (":swordfish", "name is empty"),
            ("a\tb:swordfish", "name is empty"),
            ("alice:swordfish", "after `alice:` is no bcrypt hash"),
            ("alice:", "after `alice:` is no bcrypt hash"),
            ("alice:$apr1$swordfish$e7", "no bcrypt hash"),
            ("alice:{SHA}swordfish", "no bcrypt hash"),
            (&format!("alice:{}", HASH.replace("2y", "2x")), "no bcrypt hash"),
            (&cost("$09$"), "soon guessed: it has the cost 9, and 10 is the least"),
            (&cost("$16$"), "too long to check: it has the cost 16, and 15 is the most"),
        ] {
            let why = User::parse(line).unwrap_err();
            let told = format!("{why} {}", why.help());
            assert!(told.contains(says) && told.contains("edgeplane hash-password"), "{told}");
            assert!(!told.contains("swordfish") && !told.contains("abcdefghij"), "{told}");
        }
    }

    #[test]
    fn a_hash_is_shown_to_nobody() {
        let user = User::parse(&format!("alice:{HASH}")).unwrap();
        assert_eq!(format!("{user:?}"), "User { name: \"alice\", hash: PasswordHash }");
    }
}
