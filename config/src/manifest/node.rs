//! A value and where it stands: typed access that reports what is missing, repeated, unknown or of the wrong type.

use std::collections::BTreeSet;

use jsonc_parser::{
    ast::{Object, Value},
    common::Ranged,
};

use crate::{
    Rule, Severity,
    report::{Anchor, Report},
};

/// One value of the document.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    value: &'a Value<'a>,
    pub(crate) anchor: Anchor,
}

/// The members of an object, by name.
pub(crate) struct Members<'a> {
    object: &'a Object<'a>,
    anchor: Anchor,
    name: String,
}

impl<'a> Node<'a> {
    /// The document itself.
    pub(crate) fn root(value: &'a Value<'a>) -> Self {
        Self { value, anchor: Anchor { pointer: String::new(), offset: value.start() } }
    }

    /// A value of the document that stands at `anchor`.
    pub(crate) fn new(value: &'a Value<'a>, anchor: Anchor) -> Self {
        Self { value, anchor }
    }

    /// Whether it is `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::NullKeyword(_))
    }

    /// What to call it: `` `path` ``, or `` `routes[0]` `` for an element.
    pub(crate) fn name(&self) -> String {
        let mut tokens = self.anchor.pointer.rsplit('/');
        match (tokens.next().unwrap_or_default(), tokens.next()) {
            ("", _) => "the manifest".to_owned(),
            (index, Some("")) if index.bytes().all(|byte| byte.is_ascii_digit()) => format!("`[{index}]`"),
            (index, Some(list)) if index.bytes().all(|byte| byte.is_ascii_digit()) => format!("`{list}[{index}]`"),
            (key, _) => format!("`{key}`"),
        }
    }

    /// The value as a string.
    pub(crate) fn string(&self, report: &mut Report) -> Option<&'a str> {
        match self.value {
            Value::StringLit(string) => Some(&string.value),
            _ => self.mistyped("a string", "put it in double quotes", report),
        }
    }

    /// The value as `true` or `false`.
    pub(crate) fn boolean(&self, report: &mut Report) -> Option<bool> {
        match self.value {
            Value::BooleanLit(boolean) => Some(boolean.value),
            _ => self.mistyped("true or false", "write true or false, without quotes", report),
        }
    }

    /// The value as a number that is whole and not negative; `Err` holds the text of any other number.
    pub(crate) fn whole(&self, report: &mut Report) -> Option<Result<u32, &'a str>> {
        match self.value {
            Value::NumberLit(number) => Some(whole(number.value).ok_or(number.value)),
            _ => self.mistyped("a number", "write the digits without quotes", report),
        }
    }

    /// The value as a list.
    pub(crate) fn elements(&self, report: &mut Report) -> Option<Vec<Self>> {
        let Value::Array(array) = self.value else {
            return self.mistyped("a list", "write it in square brackets", report);
        };
        let element = |(index, value): (usize, &'a Value<'a>)| Self {
            value,
            anchor: self.anchor.child(&index.to_string(), value.start()),
        };
        Some(array.elements.iter().enumerate().map(element).collect())
    }

    /// The value as an object. Repeated members are errors; members not in `known` are reported with this severity.
    pub(crate) fn members(&self, known: &[&str], unknown: Severity, report: &mut Report) -> Option<Members<'a>> {
        let Value::Object(object) = self.value else {
            return self.mistyped("an object", "write it in curly brackets", report);
        };
        let mut seen = BTreeSet::new();
        for member in &object.properties {
            let key = member.name.as_str();
            let anchor = self.anchor.child(key, member.start());
            if !seen.insert(key) {
                let message = format!("`{key}` stands twice in {}", self.name());
                report.error(Rule::DuplicateKey, &anchor, message, "keep one: readers differ on which of them counts");
            } else if !known.contains(&key) {
                let message = format!("{} has no `{key}` in the specification", self.name());
                report.at(unknown, Rule::UnknownKey, &anchor, message, remedy(key, known));
            }
        }
        Some(Members { object, anchor: self.anchor.clone(), name: self.name() })
    }

    fn mistyped<T>(&self, wanted: &str, help: &str, report: &mut Report) -> Option<T> {
        let found = match self.value {
            Value::StringLit(_) => "a string",
            Value::NumberLit(_) => "a number",
            Value::BooleanLit(_) => "a boolean",
            Value::Object(_) => "an object",
            Value::Array(_) => "a list",
            Value::NullKeyword(_) => "null",
        };
        report.error(Rule::WrongType, &self.anchor, format!("{} must be {wanted}, not {found}", self.name()), help);
        None
    }
}

impl<'a> Members<'a> {
    /// The member of this name, where there is one.
    pub(crate) fn optional(&self, key: &str) -> Option<Node<'a>> {
        let member = self.object.properties.iter().find(|member| member.name.as_str() == key)?;
        let anchor = self.anchor.child(key, member.value.start());
        Some(Node { value: &member.value, anchor })
    }

    /// The member of this name, which must be there; `example` completes the advice to add it.
    pub(crate) fn required(&self, key: &str, example: &str, report: &mut Report) -> Option<Node<'a>> {
        let member = self.optional(key);
        if member.is_none() {
            let message = format!("{} has no `{key}`", self.name);
            report.error(Rule::MissingKey, &self.anchor, message, format!("add `\"{key}\": {example}`"));
        }
        member
    }

    /// Where the object stands.
    pub(crate) fn anchor(&self) -> &Anchor {
        &self.anchor
    }
}

/// The nearest name the specification knows, when it looks like a slip of the pen.
fn remedy(key: &str, known: &[&str]) -> String {
    let near = known.iter().map(|name| (strsim::jaro_winkler(&key.to_lowercase(), &name.to_lowercase()), name));
    match near.max_by(|left, right| left.0.total_cmp(&right.0)) {
        Some((likeness, name)) if likeness > 0.85 => format!("did you mean `{name}`?"),
        _ => format!("remove it; known are {}", list(known)),
    }
}

/// `` `a`, `b` and `c` ``
fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

/// JSON has one type of number: `1`, `1.0` and `1e0` are the same value.
fn whole(text: &str) -> Option<u32> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok()?;
    let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range, as just checked")]
    fits.then_some(number as u32)
}
