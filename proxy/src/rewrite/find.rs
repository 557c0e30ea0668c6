//! Hot: the rule that takes a request.

use edgeplane_config::{RuleAction, RuleText};

use super::{
    asked::Asked,
    automaton::Patterns,
    compile::Compiled,
    judge::{Outcome, Passed},
};

/// The custom rules of a deployment, compiled. There is at least one.
#[derive(Debug)]
pub struct CustomRules {
    pub(super) rules: Box<[Compiled]>,
    pub(super) first: Stage,
    pub(super) last: Stage,
    pub(super) reads_country: bool,
}

/// The two lists that rules are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Those that come before the routes.
    First,
    /// Those that are asked when nothing was found.
    Last,
}

/// One list of rules, each named by its place among all.
#[derive(Debug)]
pub(super) struct Stage {
    /// The sources that are paths; the automaton's numbers are places in `plain`.
    pub(super) patterns: Option<Patterns>,
    pub(super) plain: Box<[usize]>,
    /// Rules for hosts and those with regular expressions, in their order.
    pub(super) others: Box<[usize]>,
}

/// A rule that takes a request, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The rule's place among all, from 0.
    pub index: usize,
    /// What is to be done.
    pub outcome: Outcome,
}

impl CustomRules {
    /// The first rule of a list that applies. `is_image` says whether an image route would take the path; it is asked
    /// only where that makes a difference.
    pub fn find(&self, list: List, asked: &Asked<'_>, is_image: &dyn Fn() -> bool) -> Option<Taken> {
        let stage = match list {
            List::First => &self.first,
            List::Last => &self.last,
        };
        let take = |index: usize| {
            let outcome = self.rules.get(index)?.judge(asked, is_image).ok()?;
            Some(Taken { index, outcome })
        };
        let mut others = stage.others.iter().copied().peekable();
        let of_paths = stage.patterns.as_ref().and_then(|patterns| {
            patterns.find_map(asked.decoded, |number| {
                let index = *stage.plain.get(number)?;
                while let Some(other) = others.next_if(|other| *other < index) {
                    if let Some(taken) = take(other) {
                        return Some(taken);
                    }
                }
                take(index)
            })
        });
        of_paths.or_else(|| others.find_map(take))
    }

    /// Whether one rule takes a request, looked at alone, and why not.
    ///
    /// # Errors
    /// Why not; also for a place where there is no rule.
    pub fn judge(&self, index: usize, asked: &Asked<'_>, is_image: &dyn Fn() -> bool) -> Result<Outcome, Passed> {
        self.rules.get(index).ok_or(Passed::Path)?.judge(asked, is_image)
    }

    /// The places of a list's rules, in their order.
    pub fn of(&self, list: List) -> impl Iterator<Item = usize> {
        let belongs = move |rule: &Compiled| rule.action.is_last_resort() == (list == List::Last);
        self.rules.iter().enumerate().filter(move |(_, rule)| belongs(rule)).map(|(index, _)| index)
    }

    /// A rule as it was written: `/old/<*> -> /new/<*> 301`.
    pub fn shown(&self, index: usize) -> &str {
        self.rules.get(index).map_or("", |rule| &rule.shown)
    }

    /// What a rule does.
    pub fn action(&self, index: usize) -> Option<RuleAction> {
        self.rules.get(index).map(|rule| rule.action)
    }

    /// A rule's texts, and where they stand.
    pub fn text(&self, index: usize) -> Option<&RuleText> {
        self.rules.get(index).map(|rule| &rule.text)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rules.len()
    }

    /// Whether any rule asks where the client is.
    pub fn reads_country(&self) -> bool {
        self.reads_country
    }
}
