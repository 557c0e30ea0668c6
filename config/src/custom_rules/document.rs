//! A document of rules: a JSON list, or what `aws amplify get-app` prints around one.

use std::path::Path;

use jsonc_parser::{ast::Value, common::Ranged as _};

use super::{CustomRule, Field, Reader, Remark, Texts};
use crate::{
    Problems, Rule, Severity,
    bundle::{TextFault, text_of},
    manifest::{
        node::{Members, Node},
        syntax,
    },
    report::{Anchor, Cursor, Report},
};

/// The name of the rules in a bundle.
pub(crate) const FILE: &str = "customRules.json";

/// Reads the rules of a file that somebody named.
///
/// Returns the rules with what was remarked upon, which holds no errors.
///
/// # Errors
/// Every problem at once, warnings included, when at least one is an error.
pub fn read_custom_rules(file: &Path) -> Result<(Vec<CustomRule>, Problems), Problems> {
    let (rules, problems) = read(file, file);
    if problems.has_errors() { Err(problems) } else { Ok((rules, problems)) }
}

/// Reads the rules of `file`, which problems call `name`.
pub(crate) fn read(file: &Path, name: &Path) -> (Vec<CustomRule>, Problems) {
    let mut report = Report::new(name);
    let start = Anchor::default();
    let unreadable = Rule::CustomRulesUnreadable;
    let text = match text_of(file) {
        Ok(text) => text,
        Err(fault) => {
            let (message, help) = match fault {
                TextFault::Unreadable(error) => {
                    (format!("the rules cannot be read: {error}"), "make it a regular file that you can read")
                }
                TextFault::TooLarge(most) => (
                    format!("the rules are larger than {most} bytes"),
                    "one rule with `<*>` or a regular expression can stand for many",
                ),
                TextFault::NoText { .. } => ("the rules are no UTF-8 text".to_owned(), "save them as UTF-8"),
            };
            report.error(unreadable, &start, message, help);
            return (Vec::new(), report.finish(""));
        }
    };
    let rules = parse(&text, name, &mut report);
    (rules, report.finish(&text))
}

/// Reads rules out of a text that is called `name`; see [`read_custom_rules`].
///
/// # Errors
/// Every problem at once, warnings included, when at least one is an error.
pub fn parse_custom_rules(text: &str, name: &Path) -> Result<(Vec<CustomRule>, Problems), Problems> {
    let mut report = Report::new(name);
    let rules = parse(text, name, &mut report);
    let problems = report.finish(text);
    if problems.has_errors() { Err(problems) } else { Ok((rules, problems)) }
}

fn parse(text: &str, name: &Path, report: &mut Report) -> Vec<CustomRule> {
    if text.trim().is_empty() {
        let help = "write a list of rules, `[]` for none";
        report.error(Rule::JsonSyntax, &Anchor::default(), "the file is empty", help);
        return Vec::new();
    }
    let Some(value) = syntax::parse(text, report) else { return Vec::new() };
    let Some(list) = list(&value, report) else { return Vec::new() };
    let Some(elements) = list.elements(report) else { return Vec::new() };
    let mut reader = Reader::default();
    let mut places = Cursor::new(text);
    elements.iter().filter_map(|element| rule(element, &mut reader, name, &mut places, report)).collect()
}

/// The list of rules: the document itself, or its `customRules`, or those of its `app`.
fn list<'a>(value: &'a Value<'a>, report: &mut Report) -> Option<Node<'a>> {
    let root = Node::root(value);
    let Value::Object(object) = value else { return Some(root) };
    let member = |object: &'a jsonc_parser::ast::Object<'a>, key: &str| {
        object.properties.iter().find(|property| property.name.as_str() == key).map(|property| &property.value)
    };
    let (holder, place) = match member(object, "app") {
        Some(Value::Object(app)) => (app, root.anchor.child("app", app.start())),
        _ => (object, root.anchor.clone()),
    };
    let found = member(holder, "customRules");
    if found.is_none() {
        let help = "write a list of rules, or what `aws amplify get-app` prints";
        report.error(Rule::MissingKey, &place, "there are no `customRules`", help);
    }
    found.map(|list| Node::new(list, place.child("customRules", list.start())))
}

fn rule(
    node: &Node<'_>,
    reader: &mut Reader,
    name: &Path,
    places: &mut Cursor<'_>,
    report: &mut Report,
) -> Option<CustomRule> {
    let members = node.members(&["source", "target", "status", "condition"], Severity::Warning, report)?;
    let source =
        members.required("source", "\"/old\"", report).and_then(|node| node.string(report).map(|text| (node, text)));
    let target =
        members.required("target", "\"/new\"", report).and_then(|node| node.string(report).map(|text| (node, text)));
    let status = optional(&members, "status", report);
    let condition = optional(&members, "condition", report);
    let ((source_node, source), (target_node, target)) = (source?, target?);
    let (status, condition) = (status?, condition?);
    let texts = Texts {
        source,
        target,
        status: status.as_ref().map(|(_, text)| *text),
        condition: condition.as_ref().map(|(_, text)| *text),
    };
    let anchor_of = |field| match field {
        Field::Source => source_node.anchor.clone(),
        Field::Target => target_node.anchor.clone(),
        Field::Status => status.as_ref().map_or_else(|| node.anchor.clone(), |(node, _)| node.anchor.clone()),
        Field::Condition => condition.as_ref().map_or_else(|| node.anchor.clone(), |(node, _)| node.anchor.clone()),
        Field::Whole => node.anchor.clone(),
    };
    let (line, column) = places.advance(node.anchor.offset);
    let place = format!("{}:{line}:{column} ({})", name.display(), node.anchor.pointer);
    reader.read(&texts, &place, &mut |Remark { severity, rule, field, message, help }| {
        report.at(severity, rule, &anchor_of(field), message, help);
    })
}

type Text<'a> = (Node<'a>, &'a str);

/// A text that may be missing or `null`, as the console writes it. None where it is something else.
#[expect(clippy::option_option, reason = "none: it is wrong; some none: it is not there")]
fn optional<'a>(members: &Members<'a>, key: &str, report: &mut Report) -> Option<Option<Text<'a>>> {
    match members.optional(key) {
        None => Some(None),
        Some(node) if node.is_null() => Some(None),
        Some(node) => node.string(report).map(|text| Some((node, text))),
    }
}
