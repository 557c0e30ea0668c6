//! The wire form of settings: TOML text to flat `section.key` values that remember where they were written.

use std::{collections::BTreeSet, path::Path};

use indexmap::IndexMap;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::{Origin, SettingProblem, Suggestion};

/// The one place where each key, its default, its unit and its reason are written.
pub(crate) const DEFAULTS: &str = include_str!("default.toml");

/// A value as it was written, not yet understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Raw {
    /// A TOML string.
    Text(String),
    /// A TOML number, decimal.
    Number(String),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML array.
    List(Vec<Self>),
    /// The text of a variable or flag: whatever its key wants it to be.
    Untyped(String),
    /// A TOML type that no setting has.
    Foreign(&'static str),
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) raw: Raw,
    pub(crate) origin: Origin,
}

/// A table of a list, such as a rule of `[[custom-rules]]`, its values not yet understood.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Which list.
    pub(crate) list: &'static str,
    /// Where it stands.
    pub(crate) origin: Origin,
    /// Its values, by their names.
    pub(crate) values: Values,
}

/// What rules are called in a file.
pub(crate) const RULES: &str = "custom-rules";
/// What sites are called.
pub(crate) const SITES: &str = "sites";
/// What the hosts that have an access of their own are called.
pub(crate) const HOSTS: &str = "access-hosts";
/// What certificates are called.
pub(crate) const CERTIFICATES: &str = "tls.certificates";

/// The lists of tables that a file may have.
const LISTS: [&str; 4] = [RULES, HOSTS, SITES, CERTIFICATES];

/// The values of one or several sources, by `section.key`.
pub(crate) type Values = IndexMap<String, Written>;

/// The keys and sections that exist: those of the defaults.
#[derive(Debug)]
pub(crate) struct Known {
    keys: BTreeSet<String>,
    sections: BTreeSet<String>,
}

impl Known {
    /// What `defaults` has.
    pub(crate) fn of(defaults: &Values) -> Self {
        let keys: BTreeSet<_> = defaults.keys().cloned().collect();
        let sections =
            keys.iter().filter_map(|key| key.split_once('.')).map(|(section, _)| section.to_owned()).collect();
        Self { keys, sections }
    }

    /// Every key, in alphabetical order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// The nearest key to one that does not exist, where one is near.
    pub(crate) fn nearest(&self, wrong: &str) -> Option<&str> {
        let bare = |key: &str| key.rsplit('.').next().unwrap_or_default().replace('_', "-");
        // A right key in the wrong section is the commonest slip; then one that is nearly spelt right.
        let moved = self.keys.iter().find(|key| bare(key) == bare(wrong));
        let near = || {
            let near = self.keys.iter().chain(&self.sections).map(|key| (strsim::jaro_winkler(key, wrong), key));
            near.filter(|(likeness, _)| *likeness > 0.85).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, key)| key)
        };
        moved.or_else(near).map(String::as_str)
    }
}

/// Reads the defaults, which are compiled in.
pub(crate) fn defaults() -> Values {
    let (document, errors) = DeTable::parse_recoverable(DEFAULTS);
    debug_assert!(errors.is_empty(), "default.toml does not parse: {errors:?}");
    let mut values = Values::new();
    for (section, value) in document.get_ref() {
        match value.get_ref() {
            DeValue::Table(table) => values.extend(table.iter().map(|(key, value)| {
                (
                    format!("{}.{}", section.get_ref(), key.get_ref()),
                    Written { raw: raw(value), origin: Origin::Default },
                )
            })),
            _ => {
                values.insert(section.get_ref().to_string(), Written { raw: raw(value), origin: Origin::Default });
            }
        }
    }
    values
}

/// Reads the text of a settings file, and the lists of tables in it. What is wrong with it goes to `problems`, all of it.
pub(crate) fn file(path: &Path, text: &str, known: &Known, problems: &mut Vec<SettingProblem>) -> (Values, Vec<Table>) {
    let at = |offset: usize| {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Origin::File {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let origin = at(error.span().map_or(0, |span| span.start));
        problems.push(SettingProblem::new(origin, None, format!("no valid TOML: {}", error.message())));
    }
    let (mut values, mut lists) = (Values::new(), Vec::new());
    let table = |list: &'static str, table: &Spanned<DeValue<'_>>| {
        let written = |value: &Spanned<DeValue<'_>>| Written { raw: raw(value), origin: at(value.span().start) };
        let values = match table.get_ref() {
            DeValue::Table(table) => {
                table.iter().map(|(key, value)| (key.get_ref().to_string(), written(value))).collect()
            }
            _ => Values::new(),
        };
        Table { list, origin: at(table.span().start), values }
    };
    let listed = |name: &str| LISTS.into_iter().find(|list| name == *list);
    let mut keep = |key: String, name_at: usize, value: &Spanned<DeValue<'_>>| {
        if known.keys.contains(&key) {
            values.insert(key, Written { raw: raw(value), origin: at(value.span().start) });
        } else {
            let suggestion = known.nearest(&key).map(|near| Suggestion::key(near, &known.keys));
            problems.push(SettingProblem::unknown(at(name_at), &key, suggestion));
        }
    };
    for (name, value) in document.get_ref() {
        let section = name.get_ref();
        match (value.get_ref(), listed(section)) {
            (DeValue::Array(tables), Some(list)) => lists.extend(tables.iter().map(|one| table(list, one))),
            (DeValue::Table(keys), _) if known.sections.contains(section.as_ref()) => {
                for (key, value) in keys {
                    let name = format!("{section}.{}", key.get_ref());
                    match (value.get_ref(), listed(&name)) {
                        (DeValue::Array(tables), Some(list)) => {
                            lists.extend(tables.iter().map(|one| table(list, one)));
                        }
                        _ => keep(name, key.span().start, value),
                    }
                }
            }
            _ => keep(section.to_string(), name.span().start, value),
        }
    }
    (values, lists)
}

fn raw(value: &Spanned<DeValue<'_>>) -> Raw {
    match value.get_ref() {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or_else(|_| Raw::Number(integer.as_str().to_owned()), |number| Raw::Number(number.to_string())),
        DeValue::Float(float) => Raw::Number(float.as_str().to_owned()),
        DeValue::Boolean(boolean) => Raw::Boolean(*boolean),
        DeValue::Array(array) => Raw::List(array.iter().map(raw).collect()),
        DeValue::Datetime(_) => Raw::Foreign("a date"),
        DeValue::Table(_) => Raw::Foreign("a table"),
    }
}
