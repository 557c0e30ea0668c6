//! A value of the YAML document: typed access that reports what is missing, repeated, unknown or of the wrong type.

use std::collections::BTreeSet;

use super::syntax::{Content, Value};
use crate::{
    Rule, Severity,
    report::{Anchor, Report},
};

/// One value of the document.
#[derive(Clone, Debug)]
pub(super) struct Node<'n, 'a> {
    value: &'n Value<'a>,
    pub(super) anchor: Anchor,
}

/// The members of a mapping, by name.
pub(super) struct Members<'n, 'a> {
    members: &'n [(Value<'a>, Value<'a>)],
    anchor: Anchor,
    name: String,
}

impl<'n, 'a> Node<'n, 'a> {
    /// The document itself.
    pub(super) fn root(value: &'n Value<'a>) -> Self {
        Self { value, anchor: Anchor { pointer: String::new(), offset: value.offset } }
    }

    /// The line it begins in, from one.
    pub(super) fn line(&self) -> usize {
        self.value.line
    }

    /// Whether nothing is written there.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.value.content, Content::Null)
    }

    /// What to call it: `` `pattern` ``, or `` `headers[0]` `` for an element.
    fn name(&self) -> String {
        let mut tokens = self.anchor.pointer.rsplit('/');
        match (tokens.next().unwrap_or_default(), tokens.next()) {
            ("", _) => "the file".to_owned(),
            (index, Some(list)) if index.bytes().all(|byte| byte.is_ascii_digit()) => format!("`{list}[{index}]`"),
            (key, _) => format!("`{key}`"),
        }
    }

    /// The value as a text: every scalar is one, so that `value: 0` needs no quotes.
    pub(super) fn text(&self, report: &mut Report) -> Option<&'n str> {
        match &self.value.content {
            Content::Text(text) => Some(text),
            _ => self.mistyped("a text", "write it behind the colon, in quotes where it begins with `*`", report),
        }
    }

    /// The value as a list; nothing is the empty one.
    pub(super) fn elements(&self, report: &mut Report) -> Option<Vec<Self>> {
        let values = match &self.value.content {
            Content::List(values) => values,
            Content::Null => return Some(Vec::new()),
            _ => return self.mistyped("a list", "begin each element with `- `", report),
        };
        let element = |(index, value): (usize, &'n Value<'a>)| Self {
            value,
            anchor: self.anchor.child(&index.to_string(), value.offset),
        };
        Some(values.iter().enumerate().map(element).collect())
    }

    /// The value as a mapping. Repeated members are errors; members not in `known` are warnings, where any are named.
    pub(super) fn members(&self, known: &[&str], report: &mut Report) -> Option<Members<'n, 'a>> {
        let Content::Map(members) = &self.value.content else {
            return self.mistyped("a mapping", "write `name: value` lines, indented alike", report);
        };
        let mut seen = BTreeSet::new();
        for (key, _) in members.iter() {
            let Content::Text(name) = &key.content else { continue };
            let anchor = self.anchor.child(name, key.offset);
            if !seen.insert(name) {
                let message = format!("`{name}` stands twice in {}", self.name());
                report.error(Rule::DuplicateKey, &anchor, message, "keep one: readers differ on which of them counts");
            } else if !known.is_empty() && !known.contains(&&**name) {
                let message = format!("{} has no `{name}` in custom headers", self.name());
                let help = format!("remove it; known are `{}`", known.join("`, `"));
                report.at(Severity::Warning, Rule::UnknownKey, &anchor, message, help);
            }
        }
        Some(Members { members, anchor: self.anchor.clone(), name: self.name() })
    }

    fn mistyped<T>(&self, wanted: &str, help: &str, report: &mut Report) -> Option<T> {
        let found = match self.value.content {
            Content::Null => "nothing",
            Content::Text(_) => "a text",
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        };
        report.error(Rule::WrongType, &self.anchor, format!("{} must be {wanted}, not {found}", self.name()), help);
        None
    }
}

impl<'n, 'a> Members<'n, 'a> {
    /// The member of this name, where there is one.
    pub(super) fn optional(&self, name: &str) -> Option<Node<'n, 'a>> {
        let named = |key: &Value<'_>| matches!(&key.content, Content::Text(text) if text == name);
        let (_, value) = self.members.iter().find(|(key, _)| named(key))?;
        Some(Node { value, anchor: self.anchor.child(name, value.offset) })
    }

    /// The member of this name, which must be there.
    pub(super) fn required(&self, name: &str, report: &mut Report) -> Option<Node<'n, 'a>> {
        let member = self.optional(name);
        if member.is_none() {
            let message = format!("{} has no `{name}`", self.name);
            report.error(Rule::MissingKey, &self.anchor, message, format!("add `{name}: ...`"));
        }
        member
    }
}
