//! What the cache would do with a request, for `edgeplane explain`: the same functions, in words.

use std::fmt;

use edgeplane_config::EdgeCacheSettings;

use super::key::{Asked, Bypass, COUNTRY, Key, cannot_keep, joined};

/// What would be done with a request.
#[derive(Clone, Debug)]
pub enum Preview {
    /// It is looked up under a key made of these.
    Key {
        /// Name and value, in their order.
        parts: Vec<(&'static str, String)>,
        /// Why an answer of Compute to it would not be kept.
        not_kept: Option<Bypass>,
    },
    /// It goes past the cache.
    Bypass(Bypass),
}

impl Preview {
    /// Looks at a request.
    pub fn of(asked: &Asked<'_>, settings: &EdgeCacheSettings) -> Self {
        if let Err(why) = Key::of(asked, settings) {
            return Self::Bypass(why);
        }
        let head = asked.head;
        let mut target = head.path.to_owned();
        if let Some(query) = head.query {
            target.push('?');
            target.push_str(query);
        }
        let mut parts = vec![
            ("site", asked.site.to_owned()),
            ("deployment", asked.deployment.to_owned()),
            ("url", format!("{}://{}{target}", asked.scheme, head.host.to_ascii_lowercase())),
        ];
        let countries = COUNTRY.into_iter().filter(|_| asked.trusted);
        for name in ["accept", "authorization"].into_iter().chain(countries) {
            if let Some(value) = joined(head, name) {
                // Who explains a request may show the answer to others.
                let shown = if name == "authorization" { "(present)".into() } else { String::from_utf8_lossy(&value) };
                parts.push((name, shown.into_owned()));
            }
        }
        Self::Key { parts, not_kept: cannot_keep(asked, settings) }
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bypass(why) => write!(out, "BYPASS: {why}"),
            Self::Key { parts, not_kept } => {
                let parts: Vec<_> = parts.iter().map(|(name, value)| format!("{name} {value}")).collect();
                write!(out, "key: {}; and what the answer's Vary names", parts.join(", "))?;
                not_kept.map_or(Ok(()), |why| write!(out, "; BYPASS where nothing is kept: {why}"))
            }
        }
    }
}
