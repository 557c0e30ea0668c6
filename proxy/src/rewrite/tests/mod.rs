//! What custom rules take and what comes of it: every example of Amplify's documentation, every rule of its text, and
//! that the automaton finds what a loop over the rules finds.

mod documented;
mod hostile;
mod properties;

use std::path::Path;

use edgeplane_config::{CustomRule, RewriteSettings, Settings, parse_custom_rules};

use super::{Asked, CustomRules, List, Outcome, Taken};
use crate::answer::Head;

/// The rules of a JSON text, whatever is remarked upon.
fn read(json: &str) -> Vec<CustomRule> {
    let parsed = parse_custom_rules(json, Path::new("customRules.json"));
    parsed.unwrap_or_else(|problems| panic!("{problems}\nin {json}")).0
}

/// `source target status [condition]`, one rule per line.
fn rules(lines: &str) -> Vec<CustomRule> {
    let rules: Vec<_> = lines
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let [source, target, status] = words[..3] else { panic!("{line}") };
            serde_json::json!({"source": source, "target": target, "status": status, "condition": words.get(3)})
        })
        .collect();
    read(&serde_json::to_string_pretty(&rules).unwrap())
}

fn settings() -> RewriteSettings {
    Settings::default().rewrite
}

fn compile(rules: &[CustomRule]) -> CustomRules {
    CustomRules::compile(rules, &settings()).unwrap().unwrap()
}

/// `HOST/path?query`; the host may be left out.
struct Request {
    host: String,
    path: String,
    query: Option<String>,
    country: Option<&'static str>,
}

impl Request {
    fn of(address: &str) -> Self {
        let (host, origin) = address.split_at(address.find('/').unwrap());
        let (path, query) = match origin.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (origin, None),
        };
        Self { host: host.to_owned(), path: path.to_owned(), query, country: None }
    }

    fn from(self, country: &'static str) -> Self {
        Self { country: Some(country), ..self }
    }

    fn ask<T>(&self, ask: impl FnOnce(&Asked<'_>) -> T) -> T {
        let decoded: Vec<u8> = percent_encoding::percent_decode_str(&self.path).collect();
        let head = Head {
            method: "GET",
            path: &self.path,
            query: self.query.as_deref(),
            fields: &[],
            http11: true,
            host: &self.host,
        };
        ask(&Asked::of(&head, &decoded, self.country))
    }

    fn find(&self, rules: &CustomRules, list: List) -> Option<Taken> {
        self.ask(|asked| rules.find(list, asked, &|| asked.decoded.starts_with(b"/_amplify/image")))
    }
}

/// An outcome in one line.
fn shown(outcome: &Outcome) -> String {
    let address = |path: &str, query: &Option<String>| match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    match outcome {
        Outcome::Redirect { status, location } => format!("{} {}", status.as_u16(), location.to_str().unwrap()),
        Outcome::Rewrite { path, query } => format!("to {}", address(path, query)),
        Outcome::Proxy { site, path, query } => format!("ask https://{}{}", site.authority(), address(path, query)),
        Outcome::Page { path } => format!("page {path}"),
    }
}

/// What the rules of both lists make of an address; the second list is asked when the first takes nothing.
fn told(rules: &CustomRules, request: &Request) -> String {
    let taken = request.find(rules, List::First).or_else(|| request.find(rules, List::Last));
    taken.map_or_else(|| "-".to_owned(), |taken| shown(&taken.outcome))
}

fn check(rules: &[CustomRule], table: &[(&str, &str)]) {
    let compiled = compile(rules);
    for (address, expected) in table {
        assert_eq!(told(&compiled, &Request::of(address)), *expected, "{address} of {rules:#?}");
    }
}
