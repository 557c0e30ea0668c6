//! The document of custom headers, in each of its three forms.
//!
//! ```yaml
//! customHeaders:             # the form of a project, in `customHttp.yml` and, long ago, in `amplify.yml`
//!   - pattern: '**/*.json'
//!     headers:
//!       - key: Cache-Control
//!         value: no-cache
//! applications:              # the form of a monorepo, likewise
//!   - appRoot: apps/web
//!     customHeaders: []
//! ```

use std::path::Path;

use http::HeaderName;

use super::{
    HeaderField, HeaderPlace, HeaderRule, field,
    locate::LEGACY,
    node::{Members, Node},
    pattern, syntax,
};
use crate::{Rule, report::Report};

/// Rules of one application. Each costs states of the automaton that every path is matched on.
const RULES_MAX: usize = 1000;

/// One document that is being read.
struct Reading<'r> {
    file: &'r Path,
    report: &'r mut Report,
}

/// Reads the rules of the application in `app_root`; where that is empty, of the only one. None where it is in doubt
/// which they are.
pub(super) fn read(text: &str, file: &Path, app_root: &str, report: &mut Report) -> Option<Vec<HeaderRule>> {
    let Some(document) = syntax::parse(text, report) else { return Some(Vec::new()) };
    let root = Node::root(&document);
    // Build settings hold much else.
    let is_legacy = file.file_name().is_some_and(|name| name == LEGACY);
    let known: &[&str] = if is_legacy { &[] } else { &["customHeaders", "applications"] };
    if root.is_null() {
        return Some(Vec::new());
    }
    let members = root.members(known, report)?;
    let mut reading = Reading { file, report };
    let project = members.optional("customHeaders").map(|list| reading.rules(&list));
    let applications = members.optional("applications").map(|list| reading.applications(&list, is_legacy));
    if project.is_none() && applications.is_none() && !is_legacy {
        let message = "there are neither `customHeaders` nor `applications` in it";
        let help = "write `customHeaders:` and below it a list of `pattern` and `headers`";
        reading.report.warning(Rule::MissingKey, &root.anchor, message, help);
    }
    let mut rules = project.unwrap_or_default();
    rules.extend(chosen(applications.unwrap_or_default(), app_root, &root, reading.report)?);
    Some(rules)
}

/// The rules of the application that was asked for.
fn chosen(
    applications: Vec<(String, Vec<HeaderRule>)>,
    app_root: &str,
    root: &Node<'_, '_>,
    report: &mut Report,
) -> Option<Vec<HeaderRule>> {
    let (wanted, roots) = (trimmed(app_root), applications.iter().map(|(root, _)| format!("`{root}`")));
    let roots = roots.collect::<Vec<_>>().join(", ");
    let help = format!("set `headers.app-root` to one of {roots}");
    let mut applications = applications.into_iter();
    if wanted.is_empty() {
        let only = applications.next().map(|(_, rules)| rules).unwrap_or_default();
        if applications.next().is_some() {
            report.error(
                Rule::HeaderApplication,
                &root.anchor,
                "there are custom headers for several applications",
                help,
            );
            return None;
        }
        return Some(only);
    }
    let found = applications.find(|(root, _)| trimmed(root) == wanted);
    if found.is_none() && !roots.is_empty() {
        let message = format!("there are no custom headers for the application `{app_root}`");
        report.error(Rule::HeaderApplication, &root.anchor, message, help);
    }
    Some(found.map(|(_, rules)| rules).unwrap_or_default())
}

/// `./apps/web/` is `apps/web`.
fn trimmed(root: &str) -> &str {
    root.trim_start_matches("./").trim_matches('/')
}

impl Reading<'_> {
    /// The applications that have custom headers.
    fn applications(&mut self, list: &Node<'_, '_>, is_legacy: bool) -> Vec<(String, Vec<HeaderRule>)> {
        let known: &[&str] = if is_legacy { &[] } else { &["appRoot", "customHeaders"] };
        let mut applications = Vec::new();
        for element in list.elements(self.report).unwrap_or_default() {
            let Some(members) = element.members(known, self.report) else { continue };
            let Some(rules) = members.optional("customHeaders") else { continue };
            let root = members.required("appRoot", self.report).and_then(|root| root.text(self.report));
            let rules = self.rules(&rules);
            applications.extend(root.map(|root| (root.to_owned(), rules)));
        }
        applications
    }

    fn rules(&mut self, list: &Node<'_, '_>) -> Vec<HeaderRule> {
        let elements = list.elements(self.report).unwrap_or_default();
        if elements.len() > RULES_MAX {
            let message = format!("there are {} patterns, more than {RULES_MAX}", elements.len());
            self.report.error(Rule::HeadersTooMany, &list.anchor, message, "merge patterns with `*` and `**`");
        }
        elements.iter().filter_map(|element| self.rule(element)).collect()
    }

    fn rule(&mut self, node: &Node<'_, '_>) -> Option<HeaderRule> {
        let members = node.members(&["pattern", "headers"], self.report)?;
        let pattern = members.required("pattern", self.report).and_then(|node| self.pattern(&node));
        let list = members.required("headers", self.report)?;
        let mut fields: Vec<HeaderField> = Vec::new();
        for element in list.elements(self.report)? {
            let Some(members) = element.members(&["key", "value"], self.report) else { continue };
            let Some(field) = self.field(&members) else { continue };
            if let Some(earlier) = fields.iter().position(|earlier| earlier.name == field.name) {
                let message = format!("`{}` stands twice for one pattern", field.name);
                let help = "the last one counts; write several values in one, separated by commas";
                self.report.warning(Rule::HeaderRepeated, &element.anchor, message, help);
                fields.remove(earlier);
            }
            fields.push(field);
        }
        Some(HeaderRule { pattern: pattern?, fields })
    }

    fn pattern(&mut self, node: &Node<'_, '_>) -> Option<String> {
        let text = node.text(self.report)?;
        if let Some(stranger) = pattern::stranger(text) {
            let message = format!("{stranger} in the pattern `{text}` stands for itself");
            let help = "patterns are matched on the path; only `*` and `**` mean something in them";
            self.report.warning(Rule::HeaderPattern, &node.anchor, message, help);
        }
        let pattern = pattern::parse(text);
        if let Err(fault) = pattern {
            let (message, help) = fault.told();
            self.report.error(Rule::HeaderPattern, &node.anchor, message, help);
        }
        pattern.ok()
    }

    fn field(&mut self, members: &Members<'_, '_>) -> Option<HeaderField> {
        let key = members.required("key", self.report);
        let value = members.required("value", self.report);
        let name = key.as_ref().and_then(|node| self.name(node));
        let value_text = value.as_ref().and_then(|node| node.text(self.report).map(|text| (node, text)));
        let value = value_text.and_then(|(node, text)| {
            let read = field::value(text);
            if let Err(fault) = read {
                let (what, help) = fault.told();
                self.report.error(Rule::HeaderValue, &node.anchor, format!("the value {what}"), help);
            }
            read.ok()
        });
        let line = key.map_or(1, |key| key.line());
        Some(HeaderField { name: name?, value: value?, place: HeaderPlace { file: self.file.to_owned(), line } })
    }

    fn name(&mut self, node: &Node<'_, '_>) -> Option<HeaderName> {
        let text = node.text(self.report)?;
        let Some(name) = field::name(text.trim()) else {
            let message = format!("`{text}` is no name of a header");
            let help = "use letters, digits and `-`; the colon is not part of it";
            self.report.error(Rule::HeaderName, &node.anchor, message, help);
            return None;
        };
        if let Some(reserved) = field::reserved(&name) {
            let message = format!("`{text}` {} and cannot be set", reserved.reason());
            let help = if name == http::header::LOCATION { "a redirect is a rule, not a header" } else { "remove it" };
            self.report.error(Rule::HeaderReserved, &node.anchor, message, help);
            return None;
        }
        Some(name)
    }
}
