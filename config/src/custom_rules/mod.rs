//! Custom rules: the rewrites and redirects of Amplify Hosting, from text to meaning.
//!
//! A rule is what the console, the CLI and the API of Amplify call one: `source`, `target`, `status` and `condition`. Rules
//! stand in the bundle's `customRules.json`, in what `aws amplify get-app` prints, and in the settings file; wherever
//! they stand, [`draft`] reads each of them, and the first one that takes a request wins.
//!
//! Amplify ignores a rule it cannot use and says nothing. Here such a rule is a warning that says so, and is left out.

mod document;
mod draft;
mod source;
mod target;

use std::fmt;

pub(crate) use document::{FILE, read};
pub use document::{parse_custom_rules, read_custom_rules};
pub(crate) use draft::{Field, Reader, Remark, Texts};
pub use source::{Demand, Piece, RuleSource};
pub use target::{RuleTarget, Site};

/// One rewrite or redirect.
#[derive(Clone, Debug)]
pub struct CustomRule {
    /// Which requests it takes.
    pub source: RuleSource,
    /// Where they go.
    pub target: RuleTarget,
    /// How they get there.
    pub action: RuleAction,
    /// The country that the client must be in: two capital letters.
    pub country: Option<String>,
    /// Source and target as they are written, for people.
    pub text: RuleText,
}

/// A rule as it is written, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleText {
    /// The source.
    pub source: String,
    /// The target.
    pub target: String,
    /// File, line, column and, in JSON, pointer.
    pub place: String,
}

/// What a rule's `status` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleAction {
    /// `200`: the target is answered under the address that was asked for.
    Rewrite,
    /// `301`: the client is sent to the target, for good.
    MovedPermanently,
    /// `302`: the client is sent to the target, and asks here again the next time.
    Found,
    /// `404`: where nothing is found, the target is answered, as not found.
    NotFound,
    /// `404-200`: where nothing is found, the target is answered.
    NotFoundRewrite,
}

impl RuleAction {
    /// Every action.
    pub const ALL: [Self; 5] =
        [Self::Rewrite, Self::MovedPermanently, Self::Found, Self::NotFound, Self::NotFoundRewrite];

    /// As the status is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rewrite => "200",
            Self::MovedPermanently => "301",
            Self::Found => "302",
            Self::NotFound => "404",
            Self::NotFoundRewrite => "404-200",
        }
    }

    /// Whether the rule waits until nothing else has answered.
    pub fn is_last_resort(self) -> bool {
        matches!(self, Self::NotFound | Self::NotFoundRewrite)
    }

    /// Whether the client is sent elsewhere.
    pub fn is_redirect(self) -> bool {
        matches!(self, Self::MovedPermanently | Self::Found)
    }
}

/// What a `<name>` or `<*>` of a target stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Placeholder {
    /// What `<*>` matched.
    Rest,
    /// What `<name>` matched.
    Name(String),
}

impl fmt::Display for Placeholder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rest => out.write_str("<*>"),
            Self::Name(name) => write!(out, "<{name}>"),
        }
    }
}

impl fmt::Display for CustomRule {
    /// `/old/<*> -> /new/<*> 301 <US>`
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} -> {} {}", self.text.source, self.text.target, self.action.as_str())?;
        self.country.iter().try_for_each(|country| write!(out, " <{country}>"))
    }
}
