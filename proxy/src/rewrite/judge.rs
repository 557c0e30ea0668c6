//! Hot: whether one rule applies to a request, what comes of it then, and why not otherwise.

use std::{borrow::Cow, fmt};

use edgeplane_config::{RuleAction, Site};
use http::{HeaderValue, StatusCode};

use super::{
    asked::Asked,
    compile::{Compiled, Source, Wanted},
    substitute::{has_dot_segment, one_name, query_as_sent, sent},
};

/// What a rule does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The client is sent elsewhere.
    Redirect {
        /// 301 or 302.
        status: StatusCode,
        /// Where to.
        location: HeaderValue,
    },
    /// Another path of this app is answered.
    Rewrite {
        /// The path, percent-encoded.
        path: String,
        /// The query, without its `?`.
        query: Option<String>,
    },
    /// Another site is asked.
    Proxy {
        /// Which one.
        site: Site,
        /// For this path.
        path: String,
        /// And this query.
        query: Option<String>,
    },
    /// A file of this app is answered, as not found.
    Page {
        /// Its path, percent-encoded.
        path: String,
    },
}

/// Why a rule did not take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// The path is another.
    Path,
    /// The host is another.
    Host,
    /// The query lacks something.
    Query,
    /// The client is elsewhere, or nobody we trust says where.
    Country,
    /// The expression finds nothing.
    Expression,
    /// The expression took too long.
    GivenUp,
    /// An image route takes the path.
    Image,
    /// It would lead to the address that was asked for.
    Itself,
    /// The address climbs out of the folder that the target names.
    Dots,
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path => "the path is another",
            Self::Host => "the host is another",
            Self::Query => "the query lacks what it asks for",
            Self::Country => "the client is elsewhere, or nobody who is trusted says where",
            Self::Expression => "the expression finds nothing in the path",
            Self::GivenUp => "the expression was given up: the path is too long, or took too many steps",
            Self::Image => "it leads to one page, and an image route takes the path",
            Self::Itself => "it would redirect to the address that was asked for",
            Self::Dots => "the path has segments of dots, which could lead out of the target's folder",
        })
    }
}

impl Compiled {
    /// Whether the rule applies, looked at alone; the automaton may have found already that its path does.
    pub(super) fn judge(&self, asked: &Asked<'_>, is_image: &dyn Fn() -> bool) -> Result<Outcome, Passed> {
        let mut values = self.source_matches(asked)?;
        values.extend(self.query_values(asked.query)?);
        if let Some(country) = &self.country
            && !asked.country.is_some_and(|named| named.trim().eq_ignore_ascii_case(country))
        {
            return Err(Passed::Country);
        }
        if self.spares_images && is_image() {
            return Err(Passed::Image);
        }
        self.outcome(asked, &values)
    }

    /// What the placeholders of the path stand for, as it was sent.
    fn source_matches<'a>(&self, asked: &Asked<'a>) -> Result<Vec<Cow<'a, str>>, Passed> {
        match &self.source {
            Source::Path { pattern, .. } => {
                let parts = pattern.captures(asked.decoded).ok_or(Passed::Path)?;
                Ok(parts.iter().map(|part| Cow::Borrowed(sent(asked.path, asked.decoded, part))).collect())
            }
            Source::Host(host) if host.eq_ignore_ascii_case(asked.host) => Ok(Vec::new()),
            Source::Host(_) => Err(Passed::Host),
            Source::Expression(expression) => {
                // What is no text has no name that an expression could mean.
                let path = std::str::from_utf8(asked.decoded).unwrap_or(asked.path);
                match expression.finds(path) {
                    Ok(true) => Ok(Vec::new()),
                    Ok(false) => Err(Passed::Expression),
                    Err(_) => {
                        asked.given_up.set(asked.given_up.get() + 1);
                        Err(Passed::GivenUp)
                    }
                }
            }
        }
    }

    fn query_values(&self, query: Option<&str>) -> Result<Vec<Cow<'static, str>>, Passed> {
        let Source::Path { demands, .. } = &self.source else { return Ok(Vec::new()) };
        let mut values = Vec::new();
        for (key, wanted) in demands {
            let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
            let mut given = pairs.filter(|(name, _)| name == key).map(|(_, value)| value);
            let found = match wanted {
                Wanted::Any => given.next().map(|_| ()),
                Wanted::Just(wanted) => given.find(|value| value == wanted).map(|_| ()),
                Wanted::Named => given.find(|value| !value.is_empty()).map(|value| {
                    values.push(one_name(&value).into());
                }),
            };
            found.ok_or(Passed::Query)?;
        }
        Ok(values)
    }

    fn outcome(&self, asked: &Asked<'_>, values: &[Cow<'_, str>]) -> Result<Outcome, Passed> {
        let path = match &self.source {
            Source::Host(_) => self.path.append(asked.path),
            Source::Path { .. } | Source::Expression(_) => self.path.fill_path(values),
        };
        // A query in the source was the address of something, and one in the target is the whole of it.
        let query = match &self.query {
            Some(query) => Some(query.fill_query(values)),
            None if self.keeps_query => asked.query.map(query_as_sent),
            None => None,
        };
        let status = match self.action {
            RuleAction::MovedPermanently => StatusCode::MOVED_PERMANENTLY,
            RuleAction::Found => StatusCode::FOUND,
            RuleAction::NotFound => return Ok(Outcome::Page { path }),
            RuleAction::Rewrite | RuleAction::NotFoundRewrite if has_dot_segment(&path) => return Err(Passed::Dots),
            RuleAction::Rewrite | RuleAction::NotFoundRewrite => {
                return Ok(match self.site.clone() {
                    Some(site) => Outcome::Proxy { site, path, query },
                    None => Outcome::Rewrite { path, query },
                });
            }
        };
        let is_here = self.site.as_ref().is_none_or(|site| site.host.eq_ignore_ascii_case(asked.host));
        if is_here && path == asked.path && query.as_deref() == asked.query {
            return Err(Passed::Itself);
        }
        let location = self.location(&path, query.as_deref());
        // Nothing is left raw that a field could not hold.
        let location = HeaderValue::from_str(&location).map_err(|_| Passed::Itself)?;
        Ok(Outcome::Redirect { status, location })
    }

    fn location(&self, path: &str, query: Option<&str>) -> String {
        let mut location = match &self.site {
            Some(site) => format!("{}://{}", if site.secure { "https" } else { "http" }, site.authority()),
            None => String::new(),
        };
        location.push_str(path);
        for (mark, part) in [('?', query), ('#', self.fragment.as_deref())] {
            if let Some(part) = part {
                location.push(mark);
                location.push_str(part);
            }
        }
        location
    }
}
