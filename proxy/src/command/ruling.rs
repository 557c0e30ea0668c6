//! What custom rules say to a request, in words: which one takes it, and why those before it do not.

use serde_json::{Value, json};

use crate::{
    answer::Head,
    decide,
    rewrite::{Asked, CustomRules, List, Outcome, Taken},
    site::Deployment,
};

/// The judgement of one list of rules.
pub(super) struct Ruling {
    passed: Vec<Line>,
    taken: Option<Line>,
    /// What is to be done.
    pub(super) outcome: Option<Outcome>,
}

/// A rule, where it stands, and why it does not take the request.
struct Line {
    rule: String,
    place: String,
    why: Option<String>,
}

impl Line {
    fn of(rules: &CustomRules, index: usize, why: Option<String>) -> Self {
        let place = rules.text(index).map(|text| text.place.clone()).unwrap_or_default();
        Self { rule: rules.shown(index).to_owned(), place, why }
    }
}

impl Ruling {
    /// Asks a list, by the function that serving asks it by.
    pub(super) fn of(
        deployment: &Deployment,
        list: List,
        head: &Head<'_>,
        path: &[u8],
        country: Option<&str>,
    ) -> Option<Self> {
        let rules = deployment.custom_rules.as_ref()?;
        let taken = decide::rule(deployment, list, head, path, country).taken;
        let asked = Asked::of(head, path, country);
        let is_image = || decide::is_image(deployment, path);
        let is_before = |index: &usize| taken.as_ref().is_none_or(|taken| *index < taken.index);
        let passed = rules.of(list).filter(is_before).map(|index| {
            let why = rules.judge(index, &asked, &is_image).err();
            let why = why.map_or_else(|| "it is for GET and HEAD only".to_owned(), |why| why.to_string());
            Line::of(rules, index, Some(why))
        });
        let passed = passed.collect();
        let line = taken.as_ref().map(|taken| Line::of(rules, taken.index, None));
        Some(Self { passed, taken: line, outcome: taken.map(|Taken { outcome, .. }| outcome) })
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let passed = self
            .passed
            .iter()
            .map(|Line { rule, why, .. }| format!("not         {rule}: {}", why.as_deref().unwrap_or_default()));
        let taken = self.taken.iter().map(|Line { rule, place, .. }| format!("rule        {rule} ({place})"));
        let outcome = self.outcome.iter().map(|outcome| match outcome {
            Outcome::Redirect { status, location } => {
                format!("answers     {} {}", status.as_str(), String::from_utf8_lossy(location.as_bytes()))
            }
            Outcome::Rewrite { path, query } => format!("rewritten   {}", address(path, query.as_deref())),
            Outcome::Proxy { site, path, query } => {
                format!("asks        https://{}{}", site.authority(), address(path, query.as_deref()))
            }
            Outcome::Page { path } => format!("page        {path}"),
        });
        passed.chain(taken).chain(outcome).collect()
    }

    /// For programs.
    pub(super) fn json(&self) -> Vec<Value> {
        let line = |Line { rule, place, why }: &Line| json!({ "rule": rule, "place": place, "passed_over": why });
        self.passed.iter().chain(&self.taken).map(line).collect()
    }
}

fn address(path: &str, query: Option<&str>) -> String {
    query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
}
